import Files
import Foundation

/// A value in a pickle. Containers are places in `Pickle.nodes`, so that neither depth nor a cycle costs anything.
enum PickleValue {
  case none
  case bool(Bool)
  case integer(Int)
  case real(Double)
  case text(String)
  case node(Int)
}

/// The few classes and functions that a file of weights may name.
enum PickleGlobal {
  case orderedDictionary
  case rebuildTensor
  case rebuildParameter
  case size
  case storage(SafetensorsElementType)
  // What nnU-Net's checkpoints hold beside weights: a device's name, and NumPy's numbers.
  case device
  case numPyScalar
  case numPyType
  /// How text stands for bytes in pickles of version 2.
  case encodedBytes

  init?(_ name: String) {
    switch name {
    case "collections.OrderedDict": self = .orderedDictionary
    case "torch._utils._rebuild_tensor_v2": self = .rebuildTensor
    case "torch._utils._rebuild_parameter": self = .rebuildParameter
    case "torch.Size": self = .size
    case "torch.device": self = .device
    case "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar": self = .numPyScalar
    case "numpy.dtype": self = .numPyType
    case "_codecs.encode": self = .encodedBytes
    case "torch.FloatStorage": self = .storage(.float32)
    case "torch.DoubleStorage": self = .storage(.float64)
    case "torch.HalfStorage": self = .storage(.float16)
    case "torch.BFloat16Storage": self = .storage(.bfloat16)
    case "torch.LongStorage": self = .storage(.int64)
    case "torch.IntStorage": self = .storage(.int32)
    case "torch.ShortStorage": self = .storage(.int16)
    case "torch.CharStorage": self = .storage(.int8)
    case "torch.ByteStorage": self = .storage(.uint8)
    case "torch.BoolStorage": self = .storage(.bool)
    default: return nil
    }
  }
}

/// A block of numbers elsewhere in the file.
struct PickledStorage: Equatable {
  let key: String
  let elementType: SafetensorsElementType
  /// Elements.
  let count: Int
}

/// A tensor's view of a storage.
struct PickledTensor {
  let storage: PickledStorage
  /// Offset and strides in elements.
  let offset: Int
  let shape: [Int]
  let strides: [Int]
}

enum PickleNode {
  case tuple([PickleValue])
  case list([PickleValue])
  case dictionary([(key: PickleValue, value: PickleValue)])
  case global(PickleGlobal)
  case storage(PickledStorage)
  case tensor(PickledTensor)
  case bytes([UInt8])
  case numPyType(NumPyScalarType)
}

/// What a pickle holds.
struct Pickle {
  let root: PickleValue
  let nodes: [PickleNode]
  /// The bytes it took.
  let length: Int

  /// The longest pickle that is read, in bytes: the arrays' bytes are not in it.
  static let maximumLength = 8 << 20
}

/// What is wrong with a pickle.
enum PickleProblem: Error {
  case damaged(String)
  /// It asks for something by name.
  case refused(String)
}

/// Reads the pickle at the start of some bytes, building numbers, strings, containers and tensors, and nothing else.
///
/// Python's own reader calls whatever the file names. This one knows the opcodes that PyTorch writes and the handful of
/// names in `PickleGlobal`; anything else ends the reading.
struct PickleReader {
  private let bytes: Data
  private var place: Int
  private var stack: [PickleValue] = []
  private var marks: [Int] = []
  private var memo: [Int: PickleValue] = [:]
  private var nodes: [PickleNode] = []

  static func read(_ data: Data) throws(PickleProblem) -> Pickle {
    var reader = PickleReader(data)
    return try reader.run()
  }

  private init(_ data: Data) {
    bytes = data.prefix(Pickle.maximumLength)
    place = bytes.startIndex
  }

