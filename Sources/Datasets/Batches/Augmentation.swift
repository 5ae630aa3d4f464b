import Elementary
import Kernels
import Random
import Tensors

/// nnU-Net's default augmentation for a 2d configuration (nnunetv2 2.8, batchgeneratorsv2 0.3), drawn and applied apart:
/// `draw` decides everything from counters, `apply` does what was decided.
///
/// In order: rotation and scaling, Gaussian noise, Gaussian blur, brightness, contrast, low resolution, gamma on the
/// negative, gamma, mirroring; then label -1 (outside of the body or of the image) becomes background.
public struct Augmentation: Sendable {
  /// The patch [H, W] that comes out.
  public let patchSize: [Int]
  /// The larger patch [H, W] to cut for it, so that most rotations find image in their corners.
  public let initialPatchSize: [Int]
  /// Angles are drawn from ± this, in radians: 180° for patches up to 1.5 times as long as wide, else 15°.
  public let rotationLimit: Double
  /// Channels that are set to 0 wherever the label is -1, because they were normalised inside of a mask.
  public let maskedChannels: [Int]
  /// Whether patches are mirrored; without, this is the pipeline of nnU-Net's `nnUNetTrainerNoMirroring`.
  public let mirrors: Bool

  public init(patchSize: [Int], maskedChannels: [Int] = [], mirrors: Bool = true) {
    precondition(patchSize.count == 2 && patchSize.allSatisfy { $0 > 0 }, "a 2d patch of \(patchSize)")
    self.patchSize = patchSize
    self.maskedChannels = maskedChannels
    self.mirrors = mirrors
    let isLong = Double(patchSize.max()!) / Double(patchSize.min()!) > 1.5
    rotationLimit = isLong ? 15 * Double.pi / 180 : Double.pi
    // The patch's corner, turned by the largest angle up to a right one, and then the margin for scaling up by 1 / 0.85.
    let angle = min(Double.pi / 2, rotationLimit)
    let (height, width) = (Double(patchSize[0]), Double(patchSize[1]))
    let (cosine, sine) = (Elementary.cos(angle), Elementary.sin(angle))
    let turned = [abs(height * cosine + width * sine), abs(width * cosine - height * sine)]
    initialPatchSize = zip(patchSize, turned).map { Int(max(Double($0), $1) / 0.85) }
  }

  /// What `draw` decided for one patch. A transform that is nil or empty is left out.
  public struct Parameters: Sendable, Equatable {
    /// Rotation in radians; positive turns the sampling grid from rows towards columns.
    public var rotation: Double?
    /// The sampling grid's step: above 1 makes things smaller.
    public var scaling: Double?
    public var noise: Noise?
    /// Standard deviations along [rows, columns] in pixels, for each channel blurred.
    public var blur: [ChannelSetting<[Double]>] = []
    /// Factors.
    public var brightness: [Double] = []
    /// Factors around the mean.
    public var contrast: [Double] = []
    /// The share of its resolution that a channel keeps.
    public var lowResolution: [ChannelSetting<Double>] = []
    /// Exponents on the negative image.
    public var invertedGamma: [Double] = []
    /// Exponents.
    public var gamma: [Double] = []
    public var mirrorsRows = false
    public var mirrorsColumns = false

    public init() {}
  }

  /// A setting for one channel among others that are left alone.
  public struct ChannelSetting<Value: Sendable & Equatable>: Sendable, Equatable {
    public var channel: Int
    public var value: Value

    public init(channel: Int, value: Value) {
      self.channel = channel
      self.value = value
    }
  }

  /// Additive noise: its standard deviation, and the key from which its numbers come.
  public struct Noise: Sendable, Equatable {
    public var deviation: Double
    public var key: SIMD2<UInt32>

    public init(deviation: Double, key: SIMD2<UInt32>) {
      self.deviation = deviation
      self.key = key
    }
  }

