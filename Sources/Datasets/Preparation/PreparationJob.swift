import Files
import Foundation
import Imaging

/// The making of one prepared case: slices are cut from the volume, normalised, resampled and written one by one, by
/// several threads, so that memory stays at a few slices beside the volume itself.
struct PreparationJob: Sendable {
  let cropped: CroppedCase
  let workers: Int
  /// How many values the label map may have, from 0 on.
  let valueCount: Int
  /// The labels of each list of voxels to draw from, with its number in the file; see `CaseFile`.
  let voxelLists: [(number: Int, labels: [Int])]
  /// Of the prepared data.
  let shape: [Int]
  let spacing: [Double]
  private let normalizers: [IntensityNormalizer]
  private let ranges: [ClosedRange<Float>]
  private let separate: SeparateAxis
  private let images: SliceResampler
  let labels: LinearSliceResampler

  /// The most voxels a prepared volume may have.
  static let greatestVoxelCount = 1 << 33
  /// The most voxels a prepared slice may have: a chunk of HDF5 stays below 4 GiB.
  static let greatestSliceArea = 1 << 29

  init(_ cropped: CroppedCase, preprocessor: Preprocessor, workers: Int) throws {
    self.cropped = cropped
    self.workers = workers
    let description = preprocessor.description
    valueCount = description.valueCount
    let targets = description.targets.enumerated().map { (number: $0.offset + 1, labels: $0.element.labels) }
    let annotated = [(number: CaseFile.annotatedVoxels, labels: [-1] + description.labels.map(\.value))]
    voxelLists = description.ignoreLabel == nil ? targets : targets + annotated
    let name = cropped.volumes.name
    let configuration = preprocessor.configuration
    spacing = [cropped.originalSpacing[0]] + configuration.spacing
    let sizes = zip(zip(cropped.shape, cropped.originalSpacing), spacing).map { pair, new in
      (pair.1 / new * Double(pair.0)).rounded(.toNearestOrEven)
    }
    guard sizes.allSatisfy({ $0 >= 1 && $0 <= 65536 }), sizes.reduce(1, *) <= Double(Self.greatestVoxelCount),
      sizes[1] * sizes[2] <= Double(Self.greatestSliceArea)
    else {
      throw DatasetError(
        "\(name): at the plan's spacing \(configuration.spacing) mm the image would have \(sizes) voxels; check "
          + "the spacing \(cropped.originalSpacing) mm of the image."
      )
    }
    shape = sizes.map { Int($0) }
    try cropped.volumes.requireLabels(valueCount: valueCount)

    separate = SeparateAxis(current: cropped.originalSpacing, new: spacing)
    let from = (cropped.shape[1], cropped.shape[2])
    let to = (shape[1], shape[2])
    let nearestY = separate == .axis(1)
    let nearestX = separate == .axis(2)
    images = SliceResampler(from: from, to: to, y: nearestY ? .nearest : .cubic, x: nearestX ? .nearest : .cubic)
    labels = LinearSliceResampler(from: from, to: to, nearestY: nearestY, nearestX: nearestX)

    var normalizers: [IntensityNormalizer] = []
    var ranges: [ClosedRange<Float>] = []
    for channel in cropped.volumes.images.indices {
      let scheme = configuration.normalizations[channel]
      let usesMask = configuration.usesMaskForNormalization[channel]
      let statistics = try cropped.statistics(
        channel: channel, onlyInside: usesMask, deviation: scheme == .zScore, workers: workers)
      if scheme == .rgb, statistics.range.lowerBound < 0 || statistics.range.upperBound > 255 {
        throw DatasetError(
          "\(name): channel \(channel) is to be an RGB colour but holds values \(statistics.range); 0 to 255 "
            + "would be right."
        )
      }
      let normalizer = IntensityNormalizer(
        scheme, usesMask: usesMask, intensities: preprocessor.intensities[channel], statistics: statistics)
      normalizers.append(normalizer)
      ranges.append(normalizer.range(statistics, hasOutside: usesMask && cropped.hasOutside))
    }
    self.normalizers = normalizers
    self.ranges = ranges
  }

  var sourceArea: Int { cropped.shape[1] * cropped.shape[2] }
  var targetArea: Int { shape[1] * shape[2] }

