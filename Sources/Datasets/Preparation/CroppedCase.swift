import Foundation
import Imaging

/// A case's volumes seen through the plan's axis order and the crop to the nonzero region, slice by slice: nothing is
/// copied but the slice asked for.
struct CroppedCase: Sendable {
  let volumes: CaseVolumes
  /// In the plan's axis order.
  let originalShape: [Int]
  let originalSpacing: [Double]
  let bounds: [Range<Int>]
  /// Of the box, in the plan's axis order.
  var shape: [Int] { bounds.map(\.count) }
  /// Flags, in the file's axis order over the box, of voxels outside the nonzero region that bear no label; nil when
  /// none.
  private let outside: [UInt8]?
  var hasOutside: Bool { outside != nil }
  /// How far apart neighbours along the plan's axes lie in the file's volume and in the box.
  private let strides: [Int]
  private let boxStrides: [Int]

  init(_ volumes: CaseVolumes, transposeForward forward: [Int]) {
    self.volumes = volumes
    let shape = volumes.shape
    let box = NonzeroRegion.bounds(of: volumes.images)
    let fileStrides = [shape[1] * shape[2], shape[2], 1]
    let fileBoxStrides = [box[1].count * box[2].count, box[2].count, 1]
    originalShape = forward.map { shape[$0] }
    originalSpacing = forward.map { volumes.spacing[$0] }
    bounds = forward.map { box[$0] }
    strides = forward.map { fileStrides[$0] }
    boxStrides = forward.map { fileBoxStrides[$0] }
    var outside = NonzeroRegion.outside(of: volumes.images, in: box)
    if let label = volumes.label, outside != nil {
      label.voxels.withUnsafeBufferPointer { label in
        outside!.withUnsafeMutableBufferPointer { outside in
          var i = 0
          for z in box[0] {
            for y in box[1] {
              for x in box[2] {
                if label[z * fileStrides[0] + y * fileStrides[1] + x] != 0 { outside[i] = 0 }
                i += 1
              }
            }
          }
        }
      }
    }
    self.outside = outside
  }

  /// One slice [Y, X] of a channel, as the file has it.
  func intensities(channel: Int, slice: Int, into target: UnsafeMutableBufferPointer<Float>) {
    switch volumes.images[channel] {
    case .integers(let volume):
      volume.voxels.withUnsafeBufferPointer { gather($0, slice: slice, into: target) { Float($0) } }
    case .floats(let volume):
      volume.voxels.withUnsafeBufferPointer { gather($0, slice: slice, into: target) { $0 } }
    }
  }

  /// One slice [Y, X] of the label map; 0 without one; -1 outside the nonzero region where there is no label.
  func labels(slice: Int, into target: UnsafeMutableBufferPointer<Int16>) {
    if let label = volumes.label {
      label.voxels.withUnsafeBufferPointer { gather($0, slice: slice, into: target) { $0 } }
    } else {
      target.update(repeating: 0)
    }
    guard let outside else { return }
    outside.withUnsafeBufferPointer { outside in
      walk(slice: slice, strides: boxStrides, start: 0) { from, to in if outside[from] != 0 { target[to] = -1 } }
    }
  }

  /// The flags of one slice, 1 outside; false when there are none at all.
  func outside(slice: Int, into target: UnsafeMutableBufferPointer<UInt8>) -> Bool {
    guard let outside else { return false }
    outside.withUnsafeBufferPointer { outside in
      walk(slice: slice, strides: boxStrides, start: 0) { from, to in target[to] = outside[from] }
    }
    return true
  }

  @inline(__always)
  private func gather<T, U>(
    _ voxels: UnsafeBufferPointer<T>, slice: Int, into target: UnsafeMutableBufferPointer<U>, _ convert: (T) -> U
  ) {
    let start = (0..<3).reduce(0) { $0 + bounds[$1].lowerBound * strides[$1] }
    walk(slice: slice, strides: strides, start: start) { from, to in target[to] = convert(voxels[from]) }
  }

  @inline(__always)
  private func walk(slice: Int, strides: [Int], start: Int, _ body: (_ from: Int, _ to: Int) -> Void) {
    let (height, width) = (bounds[1].count, bounds[2].count)
    let step = strides[2]
    for y in 0..<height {
      let from = start + slice * strides[0] + y * strides[1]
      for x in 0..<width { body(from + x * step, y * width + x) }
    }
  }

  /// Statistics of one channel over the box, summed slice by slice in a fixed order; mean and standard deviation leave
  /// out what lies outside the nonzero region when `onlyInside` is set. Without `deviation` it is left at 0, which
  /// saves a pass.
  func statistics(channel: Int, onlyInside: Bool, deviation: Bool, workers: Int) throws
    -> IntensityNormalizer.Statistics
  {
    struct Part: Sendable {
      var count = 0
      var sum = 0.0
      var low = Float.infinity
      var high = -Float.infinity
      var insideLow = Float.infinity
      var insideHigh = -Float.infinity
    }
    let area = bounds[1].count * bounds[2].count
    func slices<T: Sendable>(
      _ body: @Sendable (UnsafeBufferPointer<Float>, UnsafeBufferPointer<UInt8>?) -> T
    ) throws -> [T] {
      try concurrentMap(bounds[0].count, workers: workers) { slice in
        withUnsafeTemporaryAllocation(of: Float.self, capacity: area) { values in
          withUnsafeTemporaryAllocation(of: UInt8.self, capacity: area) { flags in
            intensities(channel: channel, slice: slice, into: values)
            let flagged = onlyInside && outside(slice: slice, into: flags)
            return body(UnsafeBufferPointer(values), flagged ? UnsafeBufferPointer(flags) : nil)
          }
        }
      }
    }
    let parts = try slices { values, flags -> Part in
      var part = Part()
      for (i, value) in values.enumerated() {
        part.low = min(part.low, value)
        part.high = max(part.high, value)
        guard flags.map({ $0[i] == 0 }) ?? true else { continue }
        part.count += 1
        part.sum += Double(value)
        part.insideLow = min(part.insideLow, value)
        part.insideHigh = max(part.insideHigh, value)
      }
      return part
    }
    return try finish(
      parts.reduce(into: Part()) { all, part in
        all.count += part.count
        all.sum += part.sum
        all.low = min(all.low, part.low)
        all.high = max(all.high, part.high)
        all.insideLow = min(all.insideLow, part.insideLow)
        all.insideHigh = max(all.insideHigh, part.insideHigh)
      })

    func finish(_ all: Part) throws -> IntensityNormalizer.Statistics {
      let mean = all.count == 0 ? 0 : all.sum / Double(all.count)
      let squares =
        !deviation
        ? []
        : try slices { values, flags -> Double in
          var sum = 0.0
          for (i, value) in values.enumerated() where flags.map({ $0[i] == 0 }) ?? true {
            let difference = Double(value) - mean
            sum += difference * difference
          }
          return sum
        }
      let variance = all.count == 0 ? 0 : squares.reduce(0, +) / Double(all.count)
      return .init(
        range: all.low...all.high,
        insideRange: all.count == 0 ? all.low...all.high : all.insideLow...all.insideHigh, mean: mean,
        standardDeviation: variance.squareRoot())
    }
  }
}
