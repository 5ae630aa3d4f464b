import Networks
import Random
import TestSupport
import Tensors
import Testing

/// Each method's network as a whole on PyTorch's CPU beside the CPU backend: the gradient by every parameter.
@Suite(.enabled(if: Torch.isThere, "no plugin is built: make torch-plugin")) struct TorchNetworkTests {
  private func gradients(
    _ network: any SegmentationNetwork, _ type: ElementType, on device: Device
  ) -> [(name: String, values: [Double])] {
    device {
      if type == .float64 { for parameter in network.parameters { parameter.convert(to: type) } }
      var random = CounterRandom(seed: 5, purpose: "images")
      let images = Tensor((0..<2 * 64 * 64).map { _ in random.normal() }, shape: [2, 1, 64, 64]).converted(to: type)
      let labels = Tensor((0..<2 * 64 * 64).map { _ in Int32(random.integer(below: 3)) }, shape: [2, 64, 64])
      let (_, found) = Tape.gradients {
        let logits = network.logits(images, .evaluation)[0]
        return crossEntropy(logits: logits, labels: labels) + softDice(logits: logits, labels: labels)
      }
      return network.parameters.compactMap { parameter in
        found[parameter].map { (parameter.name, $0.converted(to: .float64).values(as: Double.self)) }
      }
    }
  }

  private func compare(_ index: Int, _ type: ElementType, tolerance: Double) throws {
    let device = try Torch.device.get()
    let expected = gradients(smallNetworks()[index], type, on: .cpu)
    let found = gradients(device { smallNetworks()[index] }, type, on: device)
    #expect(found.map(\.name) == expected.map(\.name) && found.count > 10)
    let scale = expected.flatMap(\.values).map(abs).max() ?? 0
    for (expected, found) in zip(expected, found) {
      #expect(largestDifference(expected.values, found.values) <= tolerance * scale, "\(expected.name)")
    }
  }

  @Test(arguments: 0..<4) func gradientsAreTheCPUs(network: Int) throws {
    try compare(network, .float32, tolerance: 1e-5)
  }

  /// Without rounding to hide a difference: the U-Net, whose constants are all parameters.
  @Test func gradientsInDoublePrecisionAreTheCPUs() throws {
    try #require(smallNetworks()[2] is UNet)
    try compare(2, .float64, tolerance: 1e-11)
  }
}
