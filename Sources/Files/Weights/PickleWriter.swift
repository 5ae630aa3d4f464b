import Foundation

/// A value of Python's as a PyTorch checkpoint holds it.
public indirect enum PythonValue: Sendable {
  case none
  case boolean(Bool)
  case integer(Int)
  case number(Double)
  case text(String)
  case list([PythonValue])
  case tuple([PythonValue])
  /// By text keys, in their order.
  case dictionary([(key: String, value: PythonValue)])
  case tensor(StoredTensor)
}

/// Writes values as a pickle (protocol 2) in which tensors name their storages, as `torch.save` does.
struct PickleWriter {
  private(set) var data = Data([0x80, 2])
  /// The storages' bytes by their key; tensors of equal bytes share one, as parameters do that a network names twice.
  private(set) var storages: [Data] = []
  private var places: [Data: Int] = [:]

  /// The pickle of one value.
  init(_ value: PythonValue) {
    write(value)
    data.append(UInt8(ascii: "."))
  }

  private mutating func write(_ value: PythonValue) {
    switch value {
    case .none: code("N")
    case .boolean(let value): data.append(value ? 0x88 : 0x89)
    case .integer(let value):
      // LONG1: little-endian two's complement of eight bytes.
      data.append(contentsOf: [0x8A, 8])
      append(UInt64(bitPattern: Int64(value)))
    case .number(let value):
      code("G")
      append(value.bitPattern.byteSwapped)
    case .text(let text):
      code("X")
      append(UInt32(text.utf8.count))
      data.append(contentsOf: text.utf8)
    case .list(let values):
      code("](")
      for value in values { write(value) }
      code("e")
    case .tuple(let values):
      code("(")
      for value in values { write(value) }
      code("t")
    case .dictionary(let entries):
      code("}(")
      for entry in entries {
        write(.text(entry.key))
        write(entry.value)
      }
      code("u")
    case .tensor(let tensor): write(tensor)
    }
  }

  /// A call of `_rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks)`.
  private mutating func write(_ tensor: StoredTensor) {
    let key = places[tensor.data] ?? storages.count
    if key == storages.count {
      places[tensor.data] = key
      storages.append(tensor.data)
    }
    var stride = 1
    let strides = tensor.shape.reversed().map { size in
      defer { stride *= max(size, 1) }
      return stride
    }.reversed()
    code("ctorch._utils\n_rebuild_tensor_v2\n(")
    code("(")
    write(.text("storage"))
    code("ctorch\n\(Self.storageName(tensor.elementType))\n")
    write(.text("\(key)"))
    write(.text("cpu"))
    write(.integer(tensor.data.count / tensor.elementType.size))
    code("tQ")
    write(.integer(0))
    write(.tuple(tensor.shape.map(PythonValue.integer)))
    write(.tuple(strides.map(PythonValue.integer)))
    write(.boolean(false))
    code("ccollections\nOrderedDict\n)R")
    code("tR")
  }

  private static func storageName(_ type: SafetensorsElementType) -> String {
    switch type {
    case .float16: "HalfStorage"
    case .bfloat16: "BFloat16Storage"
    case .float32: "FloatStorage"
    case .float64: "DoubleStorage"
    case .int8: "CharStorage"
    case .int16: "ShortStorage"
    case .int32: "IntStorage"
    case .int64: "LongStorage"
    case .uint8: "ByteStorage"
    case .bool: "BoolStorage"
    case .uint16, .uint32, .uint64, .float8E4M3, .float8E5M2:
      preconditionFailure("PyTorch has no storage of the type \(type.rawValue) in pickles of protocol 2")
    }
  }

  private mutating func code(_ text: String) { data.append(contentsOf: text.utf8) }

  private mutating func append<Number: FixedWidthInteger>(_ value: Number) {
    withUnsafeBytes(of: value.littleEndian) { data.append(contentsOf: $0) }
  }
}
