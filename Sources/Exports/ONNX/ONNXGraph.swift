import Foundation
import Tensors

/// A graph of ONNX's operators (opset 17) as it grows, and its bytes (onnx/onnx.proto).
struct ONNXGraph {
  /// A tensor of the graph: an initializer or what a node gives.
  struct Value {
    let name: String
    let shape: [Int]
    let type: ElementType
  }

  enum Attribute {
    case whole(Int)
    case wholes([Int])
    case number(Double)
    case text(String)
  }

  private var nodes: [Data] = []
  private var initializers: [Data] = []
  /// Bytes of initializers: protocol buffers end at 2 GiB.
  private(set) var byteCount = 0
  private var count = 0
  private var lists: [[Int]: Value] = [:]

  // MARK: - Growing

  private mutating func newName(_ prefix: String) -> String {
    count += 1
    return "\(prefix)\(count)"
  }

  /// Adds a node with one output.
  mutating func node(
    _ operator: String, _ inputs: [Value], _ attributes: [(String, Attribute)] = [], named name: String? = nil,
    shape: [Int], type: ElementType = .float32
  ) -> Value {
    let output = name ?? newName("\(`operator`.lowercased())_")
    var node = ProtobufWriter()
    for input in inputs { node.write(1, input.name) }
    node.write(2, output)
    node.write(3, output)
    node.write(4, `operator`)
    for (name, attribute) in attributes {
      node.write(5) { message in
        message.write(1, name)
        switch attribute {
        case .number(let value):
          message.write(2, Float(value))
          message.write(20, Int64(1))
        case .whole(let value):
          message.write(3, Int64(value))
          message.write(20, Int64(2))
        case .text(let value):
          message.write(4, value)
          message.write(20, Int64(3))
        case .wholes(let values):
          for value in values { message.write(8, Int64(value)) }
          message.write(20, Int64(7))
        }
      }
    }
    nodes.append(node.data)
    return Value(name: output, shape: shape, type: type)
  }

  /// Adds a constant tensor.
  mutating func constant(_ bytes: Data, shape: [Int], _ type: ElementType) -> Value {
    initializer(bytes, shape, code: Self.code(type), name: newName("constant_"), type)
  }

  mutating func constant(_ values: [Float], shape: [Int]) -> Value {
    constant(values.withUnsafeBytes { Data($0) }, shape: shape, .float32)
  }

  mutating func scalar(_ value: Double) -> Value { constant([Float(value)], shape: []) }

  /// A list of whole numbers, which operators take as an input of 64 bits; each is there once.
  mutating func list(_ values: [Int]) -> Value {
    if let known = lists[values] { return known }
    let bytes = values.map(Int64.init).withUnsafeBytes { Data($0) }
    let value = initializer(bytes, [values.count], code: 7, name: newName("list_"), .int32)
    lists[values] = value
    return value
  }

  private mutating func initializer(
    _ bytes: Data, _ shape: [Int], code: Int64, name: String, _ type: ElementType
  ) -> Value {
    var tensor = ProtobufWriter()
    for size in shape { tensor.write(1, Int64(size)) }
    tensor.write(2, code)
    tensor.write(8, name)
    tensor.write(9, bytes)
    initializers.append(tensor.data)
    byteCount += bytes.count
    return Value(name: name, shape: shape, type: type)
  }

  /// `TensorProto.DataType`.
  private static func code(_ type: ElementType) -> Int64 {
    switch type {
    case .float32: 1
    case .int32: 6
    case .float64: 11
    }
  }

  // MARK: - Bytes

  /// The model's file.
  /// - Parameter metadata: what a reader of the file finds beside the graph.
  func model(name: String, input: Value, output: Value, metadata: [(key: String, value: String)]) -> Data {
    var graph = ProtobufWriter()
    for node in nodes { graph.write(1, node) }
    graph.write(2, name)
    for initializer in initializers { graph.write(5, initializer) }
    graph.write(11) { Self.write(input, named: "image", to: &$0) }
    graph.write(12) { Self.write(output, named: "logits", to: &$0) }
    var model = ProtobufWriter()
    model.write(1, Int64(8))
    model.write(2, "segbench")
    model.write(7, graph.data)
    model.write(8) { opset in
      opset.write(1, "")
      opset.write(2, Int64(17))
    }
    for entry in metadata {
      model.write(14) { message in
        message.write(1, entry.key)
        message.write(2, entry.value)
      }
    }
    return model.data
  }

  private static func write(_ value: Value, named name: String, to message: inout ProtobufWriter) {
    message.write(1, name)
    message.write(2) { type in
      type.write(1) { tensor in
        tensor.write(1, code(value.type))
        tensor.write(2) { shape in
          for size in value.shape { shape.write(1) { $0.write(1, Int64(size)) } }
        }
      }
    }
  }
}
