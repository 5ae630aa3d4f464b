import Foundation
import Networks
import Recipes

/// What a training certainly holds in memory at once, from below and as far as its recipe tells: work that can't fit is
/// refused before it begins, and none that could.
package struct MemoryNeed {
  package struct Part: Equatable {
    /// What it is, in a few words.
    let purpose: String
    let bytes: Double
    /// The recipe's keys that make it less.
    let keys: [String]
  }
  package private(set) var parts: [Part] = []
  package var bytes: Double { parts.reduce(0) { $0 + $1.bytes } }

  package init(_ task: Recipe.Task) {
    switch task {
    case .segmentation(let settings): add(settings)
    case .pretraining(let settings): add(settings)
    case .predictions, .curation: break
    }
  }

  /// What to say where `available` bytes are less than is needed; nil where they may do.
  package func shortage(of available: Int) -> MemoryShortage? {
    bytes > Double(available) ? MemoryShortage(need: self, available: available) : nil
  }

  private mutating func add(_ settings: SegmentationRecipe) {
    // What only the plan knows counts as nothing.
    let side = settings.plan.configuration.patchSize ?? 0
    let images = Double(settings.plan.batchSize ?? 1)
    let network = settings.network.trainable.leastMemory(height: side, width: side)
    let moments: Double =
      switch settings.training.optimizer.algorithm {
      case .adamW: 2
      case .sgd(let momentum, _): momentum > 0 ? 1 : 0
      }
    parts.append(
      Part(
        purpose: "weights, gradients and the optimiser's moments",
        bytes: 4 * (network.frozenParameters + (2 + moments) * network.trainedParameters), keys: network.keys))
    let kept = settings.training.recompute ? network.largestActivation : network.keptActivations
    // Beside the image, two classes' logits and their gradients.
    let values = kept + Double(5 * side * side)
    let batch =
      ["plan.batch_size", "plan.configuration (2d_N)"] + (settings.training.recompute ? [] : ["training.recompute"])
    parts.append(Part(purpose: "a batch's images and activations", bytes: 4 * images * values, keys: batch))
  }

  private mutating func add(_ settings: PretrainingRecipe) {
    let (vit, distillation) = (settings.vit, settings.selfDistillation)
    let (hidden, bottleneck) = (Double(distillation.head.hiddenWidth), Double(distillation.head.bottleneckWidth))
    let head = (Double(vit.width) + hidden + bottleneck) * hidden + bottleneck * Double(distillation.head.prototypes)
    // The student with gradients and two moments, and the teacher.
    let copies = 5.0
    parts.append(
      Part(
        purpose: "student's and teacher's weights, gradients and moments", bytes: 4 * copies * vit.leastParameters,
        keys: ["network.vit.width", "network.vit.depth"]))
    parts.append(
      Part(
        purpose: "the same of the heads", bytes: 4 * copies * head,
        keys: ["self_distillation.head"]))
    // Whatever sizes the crops take turns with; two global ones of each image.
    let side = distillation.crops.sizes.map(\.global).max() ?? 0
    let values = vit.keptActivations(height: side, width: side) + Double(side * side + distillation.head.prototypes)
    parts.append(
      Part(
        purpose: "the crops' activations", bytes: 4 * 2 * Double(distillation.microBatchSize) * values,
        keys: ["self_distillation.micro_batch_size", "self_distillation.crops.sizes"]))
  }
}

/// A network's share of a training's memory, from below: numbers of parameters, and of values for one image.
public struct NetworkMemory: Sendable {
  public var trainedParameters = 0.0
  public var frozenParameters = 0.0
  /// Values that are kept for the way back, when nothing is computed again.
  public var keptActivations = 0.0
  public var largestActivation = 0.0
  /// The recipe's keys that make them fewer.
  public var keys: [String] = []

  public init() {}
}

/// A machine that has less memory than a training certainly takes. Not a mistake in the recipe, which is right elsewhere:
/// exit code 1.
public struct MemoryShortage: Error, CustomStringConvertible {
  let need: MemoryNeed
  /// Bytes.
  let available: Int

