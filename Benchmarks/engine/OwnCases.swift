import Networks
import Random
import Tensors

/// Cases of our own, with no peer's file: the networks of `vit-s` and `nnu-net` as they are drawn here, a batch of noise. For
/// measurements in which PyTorch takes no part (`company.py`).
let ownCases: [String: @Sendable () -> Case] = [
  "vit-s": {
    let network = PrimusNetwork(
      VisionTransformerConfiguration(width: 384, depth: 12, heads: 6, patch: 16), blocks: [2, 5, 8, 11], classes: 16,
      Initializer(seed: 0))
    return Case(network, images: noise(2, 448), labels: drawnLabels(2, 448)) { adamW($0, rate: 3e-4) }
  },
  "nnu-net": {
    let features = [32, 64, 128, 256, 512, 512, 512]
    let network = UNet(
      UNetConfiguration(
        channels: 1, features: features, kernels: features.map { _ in [3, 3] },
        strides: features.indices.map { $0 == 0 ? [1, 1] : [2, 2] }, convolutions: features.map { _ in 2 },
        decoderConvolutions: features.dropLast().map { _ in 2 }, deepSupervision: true), classes: 16,
      Initializer(seed: 0))
    return Case(network, images: noise(4, 256), labels: drawnLabels(4, 256)) { sgd($0, rate: 1e-2) }
  },
]

private func noise(_ items: Int, _ size: Int) -> Tensor {
  var random = CounterRandom(seed: 0, purpose: "images")
  return Tensor((0..<(items * size * size)).map { _ in Float(random.normal()) }, shape: [items, 1, size, size])
}

private func drawnLabels(_ items: Int, _ size: Int) -> Tensor {
  var random = CounterRandom(seed: 0, purpose: "labels")
  return Tensor((0..<(items * size * size)).map { _ in Int32(random.uniform() * 16) }, shape: [items, size, size])
}
