import Foundation
import Imaging

/// What a network's outputs say of a pixel's label.
public enum LabelDecision: Sendable, Equatable {
  /// A channel each for the labels 0, 1, ...; the greatest one is the pixel's.
  case greatest(classes: Int)
  /// A channel's logit each for regions that may overlap; the last one whose probability exceeds a half gives the pixel its
  /// label, 0 where there is none.
  case regions(labels: [Int16])

  public init(_ description: DatasetDescription) {
    self =
      description.learnsRegions
      ? .regions(labels: description.regions.map { Int16($0.predictedLabel) })
      : .greatest(classes: description.classCount)
  }

  /// The greatest logit whose sigmoid in single precision does not exceed a half: that of the next one is 0.5 + 2^-24.
  public static let halfProbabilityLogit: Float = 0x1.8p-24

  var channels: Int {
    switch self {
    case .greatest(let classes): classes
    case .regions(let labels): labels.count
    }
  }
}

/// Brings scores of all classes, or logits of all regions, on the prepared grid back to the image's grid as a label map, as
/// nnU-Net does: resampled linearly within each slice, the label decided, the cropped surroundings filled with background,
/// the axes put back.
public struct Exporter: Sendable {
  public let properties: CaseProperties
  public let decision: LabelDecision
  private var classCount: Int { decision.channels }

  public init(properties: CaseProperties, decision: LabelDecision) {
    self.properties = properties
    self.decision = decision
  }

  public init(properties: CaseProperties, classCount: Int) {
    self.init(properties: properties, decision: .greatest(classes: classCount))
  }

  /// Makes the label map slice by slice.
  /// - Parameters:
  ///   - header: of the image the case was made from; the map goes out with its geometry.
  ///   - scores: gives the logits or probabilities [classes, Y, X] of a prepared slice; called once for each, in order.
  /// - Throws: what `scores` throws; `DatasetError` when the header does not belong to the case.
  public func labels(header: NIfTIHeader, scores: (_ slice: Int) throws -> [Float]) throws -> Volume<Int16> {
    let (map, area) = try prepared(header)
    let shape = properties.shape
    let resampler = resampler
    var output = map
    var target = [Int16](repeating: 0, count: area)
    var scratch: [Float] = []
    for slice in 0..<shape[0] {
      let values = try scores(slice)
      precondition(
        values.count == classCount * shape[1] * shape[2], "\(values.count) scores for \(classCount) classes of \(shape)"
      )
      values.withUnsafeBufferPointer { values in
        decide(resampler, values.baseAddress!, stride: shape[1] * shape[2], into: &target, scratch: &scratch)
      }
      output.withUnsafeMutableBufferPointer { place(target, slice: slice, into: $0) }
    }
    return Volume(shape: header.shape, voxels: output, header: header)
  }

  /// As above from scores [classes, Z, Y, X] in memory, several slices at a time.
  public func labels(
    header: NIfTIHeader, scores: UnsafeBufferPointer<Float>,
    workers: Int = ProcessInfo.processInfo.activeProcessorCount
  ) throws -> Volume<Int16> {
    let (map, area) = try prepared(header)
    var output = map
    let shape = properties.shape
    precondition(
      scores.count == classCount * shape.reduce(1, *), "\(scores.count) scores for \(classCount) classes of \(shape)")
    let resampler = resampler
    let source = SharedPointer(UnsafeMutablePointer(mutating: scores.baseAddress!))
    try output.withUnsafeMutableBufferPointer { output in
      let shared = SharedPointer(output.baseAddress!)
      let count = output.count
      _ = try concurrentMap(shape[0], workers: workers) { slice in
        var target = [Int16](repeating: 0, count: area)
        var scratch: [Float] = []
        decide(
          resampler, source.base + slice * shape[1] * shape[2], stride: shape.reduce(1, *), into: &target,
          scratch: &scratch)
        place(target, slice: slice, into: UnsafeMutableBufferPointer(start: shared.base, count: count))
      }
    }
    return Volume(shape: header.shape, voxels: output, header: header)
  }

  private func decide(
    _ resampler: LinearSliceResampler, _ scores: UnsafePointer<Float>, stride: Int, into target: inout [Int16],
    scratch: inout [Float]
  ) {
    switch decision {
    case .greatest(let classes):
      resampler.greatestClass(scores, classes: classes, classStride: stride, into: &target, scratch: &scratch)
    case .regions(let labels):
      resampler.regions(
        scores, stride: stride, values: labels, above: LabelDecision.halfProbabilityLogit, into: &target)
    }
  }

  private func prepared(_ header: NIfTIHeader) throws -> (map: [Int16], area: Int) {
    let backward = properties.transposeForward
    let expected = (0..<3).map { axis in properties.originalShape[backward.firstIndex(of: axis)!] }
    guard header.shape == expected else {
      throw DatasetError(
        "\(properties.name): the image has \(CaseVolumes.describe(header.shape)) voxels, the prepared case was "
          + "made from \(CaseVolumes.describe(expected))."
      )
    }
    return (
      [Int16](repeating: 0, count: expected.reduce(1, *)), properties.bounds[1].count * properties.bounds[2].count
    )
  }

  private var resampler: LinearSliceResampler {
    let separate = SeparateAxis(current: properties.spacing, new: properties.originalSpacing)
    return LinearSliceResampler(
      from: (properties.shape[1], properties.shape[2]), to: (properties.bounds[1].count, properties.bounds[2].count),
      nearestY: separate == .axis(1), nearestX: separate == .axis(2))
  }

  /// Writes one cropped slice, in the plan's axis order, into the volume in the file's.
  private func place(_ slice: [Int16], slice z: Int, into volume: UnsafeMutableBufferPointer<Int16>) {
    let forward = properties.transposeForward
    var fileShape = [0, 0, 0]
    for axis in 0..<3 { fileShape[forward[axis]] = properties.originalShape[axis] }
    let fileStrides = [fileShape[1] * fileShape[2], fileShape[2], 1]
    let strides = forward.map { fileStrides[$0] }
    let bounds = properties.bounds
    let start =
      (bounds[0].lowerBound + z) * strides[0] + bounds[1].lowerBound * strides[1] + bounds[2].lowerBound * strides[2]
    let width = bounds[2].count
    slice.withUnsafeBufferPointer { slice in
      for y in 0..<bounds[1].count {
        let row = start + y * strides[1]
        for x in 0..<width { volume[row + x * strides[2]] = slice[y * width + x] }
      }
    }
  }
}