  /// Decides what happens to one patch.
  public func draw(channels: Int, random: inout CounterRandom) -> Parameters {
    var result = Parameters()
    let rotates = random.chance(0.2)
    let scales = random.chance(0.2)
    if rotates { result.rotation = random.uniform(-rotationLimit, rotationLimit) }
    if scales { result.scaling = random.uniform(0.7, 1.4) }
    if random.chance(0.1) {
      // The peer calls it a variance and uses it as a standard deviation.
      let deviation = random.uniform(0, 0.1)
      result.noise = Noise(deviation: deviation, key: SIMD2(random.nextBits(), random.nextBits()))
    }
    if random.chance(0.2) {
      for channel in 0..<channels where random.chance(0.5) {
        result.blur.append(ChannelSetting(channel: channel, value: [random.uniform(0.5, 1), random.uniform(0.5, 1)]))
      }
    }
    if random.chance(0.15) {
      result.brightness = (0..<channels).map { _ in Self.balanced(0.75, 1.25, &random) }
    }
    if random.chance(0.15) {
      result.contrast = (0..<channels).map { _ in Self.balanced(0.75, 1.25, &random) }
    }
    if random.chance(0.25) {
      for channel in 0..<channels where random.chance(0.5) {
        result.lowResolution.append(ChannelSetting(channel: channel, value: random.uniform(0.5, 1)))
      }
    }
    if random.chance(0.1) {
      result.invertedGamma = (0..<channels).map { _ in Self.balanced(0.7, 1.5, &random) }
    }
    if random.chance(0.3) {
      result.gamma = (0..<channels).map { _ in Self.balanced(0.7, 1.5, &random) }
    }
    result.mirrorsRows = mirrors && random.chance(0.5)
    result.mirrorsColumns = mirrors && random.chance(0.5)
    return result
  }

  /// Half of the time below 1, half above, evenly within each half.
  private static func balanced(_ lower: Double, _ upper: Double, _ random: inout CounterRandom) -> Double {
    random.chance(0.5) ? random.uniform(lower, 1) : random.uniform(1, upper)
  }

  /// The scratch memory of `apply`, to be kept from patch to patch; one for each thread.
  public final class Workspace {
    let plane: UnsafeMutablePointer<Float>
    let places: UnsafeMutablePointer<Int32>
    let weights: UnsafeMutablePointer<Float>

    public init(for augmentation: Augmentation) {
      let (height, width) = (augmentation.patchSize[0], augmentation.patchSize[1])
      plane = .allocate(capacity: (height + 1) * width + 64)
      places = .allocate(capacity: 2 * width)
      weights = .allocate(capacity: width)
    }

    deinit {
      plane.deallocate()
      places.deallocate()
      weights.deallocate()
    }
  }