  public var description: String {
    let parts = need.parts.filter { $0.bytes > 0 }.sorted { $0.bytes > $1.bytes }
    // What takes the most is worth making smaller.
    let keys = parts.filter { $0.bytes > need.bytes / 4 }.flatMap(\.keys)
    return "training takes \(Self.text(need.bytes)) of memory at least, and this machine has "
      + "\(Self.text(Double(available))) to give: "
      + parts.map { "\($0.purpose) (\(Self.text($0.bytes)))" }.joined(separator: ", ")
      + (keys.isEmpty ? "" : "; less is needed with other values of \(keys.joined(separator: ", "))")
  }

  private static func text(_ bytes: Double) -> String {
    bytes >= Double(1 << 30)
      ? String(format: "%.1f GiB", bytes / Double(1 << 30)) : String(format: "%.1f MiB", bytes / Double(1 << 20))
  }
}

// MARK: - Networks

extension VisionTransformerSettings {
  /// Matrices of attention and feed-forward networks, and the patch embedding.
  var leastParameters: Double {
    let width = Double(width)
    return Double(depth) * width * width * (4 + 2 * mlpRatio)
      + Double(patchSize * patchSize * inputChannels) * width
  }

  private func tokens(_ height: Int, _ width: Int) -> Double { Double(height / patchSize * (width / patchSize)) }

  /// Every block's sum of tokens.
  func keptActivations(height: Int, width: Int) -> Double {
    Double(depth) * tokens(height, width) * Double(self.width)
  }

  func largestActivation(height: Int, width: Int) -> Double { tokens(height, width) * Double(self.width) }
}

extension PrimusSettings {
  public func leastMemory(height: Int, width: Int) -> NetworkMemory {
    var memory = NetworkMemory()
    let channels = Double(vit.width * decoderBlocks.count)
    // The decoder's first step: to half the channels and both sides doubled.
    memory.trainedParameters = vit.leastParameters + 2 * channels * channels
    memory.keptActivations = vit.keptActivations(height: height, width: width)
    memory.largestActivation = vit.largestActivation(height: height, width: width)
    memory.keys = ["network.vit.width", "network.vit.depth"]
    return memory
  }
}

extension DINOUNetSettings {
  public func leastMemory(height: Int, width: Int) -> NetworkMemory {
    var memory = NetworkMemory()
    memory.frozenParameters = vit.leastParameters
    if let widths { memory.trainedParameters = widths.prefix(3).reduce(0) { $0 + 9 * Double($1) * Double($1) } }
    memory.largestActivation = vit.largestActivation(height: height, width: width)
    memory.keptActivations = memory.largestActivation
    memory.keys = ["network.vit.width", "network.vit.depth", "network.decoder_widths"]
    return memory
  }
}

extension SegFormerSettings {
  public func leastMemory(height: Int, width: Int) -> NetworkMemory {
    var memory = NetworkMemory()
    for stage in 0..<4 {
      let (channels, depth) = (Double(configuration.widths[stage]), Double(configuration.depths[stage]))
      // Attention's four matrices and the feed-forward network's two, four times as wide.
      memory.trainedParameters += depth * 12 * channels * channels
      let values = Double(height * width) / Double(16 << (2 * stage)) * channels
      memory.keptActivations += depth * values
      memory.largestActivation = max(memory.largestActivation, values)
    }
    memory.keys = ["network.stages.widths", "network.stages.depths"]
    return memory
  }
}

extension UNetSettings {
  public func leastMemory(height: Int, width: Int) -> NetworkMemory {
    var memory = NetworkMemory()
    // A plan of few stages takes the first two widths at least; kernels of three by three.
    guard let features, features.count >= 2 else { return memory }
    memory.trainedParameters = 9 * Double(features[0]) * Double(features[1])
    memory.largestActivation = Double(features[0]) * Double(height * width)
    memory.keptActivations = memory.largestActivation
    memory.keys = ["network.unet.features"]
    return memory
  }
}
