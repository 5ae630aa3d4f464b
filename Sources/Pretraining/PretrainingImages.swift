import Tensors

/// The images that self-distillation learns from.
public struct PretrainingImages: Sendable {
  public let count: Int
  /// Image `index`, float32 `[H, W]`, in any unit.
  public let image: @Sendable (_ index: Int) throws -> Tensor
  /// Views are taken of (image - mean) / deviation; when nil, the first 64 images' mean and standard deviation.
  public let statistics: (mean: Double, deviation: Double)?
  /// The values that are black and white, in the images' unit.
  public let unit: ClosedRange<Double>

  /// - Parameter unit: not empty.
  public init(
    count: Int, statistics: (mean: Double, deviation: Double)? = nil, unit: ClosedRange<Double> = 0...1,
    image: @escaping @Sendable (_ index: Int) throws -> Tensor
  ) {
    precondition(count > 0, "no images to learn from")
    precondition(unit.lowerBound < unit.upperBound, "black and white at \(unit)")
    self.count = count
    self.statistics = statistics
    self.unit = unit
    self.image = image
  }
}

/// Keeps the images that were asked for, as long as they fit into memory: making or reading one may cost as much as
/// learning from it.
final class ImagePool {
  private let images: PretrainingImages
  private var kept: [Int: Tensor] = [:]
  private var bytesLeft = 256 << 20
  private var statistics: (mean: Double, deviation: Double)?

  init(_ images: PretrainingImages) {
    self.images = images
    statistics = images.statistics
  }

  var count: Int { images.count }

  /// Black and white, standardised.
  func unit() throws -> ClosedRange<Double> {
    let (mean, deviation) = try statistics ?? ownStatistics()
    // Images without any contrast are standardised to 0.
    guard deviation > 0 else { return 0...1 }
    return (images.unit.lowerBound - mean) / deviation...(images.unit.upperBound - mean) / deviation
  }

  /// Image `index`, standardised.
  func image(_ index: Int) throws -> Tensor {
    if let image = kept[index] { return image }
    let (mean, deviation) = try statistics ?? ownStatistics()
    let image = try made(index)
    let scale = deviation > 0 ? 1 / deviation : 0
    let standard = image.withUnsafeElements(of: Float.self) { source in
      Tensor(shape: image.shape, of: Float.self) { target in
        for index in 0..<source.count { target[index] = Float((Double(source[index]) - mean) * scale) }
      }
    }
    bytesLeft -= image.count * 4
    if bytesLeft >= 0 { kept[index] = standard }
    return standard
  }

  private func made(_ index: Int) throws -> Tensor {
    let image = try images.image(index)
    precondition(image.rank == 2 && image.elementType == .float32, "an image of shape \(image.shape)")
    return image
  }

  private func ownStatistics() throws -> (mean: Double, deviation: Double) {
    var (sum, squares, count) = (0.0, 0.0, 0.0)
    for index in 0..<min(64, images.count) {
      try made(index).withUnsafeElements(of: Float.self) { values in
        for value in values {
          sum += Double(value)
          squares += Double(value) * Double(value)
        }
        count += Double(values.count)
      }
    }
    let mean = sum / count
    let found = (mean, max(0, squares / count - mean * mean).squareRoot())
    statistics = found
    return found
  }
}