  /// Makes a patch out of the larger one.
  /// - Parameters:
  ///   - image: [channels, H0, W0], where [H0, W0] is `size`, at least `patchSize` in both.
  ///   - labels: [H0, W0].
  ///   - imageOut: receives [channels, H, W].
  ///   - labelsOut: receives [H, W], with no label -1 left.
  public func apply(
    _ parameters: Parameters, image: UnsafePointer<Float>, labels: UnsafePointer<Int16>, size: [Int], channels: Int,
    into imageOut: UnsafeMutablePointer<Float>, _ labelsOut: UnsafeMutablePointer<Int32>, workspace: Workspace
  ) {
    let (height, width) = (patchSize[0], patchSize[1])
    precondition(size.count == 2 && size[0] >= height && size[1] >= width, "a patch of \(patchSize) out of \(size)")
    let count = height * width
    if parameters.rotation != nil || parameters.scaling != nil {
      let angle = parameters.rotation ?? 0
      let step = parameters.scaling ?? 1
      let (cosine, sine) = (Elementary.cos(angle) * step, Elementary.sin(angle) * step)
      let matrix = [cosine, -sine, sine, cosine].map { Float($0) }
      augmentation_sample(
        image, channels, labels, size[0], size[1], imageOut, labelsOut, height, width, matrix, -1)
    } else {
      Self.cutCenter(image, labels, size: size, channels: channels, patchSize: patchSize, into: imageOut, labelsOut)
    }
    if let noise = parameters.noise {
      augmentation_add_normal(imageOut, channels * count, Float(noise.deviation), noise.key.x, noise.key.y)
    }
    for setting in parameters.blur {
      // A border narrower than the kernel cannot be reflected; the kernels have at most 7 taps.
      let kernels = setting.value.map(Self.gaussianKernel)
      guard kernels[0].count / 2 < height, kernels[1].count / 2 < width else { continue }
      augmentation_blur(
        imageOut + setting.channel * count, height, width, kernels[0], kernels[0].count / 2, kernels[1],
        kernels[1].count / 2, workspace.plane)
    }
    for (channel, factor) in parameters.brightness.enumerated() {
      augmentation_scale(imageOut + channel * count, count, Float(factor))
    }
    for (channel, factor) in parameters.contrast.enumerated() {
      augmentation_contrast(imageOut + channel * count, count, Float(factor))
    }
    for setting in parameters.lowResolution {
      // The peer multiplies the size with the share in single precision, and rounds half to even.
      let share = Double(Float(setting.value))
      augmentation_lower_resolution(
        imageOut + setting.channel * count, height, width,
        max(1, Int((Double(height) * share).rounded(.toNearestOrEven))),
        max(1, Int((Double(width) * share).rounded(.toNearestOrEven))), workspace.plane, workspace.places,
        workspace.weights)
    }
    for (channel, exponent) in parameters.invertedGamma.enumerated() {
      augmentation_gamma(imageOut + channel * count, count, Float(exponent), 1)
    }
    for (channel, exponent) in parameters.gamma.enumerated() {
      augmentation_gamma(imageOut + channel * count, count, Float(exponent), 0)
    }
    if parameters.mirrorsRows || parameters.mirrorsColumns {
      let (rows, columns): (Int32, Int32) = (parameters.mirrorsRows ? 1 : 0, parameters.mirrorsColumns ? 1 : 0)
      for channel in 0..<channels { augmentation_mirror(imageOut + channel * count, height, width, rows, columns) }
      augmentation_mirror(labelsOut, height, width, rows, columns)
    }
    for channel in maskedChannels {
      let plane = imageOut + channel * count
      for index in 0..<count where labelsOut[index] < 0 { plane[index] = 0 }
    }
    Self.removeOutside(labelsOut, count: count)
  }

  /// Cuts the patch out of the middle of a larger one.
  static func cutCenter(
    _ image: UnsafePointer<Float>, _ labels: UnsafePointer<Int16>, size: [Int], channels: Int, patchSize: [Int],
    into imageOut: UnsafeMutablePointer<Float>, _ labelsOut: UnsafeMutablePointer<Int32>
  ) {
    let (height, width) = (patchSize[0], patchSize[1])
    let top = size[0] / 2 - height / 2
    let left = size[1] / 2 - width / 2
    for channel in 0..<channels {
      for row in 0..<height {
        (imageOut + (channel * height + row) * width).update(
          from: image + (channel * size[0] + top + row) * size[1] + left, count: width)
      }
    }
    for row in 0..<height {
      let from = labels + (top + row) * size[1] + left
      let to = labelsOut + row * width
      for column in 0..<width { to[column] = Int32(from[column]) }
    }
  }

  /// Label -1 becomes background.
  static func removeOutside(_ labels: UnsafeMutablePointer<Int32>, count: Int) {
    for index in 0..<count { labels[index] = labels[index] == -1 ? 0 : labels[index] }
  }

  /// A Gaussian kernel of about 6 standard deviations' width: the nearest odd number of taps to 6 sigma + 0.5, where half-way
  /// goes to the even number first.
  static func gaussianKernel(deviation: Double) -> [Float] {
    let wanted = 6 * deviation + 0.5
    var taps = Int(wanted.rounded(.toNearestOrEven))
    if taps % 2 == 0 { taps += wanted - Double(taps) >= 0 ? 1 : -1 }
    let weights = (0..<taps).map { tap -> Float in
      let place = (Float(tap) - Float(taps - 1) / 2) / Float(deviation)
      return Float(Elementary.exp(Double(-0.5 * place * place)))
    }
    let sum = weights.reduce(0, +)
    return weights.map { $0 / sum }
  }
}
