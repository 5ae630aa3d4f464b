import Synchronization

/// The name under which the tape files a tensor's gradient.
package typealias NodeID = UInt64

private let lastNode = Atomic<UInt64>(0)

package func makeNode() -> NodeID { lastNode.add(1, ordering: .relaxed).newValue }

/// Records operations and walks back over them. It knows no kernels: an operation's vector-Jacobian product is its backend's.
///
/// Used by one thread at a time: the one inside `Tape.gradients`.
public final class Tape: @unchecked Sendable {
  @TaskLocal package static var current: Tape?

  /// Whether operations are recorded here, so that their inputs are kept for the backward pass.
  public static var isRecording: Bool { current != nil }

  private enum Record {
    case operation(Operation, inputs: [Tensor], outputs: [Tensor], saved: [Tensor])
    /// What `recomputed` computed: its outputs' nodes, and how to compute it again.
    case recomputation(outputs: [NodeID], body: () -> [Tensor])
  }
  private var records: [Record] = []

  /// Whether parts that networks mark as `recomputable` are computed again instead of kept.
  private let recomputes: Bool

  private init(recomputes: Bool = false) { self.recomputes = recomputes }

  /// Runs `body`, which computes a scalar loss, and returns the loss with its gradients by every parameter it depends on.
  /// Memory that the backward pass is done with is freed as it goes.
  ///
  /// - Parameter recomputing: whether networks' parts are computed again in the backward pass, which takes less memory and gives
  ///   the same bits.
  public static func gradients(recomputing: Bool = false, of body: () throws -> Tensor) rethrows -> (
    loss: Tensor, gradients: Gradients
  ) {
    let tape = Tape(recomputes: recomputing)
    let loss = try $current.withValue(tape) { try body() }
    precondition(loss.count == 1, "a loss is a scalar; this one has the shape \(loss.shape)")
    return (loss.detached, tape.backward(from: loss))
  }

  /// Runs `body` without recording, whatever tape is running: for a teacher, a metric, a frozen encoder.
  public static func withoutRecording<Result>(_ body: () throws -> Result) rethrows -> Result {
    try $current.withValue(nil) { try body() }
  }

  /// Runs `body` and keeps only its outputs and what it captures: the backward pass computes the rest again (activation
  /// checkpointing; Chen et al., "Training deep nets with sublinear memory cost", 2016). The gradients have the same bits as
  /// without it.
  ///
  /// - Parameter body: computes the same each time it is called, twice in all; without effects.
  public static func recomputed(_ body: @escaping () -> [Tensor]) -> [Tensor] {
    let outputs = withoutRecording(body)
    guard let tape = current else { return outputs }
    let known = outputs.map { output in
      var output = output
      output.node = makeNode()
      return output
    }
    tape.records.append(.recomputation(outputs: known.map { $0.node! }, body: body))
    return known
  }

  /// A part of a network, such as a block, that a tape which saves memory computes again in the backward pass; any other keeps it.
  public static func recomputable(_ body: @escaping () -> Tensor) -> Tensor {
    current?.recomputes == true ? recomputed { [body()] }[0] : body()
  }

  fileprivate func record(_ operation: Operation, _ inputs: [Tensor], _ result: ForwardResult) -> [Tensor] {
    let outputs = result.outputs.map { output in
      var output = output
      output.node = makeNode()
      return output
    }
    let needed = operation.savedForBackward
    let keptInputs = inputs.enumerated().map { needed.inputs.contains($0) ? $1 : $1.withoutElements }
    let keptOutputs = needed.outputs ? outputs : outputs.map(\.withoutElements)
    records.append(.operation(operation, inputs: keptInputs, outputs: keptOutputs, saved: result.saved))
    return outputs
  }

  private func backward(from loss: Tensor) -> Gradients {
    guard let lossNode = loss.node else { return Gradients(byNode: [:]) }
    var gradients = [lossNode: Tensor(repeating: 1, shape: loss.shape, loss.elementType, on: loss.device)]
    loss.device { backward(&gradients) }
    return Gradients(byNode: gradients)
  }

