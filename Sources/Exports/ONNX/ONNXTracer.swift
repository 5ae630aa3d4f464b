import struct Foundation.Data
import Synchronization
import Tensors

/// A device that computes nothing: what a forward pass asks of it becomes nodes of an ONNX graph. Its handles are numbers.
final class ONNXTracer: Backend {
  let name = "onnx"
  let isHost = false

  /// What a handle stands for.
  fileprivate enum Block {
    /// Bytes that the host put there: weights, tables.
    case bytes(Data)
    /// A value of the graph.
    case value(ONNXGraph.Value)
  }

  fileprivate struct State {
    var blocks: [UInt: Block] = [:]
    var next: UInt = 1
    var graph = ONNXGraph()
    var unsupported: [String] = []
  }
  private let state = Mutex(State())

  /// Records what `body` makes of an image of the shape.
  /// - Parameter body: a forward pass; the weights it uses must be on this device.
  /// - Returns: the graph, its input and its output, and the operations that have no translation.
  func record(shape: [Int], _ body: (Tensor) -> Tensor) -> (
    graph: ONNXGraph, input: ONNXGraph.Value, output: ONNXGraph.Value, unsupported: [String]
  ) {
    let device = Device(self)
    let input = ONNXGraph.Value(name: "image", shape: shape, type: .float32)
    let image = state.withLock { $0.tensor(input, device) }
    let result = device { body(image) }
    return state.withLock { state in
      let value = state.value(of: result)
      let output = state.graph.node("Identity", [value], named: "logits", shape: value.shape)
      return (state.graph, input, output, state.unsupported)
    }
  }

  // MARK: - Operations

  func forward(_ operation: Operation, _ inputs: [Tensor], willDifferentiate: Bool) -> ForwardResult {
    let shapes = operation.outputShapes(inputs)
    return state.withLock { state in
      let values = inputs.map { state.value(of: $0) }
      let output = state.graph.translate(operation, values, shape: shapes[0])
      if output == nil {
        let text = "\(operation)"
        state.unsupported.append(String(text.prefix { $0 != "(" }))
      }
      return ForwardResult(
        shapes.map { state.tensor(output ?? ONNXGraph.Value(name: "", shape: $0, type: .float32), Device(self)) })
    }
  }

  var cachedElements: Int? { nil }

  // MARK: - Memory

  /// Set in every handle: no address of a process.
  fileprivate static let mark: UInt = 1 << 62

  func allocate(byteCount: Int) -> UnsafeMutableRawPointer {
    state.withLock { $0.handle(of: .bytes(Data(count: byteCount))) }
  }

  func free(_ handle: UnsafeMutableRawPointer, byteCount: Int) {
    state.withLock { _ = $0.blocks.removeValue(forKey: UInt(bitPattern: handle) & ~Self.mark) }
  }

  func copyIn(_ bytes: UnsafeRawBufferPointer, to handle: UnsafeMutableRawPointer) {
    state.withLock { $0.blocks[UInt(bitPattern: handle) & ~Self.mark] = .bytes(Data(bytes)) }
  }

  func copyOut(_ handle: UnsafeMutableRawPointer, offset: Int, to bytes: UnsafeMutableRawBufferPointer) {
    guard case .bytes(let data) = state.withLock({ $0.blocks[UInt(bitPattern: handle) & ~Self.mark] }) else {
      preconditionFailure("a forward pass that is recorded was asked for its values")
    }
    bytes.copyBytes(from: data.dropFirst(offset).prefix(bytes.count))
  }

  func fill(_ tensor: Tensor, with value: Double) {
    let host = Device.cpu { Tensor(repeating: value, shape: [tensor.count], tensor.elementType) }
    let count = host.count * host.elementType.byteCount
    withExtendedLifetime(host) {
      copyIn(UnsafeRawBufferPointer(start: host.rawPointer, count: count), to: tensor.storage.handle)
    }
  }

