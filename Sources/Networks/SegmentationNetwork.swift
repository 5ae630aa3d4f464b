import Random
import Tensors

/// A network that labels every pixel of an image.
///
/// Not sendable: it belongs to the thread that trains it or predicts with it.
public protocol SegmentationNetwork: AnyObject, Module {
  /// The parameters of an encoder that may come with pretrained weights; none unless the network says so.
  var encoderParameters: [Parameter] { get }

  /// The classes' logits at full resolution, `[N, classes, H, W]`, then any coarser ones for deep supervision.
  /// - Parameter images: `[N, C, H, W]`; H and W are multiples of `inputMultiple`.
  func logits(_ images: Tensor, _ context: ForwardContext) -> [Tensor]

  /// What an image's height and width must be multiples of.
  var inputMultiple: (height: Int, width: Int) { get }

  /// What the weights' shapes do not tell of the network's form, for the metadata of a file of weights.
  var weightMetadata: [String: String] { get }
}

extension SegmentationNetwork {
  public var weightMetadata: [String: String] { [:] }

  public var encoderParameters: [Parameter] { [] }

  /// The parameters that always start at random.
  public var decoderParameters: [Parameter] {
    let encoder = Set(encoderParameters.map(ObjectIdentifier.init))
    return parameters.filter { !encoder.contains(ObjectIdentifier($0)) }
  }
}

/// Says what a forward pass is for, and where its random numbers come from.
public enum ForwardContext: Sendable, Equatable {
  /// Nothing random happens.
  case evaluation
  /// One step of training. `pass` tells apart several forward passes of one network in one step, such as those of
  /// large and small crops. `share` says which images of the step's batch a forward pass holds, where it holds only some.
  case training(seed: UInt64, epoch: Int, step: Int, pass: Int = 0, share: BatchShare? = nil)

  /// The generator for one place in the network; nil in evaluation.
  /// - Parameter index: which of the network's places that draw for this purpose, below 65536.
  func random(for purpose: String, index: Int) -> CounterRandom? {
    guard case .training(let seed, let epoch, let step, let pass, _) = self else { return nil }
    return CounterRandom(seed: seed, purpose: purpose, epoch: epoch, step: step, sample: pass << 16 | index)
  }

  /// Which images of its batch the forward pass holds; nil: all.
  var share: BatchShare? {
    if case .training(_, _, _, _, let share) = self { share } else { nil }
  }
}

/// Some images of a batch whose forward pass is divided to save memory. What is random for each image is drawn for the whole
/// batch, so that the division changes nothing.
public struct BatchShare: Sendable, Equatable {
  /// Of the batch's images, counted from 0.
  public let images: Range<Int>
  /// How many the batch has.
  public let total: Int

  public init(images: Range<Int>, of total: Int) {
    precondition(
      !images.isEmpty && images.lowerBound >= 0 && images.upperBound <= total, "\(images) of \(total) images")
    self.images = images
    self.total = total
  }

  /// The rows of the whole batch's `[views · total]` that are this share's `[views · images]`, view by view.
  package func rows(views: Int) -> [Int] { (0..<views).flatMap { view in images.map { view * total + $0 } } }
}
