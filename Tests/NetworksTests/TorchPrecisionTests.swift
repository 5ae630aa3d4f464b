import Files
import Foundation
import Networks
import Random
import TestSupport
import Tensors
import Testing

/// A vision transformer in bfloat16 on PyTorch's CPU. `SEGBENCH_AUTOCAST=FILE` leaves it for `Benchmarks/peers/parity/autocast.py`, which holds it
/// against Python's autocast bit by bit.
@Suite(.enabled(if: Torch.isThere, "no plugin is built: make torch-plugin")) struct TorchPrecisionTests {
  private static let configuration = VisionTransformerConfiguration(
    width: 64, depth: 3, heads: 2, patch: 8, channels: 1, storageTokens: 2, layerScale: 0.5)

  private func run(_ precision: ComputePrecision) throws -> (network: VisionTransformer, arrays: [String: Tensor]) {
    let device = try Torch.device.get()
    return device {
      let network = VisionTransformer(Self.configuration, Initializer(seed: 4))
      var random = CounterRandom(seed: 6, purpose: "images")
      func normal(_ shape: [Int]) -> Tensor {
        Tensor((0..<shape.reduce(1, *)).map { _ in Float(random.normal()) }, shape: shape)
      }
      let (images, weights) = (normal([2, 1, 32, 48]), normal([2, 24, 64]))
      var tokens = images
      let (_, gradients) = Tape.gradients {
        tokens = precision { network(images, .evaluation)[0].patches }
        return (tokens * weights).sum()
      }
      let tables = RotaryEmbedding(headWidth: 32, base: Self.configuration.rotaryBase).tables(
        rows: 4, columns: 6, .float32)
      var arrays = [
        "images": images, "weights": weights, "tokens": tokens, "cosine": tables.cosine, "sine": tables.sine,
        // What the weights' shapes do not say: the tokens before the patches, and the heads.
        "query": Tensor(zeros: [3, 1, 2]),
      ]
      for parameter in network.parameters {
        arrays[parameter.name] = parameter.value
        arrays["gradient of \(parameter.name)"] = gradients[parameter]
      }
      return (network, arrays.mapValues { $0.moved(to: .cpu) })
    }
  }

  @Test func bfloat16IsNearFloat32AndOfOtherBits() throws {
    let (single, half) = (try run(.float32).arrays, try run(.bf16).arrays)
    for name in single.keys.sorted() where name == "tokens" || name.hasPrefix("gradient") {
      let difference = relativeDifference(half[name]!, single[name]!)
      // The last norm's bias is added to what the loss is linear in: its gradient knows nothing of the tokens.
      let isAlike = name == "gradient of encoder.norm.bias"
      #expect(isAlike ? difference == 0 : difference > 0 && difference < 0.05, "\(name): \(difference)")
      // Parameters' gradients and what leaves the network are single precision whatever was inside.
      #expect(half[name]!.elementType == .float32)
    }
    if let path = ProcessInfo.processInfo.environment["SEGBENCH_AUTOCAST"] {
      try Safetensors.write(
        half.mapValues { StoredTensor(shape: $0.shape, floats: $0.values(as: Float.self)) },
        to: URL(fileURLWithPath: path))
    }
  }
}