  func copy(_ source: Tensor, to target: Tensor) {
    state.withLock { state in
      let block =
        source.offset == 0 ? state.blocks[UInt(bitPattern: source.storage.handle) & ~Self.mark] : nil
      state.blocks[UInt(bitPattern: target.storage.handle) & ~Self.mark] = block ?? .value(state.value(of: source))
    }
  }

  // MARK: - What only training asks for

  private func refused() -> Never { preconditionFailure("only forward passes are recorded") }

  func backward(
    _ operation: Operation, inputs: [Tensor], outputs: [Tensor], saved: [Tensor], outputGradients: [Tensor?],
    needed: [Bool]
  ) -> [Tensor?] { refused() }
  func accumulate(_ a: consuming Tensor, _ b: Tensor) -> Tensor { refused() }
  func adamW(_ values: Tensor, gradient: Tensor, firstMoment: Tensor, secondMoment: Tensor, _ step: AdamWStep) {
    refused()
  }
  func sgd(_ values: Tensor, gradient: Tensor, velocity: Tensor, _ step: SGDStep) { refused() }
  func lerp(_ target: Tensor, towards source: Tensor, weight: Double) { refused() }
  func sumOfSquares(_ tensors: [Tensor]) -> Double { refused() }
  func overlapCounts(logits: Tensor, labels: Tensor, regions: RegionTable?, threshold: Float) -> Tensor { refused() }
  func resizedLabels(_ labels: Tensor, height: Int, width: Int) -> Tensor { refused() }
  func greatestOffDiagonal(_ matrix: Tensor) -> Tensor { refused() }
  func entropy(_ distributions: Tensor) -> Double { refused() }
  func sinkhornKnopp(_ problem: SinkhornKnoppProblem) -> any BalancedTargets { refused() }
  func tiles(of slice: Tensor, at placements: [TilePlacement], height: Int, width: Int) -> Tensor { refused() }
  func add(_ tiles: Tensor, weights: Tensor, at placements: [TilePlacement], to sums: Tensor) { refused() }
}

extension ONNXTracer.State {
  fileprivate mutating func handle(of block: ONNXTracer.Block) -> UnsafeMutableRawPointer {
    defer { next += 1 }
    blocks[next] = block
    return UnsafeMutableRawPointer(bitPattern: ONNXTracer.mark | next)!
  }

  /// A tensor of the device that stands for a value.
  fileprivate mutating func tensor(_ value: ONNXGraph.Value, _ device: Device) -> Tensor {
    let byteCount = value.shape.reduce(value.type.byteCount, *)
    let storage = Storage(adopting: handle(of: .value(value)), byteCount: byteCount, on: device)
    return Tensor(sharing: storage, offset: 0, shape: value.shape, value.type)
  }

  /// The value that a tensor stands for: bytes become an initializer when they are first used, and a tensor that shares a part of
  /// another's memory, or has it in another shape, is taken out of it.
  fileprivate mutating func value(of tensor: Tensor) -> ONNXGraph.Value {
    let key = UInt(bitPattern: tensor.storage.handle) & ~ONNXTracer.mark
    let whole: ONNXGraph.Value
    switch blocks[key]! {
    case .value(let value): whole = value
    case .bytes(let data):
      let isWhole = tensor.offset == 0 && tensor.count * tensor.elementType.byteCount == data.count
      let shape = isWhole ? tensor.shape : [data.count / tensor.elementType.byteCount]
      whole = graph.constant(data, shape: shape, tensor.elementType)
      blocks[key] = .value(whole)
    }
    if whole.shape == tensor.shape && tensor.offset == 0 { return whole }
    let count = whole.shape.reduce(1, *)
    var part = graph.reshaped(whole, [count])
    if tensor.offset != 0 || tensor.count != count {
      part = graph.sliced(part, axis: 0, tensor.offset..<(tensor.offset + tensor.count))
    }
    return graph.reshaped(part, tensor.shape)
  }
}
