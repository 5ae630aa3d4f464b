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

  private struct Record {
    let operation: Operation
    let inputs: [Tensor]
    let outputs: [Tensor]
    let saved: [Tensor]
  }
  private var records: [Record] = []

  private init() {}

  /// Runs `body`, which computes a scalar loss, and returns the loss with its gradients by every parameter it depends on.
  /// Memory that the backward pass is done with is freed as it goes.
  public static func gradients(of body: () throws -> Tensor) rethrows -> (loss: Tensor, gradients: Gradients) {
    let tape = Tape()
    let loss = try $current.withValue(tape) { try body() }
    precondition(loss.count == 1, "a loss is a scalar; this one has the shape \(loss.shape)")
    return (loss.detached, tape.walkBack(from: loss))
  }

  /// Runs `body` without recording, whatever tape is running: for a teacher, a metric, a frozen encoder.
  public static func withoutRecording<Result>(_ body: () throws -> Result) rethrows -> Result {
    try $current.withValue(nil) { try body() }
  }

  fileprivate func record(_ operation: Operation, _ inputs: [Tensor], _ result: ForwardResult) -> [Tensor] {
    let outputs = result.outputs.map { output in
      var output = output
      output.node = makeNode()
      return output
    }
    records.append(Record(operation: operation, inputs: inputs, outputs: outputs, saved: result.saved))
    return outputs
  }

  private func walkBack(from loss: Tensor) -> Gradients {
    var gradients: [NodeID: Tensor] = [:]
    guard let lossNode = loss.node else { return Gradients(byNode: [:]) }
    gradients[lossNode] = Tensor(repeating: 1, shape: loss.shape, loss.elementType)
    while let record = records.popLast() {
      let outputGradients = record.outputs.map { gradients.removeValue(forKey: $0.node!) }
      guard outputGradients.contains(where: { $0 != nil }) else { continue }
      let found = OperationTimes.measure(record.operation.name + " backward") {
        backend.backward(
          record.operation, inputs: record.inputs, outputs: record.outputs, saved: record.saved,
          outputGradients: outputGradients, needed: record.inputs.map { $0.node != nil })
      }
      for (input, gradient) in zip(record.inputs, found) {
        guard let node = input.node, let gradient else { continue }
        if let sum = gradients.removeValue(forKey: node) {
          gradients[node] = OperationTimes.measure("accumulate") { backend.accumulate(sum, gradient) }
        } else {
          gradients[node] = gradient.detached
        }
      }
    }
    return Gradients(byNode: gradients)
  }
}

/// The gradients of one loss.
public struct Gradients: Sendable {
  package var byNode: [NodeID: Tensor]

  package init(byNode: [NodeID: Tensor]) { self.byNode = byNode }

  /// Of no loss at all: what others are added to.
  public init() { byNode = [:] }

  /// The gradient by a parameter; nil when the loss does not depend on it.
  public subscript(_ parameter: Parameter) -> Tensor? {
    guard let node = parameter.value.node else { return nil }
    return byNode[node]
  }

  /// Adds another loss's gradients, as the parts of a batch are added up.
  public mutating func add(_ other: Gradients) {
    for (node, gradient) in other.byNode {
      byNode[node] = byNode.removeValue(forKey: node).map { backend.accumulate($0, gradient) } ?? gradient
    }
  }
}

/// Computes an operation and, when a tape runs and an input has a node, records it.
package func apply(_ operation: Operation, _ inputs: [Tensor]) -> [Tensor] {
  guard let tape = Tape.current, inputs.contains(where: { $0.node != nil }) else {
    return OperationTimes.measure(operation.name) {
      backend.forward(operation, inputs.map(\.detached), willDifferentiate: false).outputs
    }
  }
  return tape.record(
    operation, inputs,
    OperationTimes.measure(operation.name) { backend.forward(operation, inputs, willDifferentiate: true) })
}

/// Where tensors are computed.
package let backend: any Backend = CPUBackend()
