import Exports
import Foundation
import Networks
import TestSupport
import Testing
import Tensors

/// What a model's file holds. That a runtime computes the engine's logits from it is measured with onnxruntime:
/// Benchmarks/peers/parity/onnx_models.py.
@Suite struct ONNXModelTests {
  /// A network of two parameters, one constant that is made on the way, and a view of half of its pixels.
  private final class Small: SegmentationNetwork {
    let weight = Parameter("weight", Tensor([1, 2, 3] as [Float], shape: [3, 1, 1, 1]), decays: true)
    let bias = Parameter("bias", Tensor([0.5, 0, -0.5] as [Float], shape: [3]), decays: false)
    let inputMultiple = (height: 1, width: 1)
    let operation: (Tensor) -> Tensor

    init(_ operation: @escaping (Tensor) -> Tensor = { $0 }) { self.operation = operation }

    func logits(_ images: Tensor, _ context: ForwardContext) -> [Tensor] {
      let y = convolution(images, weight: weight.value, bias: bias.value)
      return [operation(y.activated(.relu) + Tensor(repeating: 0.25, shape: [1, 3, 1, 1]))]
    }
  }

  private func graph(_ data: Data) throws -> [ProtobufField] {
    try #require(ProtobufField.all(data).messages(7).first)
  }

  @Test func aNetworkBecomesAGraph() throws {
    let data = try ONNXModel.data(
      channels: 1, size: (4, 6), name: "small", metadata: [("run", "abc"), ("title", "×")]
    ) { Small { $0.resized(height: 8, width: 6) } }
    let model = try ProtobufField.all(data)
    #expect(model.first?.whole == 8 && model.texts(2) == ["segbench"])
    let opset = try #require(model.messages(8).first)
    #expect(opset.first { $0.number == 2 }?.whole == 17)
    #expect(try model.messages(14).map { $0.texts(1) + $0.texts(2) } == [["run", "abc"], ["title", "×"]])
    let graph = try graph(data)
    let nodes = try graph.messages(1)
    #expect(nodes.flatMap { $0.texts(4) } == ["Conv", "Relu", "Add", "MatMul", "Identity"])
    // Everything is there before it is used, and given once.
    let initializers = try graph.messages(5)
    var known = initializers.flatMap { $0.texts(8) } + ["image"]
    for node in nodes {
      #expect(node.texts(1).allSatisfy(known.contains), "\(node.texts(4))")
      #expect(node.texts(2).count == 1 && !known.contains(node.texts(2)[0]))
      known += node.texts(2)
    }
    #expect(known.last == "logits" && Set(known).count == known.count)
    let floats = initializers.filter { $0.contains { $0.number == 2 && $0.whole == 1 } }
    let weights = [1, 2, 3].map { Float($0) }.withUnsafeBytes { Data($0) }
    #expect(floats.contains { $0.last?.bytes == weights && $0.filter { $0.number == 1 }.map(\.whole) == [3, 1, 1, 1] })
    let output = try #require(try graph.messages(12).first)
    let sizes = try output.messages(2)[0].messages(1)[0].messages(2)[0].messages(1).map { $0[0].whole }
    #expect(output.texts(1) == ["logits"] && sizes == [1, 3, 8, 6])
  }

  /// The weights of a resize are the engine's: rows that sum to 1, of the right shape.
  @Test func resizingIsAProductWithTheEnginesWeights() throws {
    let data = try ONNXModel.data(channels: 1, size: (3, 5), name: "r", metadata: []) {
      Small { $0.resized(height: 6, width: 2, .bilinearAntialiased) }
    }
    let matrices = try graph(data).messages(5).compactMap { item -> [Float]? in
      let shape = item.filter { $0.number == 1 }.map(\.whole)
      guard shape == [6, 3] || shape == [5, 2] else { return nil }
      return item.last!.bytes.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    }
    #expect(matrices.count == 2)
    for row in 0..<6 { #expect(abs(matrices[0][(row * 3)..<(row * 3 + 3)].reduce(0, +) - 1) < 1e-6) }
    for column in 0..<2 {
      #expect(abs(stride(from: column, to: 10, by: 2).reduce(0) { $0 + matrices[1][$1] } - 1) < 1e-6)
    }
  }

  @Test func whatONNXLacksIsNamed() throws {
    #expect {
      _ = try ONNXModel.data(channels: 1, size: (4, 4), name: "small", metadata: []) {
        Small { batchNorm($0, weight: Tensor(zeros: [3]), bias: Tensor(zeros: [3]), epsilon: 1e-5).output }
      }
    } throws: { "\($0)".contains("no operator for batchNorm") }
  }
}
