import Files
import Foundation
import Networks
import Tensors
import TestSupport
import Testing

/// Over the last axis's rows, the largest ‖a - b‖ / ‖b‖.
func worstRowError(_ a: Tensor, _ b: Tensor) -> Double {
  precondition(a.shape == b.shape, "\(a.shape) compared with \(b.shape)")
  let width = a.shape.last!
  let (a, b) = (a.values(as: Float.self), b.values(as: Float.self))
  var worst = 0.0
  for row in stride(from: 0, to: a.count, by: width) {
    var difference = 0.0
    var size = 0.0
    for index in row..<(row + width) {
      difference += pow(Double(a[index]) - Double(b[index]), 2)
      size += pow(Double(b[index]), 2)
    }
    guard difference.isFinite else { return .infinity }
    worst = max(worst, (difference / size).squareRoot())
  }
  return worst
}

/// The logits in training mode and the gradients of Σ logits · weights, for the images and weights of a peer's file.
func gradients(_ network: any SegmentationNetwork, _ expected: [String: Tensor]) throws -> (
  logits: Tensor, gradients: Gradients
) {
  var logits: Tensor?
  let (_, gradients) = Tape.gradients {
    let output = network.logits(expected["images"]!, .training(seed: 0, epoch: 0, step: 0))[0]
    logits = output.detached
    return (output * expected["weights"]!).sum()
  }
  return (logits!, gradients)
}

/// Sets a network's parameters from a peer's file and compares with it the logits in training mode, the gradients of all that is
/// trained, and the logits in evaluation with the running statistics that this has left.
func compareInTraining(_ network: any SegmentationNetwork, _ file: URL, tolerance: Double = 1e-4) throws {
  let expected = try tensors(file)
  for parameter in network.parameters {
    parameter.set(try #require(expected["value.\(parameter.name)"], "\(parameter.name)"))
  }
  #expect(expected.keys.count { $0.hasPrefix("value.") } == network.parameters.count)
  let found = try gradients(network, expected)
  let error = relativeDifference(found.logits, expected["logits"]!)
  let evaluated = relativeDifference(network.logits(expected["images"]!, .evaluation)[0], expected["evaluation"]!)
  #expect(error <= tolerance && evaluated <= tolerance, "logits: \(error) in training, \(evaluated) in evaluation")
  let theirs = expected.filter { $0.key.hasPrefix("gradient.") }
  let (worst, name) = try compareGradients(network, found.gradients) { theirs["gradient.\($0)"] }
  #expect(worst <= tolerance, "\(name)")
  #expect(theirs.count == network.parameters.count { $0.isTrainable })
  print(
    "\(file.lastPathComponent): relative error of the logits \(error), in evaluation \(evaluated), of a gradient "
      + "\(worst) (\(name))")
}

/// The worst gradient's largest difference from the peer's over its largest value, and whose it is. A bias before a normalisation
/// has no effect: its gradient is rounding alone and measured against a hundredth of the largest gradient of all.
func compareGradients(
  _ network: any SegmentationNetwork, _ found: Gradients, _ theirs: (String) -> Tensor?
) throws -> (error: Double, name: String) {
  func largest(_ tensor: Tensor) -> Double { Double(tensor.values(as: Float.self).map(abs).max() ?? 0) }
  var pairs: [(name: String, ours: Tensor, theirs: Tensor)] = []
  for parameter in network.parameters where parameter.isTrainable {
    pairs.append(
      (parameter.name, try #require(found[parameter]), try #require(theirs(parameter.name), "\(parameter.name)")))
  }
  let least = 1e-2 * (pairs.map { largest($0.theirs) }.max() ?? 0)
  var worst = (error: 0.0, name: "")
  for (name, ours, theirs) in pairs {
    let error = largest(ours - theirs) / max(largest(theirs), least)
    if !(error < worst.error) { worst = (error, name) }
  }
  return worst
}

/// One small network of each method, with stochastic depth.
func smallNetworks() -> [any SegmentationNetwork] {
  var form = SegFormerConfiguration.published(.b0)
  form.widths = [8, 16, 24, 32]
  form.heads = [1, 2, 2, 4]
  form.decoderWidth = 16
  form.dropPath = 0.5
  let encoder = VisionTransformerConfiguration(
    width: 32, depth: 4, heads: 2, patch: 16, dropPath: DropPath(rate: 0.5))
  let unet = UNetConfiguration(
    channels: 1, features: [16, 32, 32], kernels: [[3, 3], [3, 3], [3, 3]], strides: [[1, 1], [2, 2], [2, 2]],
    convolutions: [2, 2, 2], decoderConvolutions: [2, 2], deepSupervision: true)
  let dino = DINOUNetConfiguration(
    encoder: encoder, blocks: [0, 1, 2, 3], adapter: .init(heads: 2, points: 2, priorWidth: 8), rank: 8,
    widths: [4, 8, 8, 8])
  return [
    PrimusNetwork(encoder, blocks: [1, 3], classes: 3, Initializer(seed: 1)),
    SegFormer(form, classes: 3, Initializer(seed: 1)), UNet(unet, classes: 3, Initializer(seed: 1)),
    DINOUNet(dino, classes: 3, Initializer(seed: 1)),
  ]
}