  /// Memory of one thread at work on slices.
  private final class Workspace {
    var source: [Float]
    var target: [Float]
    var flags: [UInt8]
    var scratch: [Float] = []
    let compressor = ChunkCompressor()
    init(sourceArea: Int, targetArea: Int) {
      source = [Float](repeating: 0, count: sourceArea)
      target = [Float](repeating: 0, count: targetArea)
      flags = [UInt8](repeating: 0, count: sourceArea)
    }
  }

  // MARK: - Intensities

  func writeImage(to file: HDF5File) throws {
    let channels = normalizers.count
    try file.createDataset(
      "image", of: Float.self, shape: [channels] + shape, chunk: [1, 1, shape[1], shape[2]], deflate: 1)
    for channel in 0..<channels {
      let planes = try planeRanges(channel: channel)
      try overSlices { slice, work in
        normalized(channel: channel, slice: slice, work)
        resample(channel: channel, slice: slice, planes: planes, work)
        try work.target.withUnsafeBufferPointer {
          try file.writeChunk(
            $0, to: "image", start: [channel, slice, 0, 0], count: [1, 1, shape[1], shape[2]], with: work.compressor)
        }
      }
    }
    try file.writeDigests(of: "image")
  }

  /// Blocks of slices for each thread, each with its own workspace.
  private func overSlices(_ body: @Sendable (Int, Workspace) throws -> Void) throws {
    let block = max(1, min(8, shape[0] / max(1, workers)))
    _ = try concurrentMap((shape[0] + block - 1) / block, workers: workers) { index in
      let work = Workspace(sourceArea: sourceArea, targetArea: targetArea)
      for slice in (index * block)..<min(shape[0], (index + 1) * block) { try body(slice, work) }
    }
  }

  private func normalized(channel: Int, slice: Int, _ work: Workspace) {
    work.source.withUnsafeMutableBufferPointer { source in
      cropped.intensities(channel: channel, slice: slice, into: source)
      work.flags.withUnsafeMutableBufferPointer { flags in
        let flagged = normalizers[channel].onlyInside && cropped.outside(slice: slice, into: flags)
        normalizers[channel].apply(source, outside: flagged ? UnsafeBufferPointer(flags) : nil)
      }
    }
  }

  private func resample(channel: Int, slice: Int, planes: [ClosedRange<Float>]?, _ work: Workspace) {
    if images.isIdentity {
      swap(&work.source, &work.target)
      return
    }
    var range = ranges[channel]
    if separate == .axis(0) {
      var (low, high) = (Float.infinity, -Float.infinity)
      for value in work.source {
        low = min(low, value)
        high = max(high, value)
      }
      range = low...high
    } else if planes != nil {
      range = -Float.infinity...Float.infinity
    }
    work.source.withUnsafeBufferPointer { source in
      work.target.withUnsafeMutableBufferPointer { target in
        images.resample(source.baseAddress!, into: target.baseAddress!, clampedTo: range, scratch: &work.scratch)
      }
    }
    if let planes { clamp(&work.target, to: planes) }
  }

  /// When the axis kept apart lies within the slice: the range of each plane across it, over all slices.
  private func planeRanges(channel: Int) throws -> [ClosedRange<Float>]? {
    guard !images.isIdentity, case .axis(let axis) = separate, axis > 0 else { return nil }
    let (height, width) = (cropped.shape[1], cropped.shape[2])
    let count = axis == 1 ? height : width
    let parts = try concurrentMap(cropped.shape[0], workers: workers) { slice in
      let work = Workspace(sourceArea: sourceArea, targetArea: 0)
      normalized(channel: channel, slice: slice, work)
      var low = [Float](repeating: .infinity, count: count)
      var high = [Float](repeating: -.infinity, count: count)
      for y in 0..<height {
        for x in 0..<width {
          let plane = axis == 1 ? y : x
          low[plane] = min(low[plane], work.source[y * width + x])
          high[plane] = max(high[plane], work.source[y * width + x])
        }
      }
      return (low, high)
    }
    return (0..<count).map { plane in
      parts.map { $0.0[plane] }.min()!...parts.map { $0.1[plane] }.max()!
    }
  }

  private func clamp(_ values: inout [Float], to planes: [ClosedRange<Float>]) {
    let (height, width) = (shape[1], shape[2])
    let alongRows = separate == .axis(1)
    let nearest = ResamplingPosition.nearest(inputs: planes.count, outputs: alongRows ? height : width)
    for y in 0..<height {
      for x in 0..<width {
        let range = planes[nearest[alongRows ? y : x]]
        values[y * width + x] = min(max(values[y * width + x], range.lowerBound), range.upperBound)
      }
    }
  }
}
