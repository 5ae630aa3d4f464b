import Foundation

/// The U-Net that nnU-Net plans for a patch: how it pools, its kernels and widths, and what it needs of memory.
struct NetworkTopology: Equatable {
  /// The patch, enlarged so that every pooling divides it.
  var patchSize: [Int]
  /// Per stage and axis; the first stage does not pool.
  var strides: [[Int]]
  var kernelSizes: [[Int]]
  /// What the patch must be a multiple of, per axis.
  var divisors: [Int]

  static let smallestFeatureMap = 4.0
  static let baseFeatures = 32
  static let greatestFeatures = 512
  static let convolutionsPerStage = 2

  /// Pools an axis while it is at least twice the smallest feature map and its spacing less than twice the finest one.
  /// A kernel is 3 wide along an axis from the stage on where its spacing is less than twice the finest.
  init(spacing: [Double], patchSize: [Double]) {
    let axes = spacing.indices
    var spacingNow = spacing
    var size = patchSize
    var pools = [Int](repeating: 0, count: axes.count)
    var kernel = [Int](repeating: 1, count: axes.count)
    strides = [[Int](repeating: 1, count: axes.count)]
    kernelSizes = []
    while true {
      var poolable = axes.filter { size[$0] >= 2 * Self.smallestFeatureMap }
      guard let finest = poolable.map({ spacingNow[$0] }).min() else { break }
      poolable = poolable.filter { spacingNow[$0] / finest < 2 }
      if poolable.count == 1, size[poolable[0]] < 3 * Self.smallestFeatureMap { break }
      let finestOfAll = spacingNow.min()!
      for axis in axes where spacingNow[axis] / finestOfAll < 2 { kernel[axis] = 3 }
      for axis in poolable {
        pools[axis] += 1
        spacingNow[axis] *= 2
        size[axis] = (size[axis] / 2).rounded(.up)
      }
      strides.append(axes.map { poolable.contains($0) ? 2 : 1 })
      kernelSizes.append(kernel)
    }
    kernelSizes.append([Int](repeating: 3, count: axes.count))
    let divisors = pools.map { 1 << $0 }
    self.divisors = divisors
    self.patchSize = axes.map { axis in
      let divisor = Double(divisors[axis])
      let rest = patchSize[axis].truncatingRemainder(dividingBy: divisor)
      return Int(rest == 0 ? patchSize[axis] : patchSize[axis] + divisor - rest)
    }
  }

  var stages: Int { strides.count }

  var features: [Int] {
    (0..<stages).map { $0 < 10 ? min(Self.greatestFeatures, Self.baseFeatures << $0) : Self.greatestFeatures }
  }

  /// The number of feature map values of one forward pass, nnU-Net's measure of memory.
  func featureMapSize(classCount: Int) -> Int {
    var size = patchSize
    var sizes: [Int] = []
    for stride in strides {
      size = zip(size, stride).map { $0 / $1 }
      sizes.append(size.reduce(1, *))
    }
    var total = 0
    for stage in 0..<stages { total += Self.convolutionsPerStage * features[stage] * sizes[stage] }
    for stage in 0..<(stages - 1) {
      // The decoder's convolutions and the transposed one before them, at the resolution of the skip connection.
      total += (Self.convolutionsPerStage + 1) * features[stage] * sizes[stage]
    }
    if stages > 1 { total += classCount * sizes[0] }
    return total
  }
}