  /// Goes through the records backwards, turning the gradients by their outputs into gradients by their inputs.
  private func backward(_ gradients: inout [NodeID: Tensor]) {
    while let record = records.popLast() {
      switch record {
      case .operation(let operation, let inputs, let outputs, let saved):
        let outputGradients = outputs.map { gradients.removeValue(forKey: $0.node!) }
        guard outputGradients.contains(where: { $0 != nil }) else { continue }
        let found = OperationTimes.measure(operation.name + " backward") {
          outputs[0].device.backend.backward(
            operation, inputs: inputs, outputs: outputs, saved: saved, outputGradients: outputGradients,
            needed: inputs.map { $0.node != nil })
        }
        for (input, gradient) in zip(inputs, found) {
          if let node = input.node, let gradient { Self.add(gradient, under: node, to: &gradients) }
        }
      case .recomputation(let nodes, let body):
        let outputGradients = nodes.map { gradients.removeValue(forKey: $0) }
        guard outputGradients.contains(where: { $0 != nil }) else { continue }
        // Its records take the place of this one, so that gradients are added in the same order.
        let tape = Tape()
        let outputs = Tape.$current.withValue(tape) { body() }
        for (output, gradient) in zip(outputs, outputGradients) {
          if let node = output.node, let gradient { Self.add(gradient, under: node, to: &gradients) }
        }
        tape.backward(&gradients)
      }
    }
  }

  fileprivate static func add(_ gradient: Tensor, under node: NodeID, to gradients: inout [NodeID: Tensor]) {
    if let sum = gradients.removeValue(forKey: node) {
      gradients[node] = OperationTimes.measure("accumulate") {
        let backend = gradient.device.backend
        return backend.accumulate(sum, gradient)
      }
    } else {
      gradients[node] = gradient.detached
    }
  }
}

/// The gradients of one loss, or the sum of several losses'.
public struct Gradients: Sendable {
  package var byNode: [NodeID: Tensor]

  /// Adds another loss's gradients by the same parameters (gradient accumulation): those of a batch's second part to those
  /// of its first.
  public mutating func add(_ other: consuming Gradients) {
    for (node, gradient) in other.byNode { Tape.add(gradient, under: node, to: &byNode) }
  }

  package init(byNode: [NodeID: Tensor]) { self.byNode = byNode }

  /// Of no loss at all: what others are added to.
  public init() { byNode = [:] }

  /// By how many parameters there is one.
  public var count: Int { byNode.count }

  /// The gradient by a parameter; nil when the loss does not depend on it.
  public subscript(_ parameter: Parameter) -> Tensor? {
    guard let node = parameter.value.node else { return nil }
    return byNode[node]
  }
}

/// Computes an operation and, when a tape runs and an input has a node, records it.
package func apply(_ operation: Operation, _ inputs: [Tensor]) -> [Tensor] {
  let device = inputs[0].device
  precondition(
    inputs.allSatisfy { $0.device == device }, "\(operation.name) of tensors on \(inputs.map(\.device.name))")
  let shapes = operation.outputShapes(inputs)
  func checked(_ result: ForwardResult) -> ForwardResult {
    precondition(
      result.outputs.map(\.shape) == shapes,
      "\(operation.name) gave \(result.outputs.map(\.shape)) in place of \(shapes)")
    return result
  }
  return device {
    guard let tape = Tape.current, inputs.contains(where: { $0.node != nil }) else {
      return OperationTimes.measure(operation.name) {
        checked(device.backend.forward(operation, inputs.map(\.detached), willDifferentiate: false)).outputs
      }
    }
    return tape.record(
      operation, inputs,
      OperationTimes.measure(operation.name) {
        checked(device.backend.forward(operation, inputs, willDifferentiate: true))
      })
  }
}

extension Tensor {
  /// The same shape, type and node without the elements.
  var withoutElements: Tensor {
    var copy = Tensor(sharing: .empty(on: device), offset: 0, shape: shape, elementType)
    copy.node = node
    return copy
  }
}
