import Tensors

/// The images that self-distillation learns from.
public struct PretrainingImages: Sendable {
  public let count: Int
  /// Image `index`, float32 `[H, W]` in any unit: views are taken of it with mean 0 and standard deviation 1.
  public let image: @Sendable (_ index: Int) throws -> Tensor

  public init(count: Int, image: @escaping @Sendable (_ index: Int) throws -> Tensor) {
    precondition(count > 0, "no images to learn from")
    self.count = count
    self.image = image
  }
}

/// Keeps the images that were asked for, as long as they fit into memory: making or reading one may cost as much as
/// learning from it.
final class ImagePool {
  private let images: PretrainingImages
  private var kept: [Int: Tensor] = [:]
  private var bytesLeft = 256 << 20

  init(_ images: PretrainingImages) { self.images = images }

  var count: Int { images.count }

  func image(_ index: Int) throws -> Tensor {
    if let image = kept[index] { return image }
    let image = try images.image(index)
    precondition(image.rank == 2 && image.elementType == .float32, "an image of shape \(image.shape)")
    bytesLeft -= image.count * 4
    if bytesLeft >= 0 { kept[index] = image }
    return image
  }
}