  private mutating func run() throws(PickleProblem) -> Pickle {
    while true {
      guard stack.count <= 1 << 20, nodes.count <= 1 << 20, memo.count <= 1 << 20 else {
        throw .damaged("its pickle holds more than a million values")
      }
      let opcode = try byte()
      switch opcode {
      case UInt8(ascii: "."):
        guard marks.isEmpty else { throw .damaged("its pickle opens what it never closes") }
        return Pickle(root: try pop(), nodes: nodes, length: place - bytes.startIndex)
      case 0x80:
        let version = try byte()
        guard (2...5).contains(version) else { throw .damaged("its pickle has the unknown version \(version)") }
      case 0x95: _ = try take(8)  // a frame's length
      case UInt8(ascii: "("): marks.append(stack.count)

      // Plain values.
      case UInt8(ascii: "N"): stack.append(.none)
      case 0x88: stack.append(.bool(true))
      case 0x89: stack.append(.bool(false))
      case UInt8(ascii: "K"): stack.append(.integer(try unsigned(1)))
      case UInt8(ascii: "M"): stack.append(.integer(try unsigned(2)))
      case UInt8(ascii: "J"): stack.append(.integer(Int(Int32(truncatingIfNeeded: try unsigned(4)))))
      case 0x8a: stack.append(try longInteger())
      case UInt8(ascii: "G"):
        let pattern = try take(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        stack.append(.real(Double(bitPattern: pattern)))
      case UInt8(ascii: "X"): stack.append(.text(try text(try unsigned(4))))
      case 0x8c: stack.append(.text(try text(try unsigned(1))))

      // The memo.
      case UInt8(ascii: "q"): memo[try unsigned(1)] = try top()
      case UInt8(ascii: "r"): memo[try unsigned(4)] = try top()
      case 0x94: memo[memo.count] = try top()
      case UInt8(ascii: "h"): stack.append(try recall(try unsigned(1)))
      case UInt8(ascii: "j"): stack.append(try recall(try unsigned(4)))

      // Containers.
      case UInt8(ascii: ")"): push(.tuple([]))
      case UInt8(ascii: "t"): push(.tuple(try popToMark()))
      case 0x85, 0x86, 0x87: push(.tuple(try pop(Int(opcode) - 0x84)))
      case UInt8(ascii: "]"): push(.list([]))
      case UInt8(ascii: "}"): push(.dictionary([]))
      case UInt8(ascii: "a"): try extendList([try pop()])
      case UInt8(ascii: "e"): try extendList(try popToMark())
      case UInt8(ascii: "s"): try extendDictionary(try pop(2))
      case UInt8(ascii: "u"): try extendDictionary(try popToMark())

      // Names, calls and outside objects.
      case UInt8(ascii: "c"):
        let module = try line()
        try pushGlobal(module, try line())
      case 0x93:
        let names = try pop(2)
        guard case .text(let module) = names[0], case .text(let name) = names[1] else {
          throw .damaged("its pickle names a class by something that is not text")
        }
        try pushGlobal(module, name)
      case UInt8(ascii: "R"):
        let parts = try pop(2)
        try call(parts[0], parts[1])
      case UInt8(ascii: "b"): try dropState()
      case UInt8(ascii: "Q"): push(.storage(try storage(try pop())))
      default: throw .refused("the pickle opcode \(Self.opcodeName(opcode))")
      }
    }
  }

  // MARK: - Calls

  private mutating func pushGlobal(_ module: String, _ name: String) throws(PickleProblem) {
    guard let global = PickleGlobal("\(module).\(name)") else { throw .refused("\(module).\(name)") }
    push(.global(global))
  }

  private mutating func call(_ function: PickleValue, _ arguments: PickleValue) throws(PickleProblem) {
    guard case .node(let place) = function, case .global(let global) = nodes[place],
      let arguments = tuple(arguments)
    else { throw .damaged("its pickle calls something that is not a function, or with no arguments") }
    switch global {
    case .orderedDictionary:
      guard arguments.isEmpty else { throw .damaged("its pickle makes a dictionary in an unknown way") }
      push(.dictionary([]))
    case .size:
      guard arguments.count == 1, let sizes = tuple(arguments[0]) else { throw .damaged("it holds a malformed size") }
      push(.tuple(sizes))
    case .rebuildParameter:
      guard let first = arguments.first, case .node(let tensor) = first, case .tensor = nodes[tensor] else {
        throw .damaged("it holds a malformed parameter")
      }
      stack.append(first)
    case .rebuildTensor:
      guard arguments.count >= 4, case .node(let place) = arguments[0], case .storage(let storage) = nodes[place],
        case .integer(let offset) = arguments[1], let shape = integers(arguments[2]),
        let strides = integers(arguments[3]), shape.count == strides.count
      else { throw .damaged("it holds a malformed tensor") }
      push(.tensor(PickledTensor(storage: storage, offset: offset, shape: shape, strides: strides)))
    case .storage: throw .refused("a call of a storage's class")
    case .device:
      guard case .text(let name)? = arguments.first else { throw .damaged("it holds a malformed device") }
      if arguments.count > 1, case .integer(let index) = arguments[1] {
        stack.append(.text("\(name):\(index)"))
      } else {
        stack.append(.text(name))
      }
    case .encodedBytes:
      guard arguments.count == 2, case .text(let text) = arguments[0], case .text("latin1") = arguments[1] else {
        throw .damaged("it holds malformed bytes")
      }
      let scalars = text.unicodeScalars
      guard scalars.allSatisfy({ $0.value < 256 }) else { throw .damaged("it holds malformed bytes") }
      push(.bytes(scalars.map { UInt8($0.value) }))
    case .numPyType:
      guard case .text(let name)? = arguments.first else { throw .damaged("it holds a malformed NumPy type") }
      guard let type = NumPyScalarType(rawValue: name) else { throw .refused("NumPy's type \(name)") }
      push(.numPyType(type))
    case .numPyScalar:
      guard arguments.count == 2, case .node(let type) = arguments[0], case .node(let bytes) = arguments[1],
        case .numPyType(let type) = nodes[type], case .bytes(let bytes) = nodes[bytes], let value = type.value(bytes)
      else { throw .damaged("it holds a malformed NumPy number") }
      stack.append(value)
    }
  }

  /// The state of an ordered dictionary: attributes beside its items, such as PyTorch's `_metadata`, which weights don't need.
  /// Or that of a NumPy type, which must be little-endian.
  private mutating func dropState() throws(PickleProblem) {
    let state = try pop()
    guard case .node(let object) = try top() else { throw .refused("setting an object's state") }
    switch nodes[object] {
    case .dictionary: break
    case .numPyType:
      // (version, byte order, ...)
      guard let parts = tuple(state), parts.count > 1, case .text(let order) = parts[1],
        ["<", "|", "="].contains(order)
      else { throw .damaged("it holds NumPy numbers that are not little-endian") }
    default: throw .refused("setting an object's state")
    }
  }

  /// ("storage", class, key, location, count, …)
  private func storage(_ identifier: PickleValue) throws(PickleProblem) -> PickledStorage {
    guard let parts = tuple(identifier), parts.count >= 5, case .text("storage") = parts[0],
      case .node(let kind) = parts[1], case .global(.storage(let elementType)) = nodes[kind],
      case .text(let key) = parts[2], case .integer(let count) = parts[4], count >= 0
    else { throw .damaged("it holds a malformed storage") }
    return PickledStorage(key: key, elementType: elementType, count: count)
  }

  private func tuple(_ value: PickleValue) -> [PickleValue]? {
    guard case .node(let place) = value, case .tuple(let parts) = nodes[place] else { return nil }
    return parts
  }

  private func integers(_ value: PickleValue) -> [Int]? {
    guard let parts = tuple(value) else { return nil }
    var result: [Int] = []
    for part in parts {
      guard case .integer(let number) = part else { return nil }
      result.append(number)
    }
    return result
  }

  // MARK: - The stack

  private mutating func push(_ node: PickleNode) {
    stack.append(.node(nodes.count))
    nodes.append(node)
  }

  private func top() throws(PickleProblem) -> PickleValue {
    guard let value = stack.last, stack.count > (marks.last ?? 0) else { throw .damaged("its pickle's stack is empty") }
    return value
  }

  private mutating func pop() throws(PickleProblem) -> PickleValue {
    let value = try top()
    stack.removeLast()
    return value
  }

  private mutating func pop(_ count: Int) throws(PickleProblem) -> [PickleValue] {
    guard stack.count - (marks.last ?? 0) >= count else { throw .damaged("its pickle's stack is empty") }
    defer { stack.removeLast(count) }
    return Array(stack.suffix(count))
  }

  private mutating func popToMark() throws(PickleProblem) -> [PickleValue] {
    guard let mark = marks.popLast() else { throw .damaged("its pickle closes what it never opened") }
    defer { stack.removeSubrange(mark...) }
    return Array(stack[mark...])
  }

  private func recall(_ index: Int) throws(PickleProblem) -> PickleValue {
    guard let value = memo[index] else { throw .damaged("its pickle recalls what it never stored") }
    return value
  }

  private mutating func extendList(_ values: [PickleValue]) throws(PickleProblem) {
    guard case .node(let place) = try top(), case .list(var list) = nodes[place] else {
      throw .damaged("its pickle appends to something that is not a list")
    }
    nodes[place] = .tuple([])
    list += values
    nodes[place] = .list(list)
  }

  private mutating func extendDictionary(_ flat: [PickleValue]) throws(PickleProblem) {
    guard flat.count % 2 == 0, case .node(let place) = try top(), case .dictionary(var pairs) = nodes[place] else {
      throw .damaged("its pickle sets items of something that is not a dictionary")
    }
    nodes[place] = .tuple([])
    for index in stride(from: 0, to: flat.count, by: 2) { pairs.append((flat[index], flat[index + 1])) }
    nodes[place] = .dictionary(pairs)
  }

  // MARK: - Bytes

  private mutating func take(_ count: Int) throws(PickleProblem) -> Data {
    guard count <= bytes.endIndex - place else {
      throw .damaged(
        bytes.count == Pickle.maximumLength
          ? "its pickle is longer than \(Pickle.maximumLength) bytes" : "its pickle is cut short")
    }
    defer { place += count }
    return bytes[place..<(place + count)]
  }

  private mutating func byte() throws(PickleProblem) -> UInt8 {
    let one = try take(1)
    return one[one.startIndex]
  }

  /// A little-endian number of up to 4 bytes.
  private mutating func unsigned(_ count: Int) throws(PickleProblem) -> Int {
    try take(count).reversed().reduce(0) { $0 << 8 | Int($1) }
  }

  /// A signed little-endian number of any length; one that does not fit 64 bits, such as PyTorch's magic number, as text.
  private mutating func longInteger() throws(PickleProblem) -> PickleValue {
    let digits = try take(try unsigned(1))
    guard digits.count <= 8 else { return .text(digits.map { String(format: "%02x", $0) }.joined()) }
    var number = digits.last.map { $0 >= 0x80 ? -1 : 0 } ?? 0
    for digit in digits.reversed() { number = number << 8 | Int(digit) }
    return .integer(number)
  }

  private mutating func text(_ count: Int) throws(PickleProblem) -> String {
    guard let text = String(validating: try take(count), as: UTF8.self) else {
      throw .damaged("its pickle holds text that is not UTF-8")
    }
    return text
  }

  private mutating func line() throws(PickleProblem) -> String {
    guard let end = bytes[place...].prefix(1024).firstIndex(of: UInt8(ascii: "\n")) else {
      throw .damaged("its pickle holds a name without an end")
    }
    let name = try text(end - place)
    place += 1
    return name
  }

  private static func opcodeName(_ opcode: UInt8) -> String {
    let names: [UInt8: String] = [
      UInt8(ascii: "i"): "INST", UInt8(ascii: "o"): "OBJ", 0x81: "NEWOBJ", 0x92: "NEWOBJ_EX", 0x82: "EXT1",
      0x83: "EXT2", 0x84: "EXT4", UInt8(ascii: "P"): "PERSID", UInt8(ascii: "B"): "BINBYTES",
      UInt8(ascii: "C"): "SHORT_BINBYTES", 0x8e: "BINBYTES8", 0x96: "BYTEARRAY8", 0x97: "NEXT_BUFFER",
      0x98: "READONLY_BUFFER", 0x8f: "EMPTY_SET", 0x90: "ADDITEMS", 0x91: "FROZENSET", UInt8(ascii: "0"): "POP",
      UInt8(ascii: "1"): "POP_MARK", UInt8(ascii: "2"): "DUP", UInt8(ascii: "d"): "DICT", UInt8(ascii: "l"): "LIST",
      UInt8(ascii: "I"): "INT", UInt8(ascii: "L"): "LONG", UInt8(ascii: "F"): "FLOAT", UInt8(ascii: "S"): "STRING",
      UInt8(ascii: "T"): "BINSTRING", UInt8(ascii: "U"): "SHORT_BINSTRING", UInt8(ascii: "V"): "UNICODE",
      UInt8(ascii: "g"): "GET", UInt8(ascii: "p"): "PUT", 0x8b: "LONG4", 0x8d: "BINUNICODE8",
    ]
    let code = String(format: "0x%02x", opcode)
    return names[opcode].map { "\($0) (\(code))" } ?? code
  }
}
