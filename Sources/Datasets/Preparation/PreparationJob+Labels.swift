import Files

/// What one prepared slice holds of some labels: how many voxels each has, and where, as runs in the order of memory.
struct SliceForeground: Sendable {
  struct Run: Sendable {
    var label: Int16
    var start: UInt32
    var count: UInt32
  }

  /// By label, from -1 on.
  private var counts: [Int]
  /// nil where there would be so many that the slice is better made again.
  private(set) var runs: [Run]? = []

  /// - Parameters:
  ///   - labels: one slice.
  ///   - lowest: the lowest label that counts: 1, or -1 where the background does.
  ///   - valueCount: one more than the greatest label.
  ///   - limit: the most runs that are kept.
  init(_ labels: UnsafeBufferPointer<Int16>, lowest: Int16, valueCount: Int, limit: Int) {
    counts = [Int](repeating: 0, count: valueCount + 1)
    var place = 0
    while place < labels.count {
      let label = labels[place]
      let start = place
      repeat { place += 1 } while place < labels.count && labels[place] == label
      guard label >= lowest else { continue }
      counts[Int(label) + 1] += place - start
      if let kept = runs?.count {
        if kept < limit {
          runs!.append(Run(label: label, start: UInt32(start), count: UInt32(place - start)))
        } else {
          runs = nil
        }
      }
    }
  }

  /// How many voxels of a label there are.
  func count(of label: Int) -> Int { counts[label + 1] }
}

extension PreparationJob {
  /// Memory of one thread at work on label slices.
  private final class LabelWorkspace {
    var source: [Int16]
    var target: [Int16]
    var narrow: [Int8]
    let compressor = ChunkCompressor()
    init(sourceArea: Int, targetArea: Int, isNarrow: Bool) {
      source = [Int16](repeating: 0, count: sourceArea)
      target = [Int16](repeating: 0, count: targetArea)
      narrow = [Int8](repeating: 0, count: isNarrow ? targetArea : 0)
    }
  }

  /// Labels are stored in one byte where they fit.
  private var isNarrow: Bool { valueCount <= 128 }

  private func workspace() -> LabelWorkspace {
    LabelWorkspace(sourceArea: sourceArea, targetArea: targetArea, isNarrow: isNarrow)
  }

  /// Writes the label map. Returns each slice's foreground.
  func writeLabels(to file: HDF5File) throws -> [SliceForeground] {
    let chunk = [1, shape[1], shape[2]]
    if isNarrow {
      try file.createDataset("label", of: Int8.self, shape: shape, chunk: chunk, deflate: 1)
    } else {
      try file.createDataset("label", of: Int16.self, shape: shape, chunk: chunk, deflate: 1)
    }
    let block = max(1, min(8, shape[0] / max(1, workers)))
    let parts = try concurrentMap((shape[0] + block - 1) / block, workers: workers) { index -> [SliceForeground] in
      let work = workspace()
      return try ((index * block)..<min(shape[0], (index + 1) * block)).map { slice in
        resampleLabels(slice: slice, work)
        if isNarrow {
          work.target.withUnsafeBufferPointer { target in
            work.narrow.withUnsafeMutableBufferPointer { narrow in
              for i in target.indices { narrow[i] = Int8(truncatingIfNeeded: target[i]) }
            }
          }
          try work.narrow.withUnsafeBufferPointer {
            try file.writeChunk($0, to: "label", start: [slice, 0, 0], count: chunk, with: work.compressor)
          }
        } else {
          try work.target.withUnsafeBufferPointer {
            try file.writeChunk($0, to: "label", start: [slice, 0, 0], count: chunk, with: work.compressor)
          }
        }
        return foreground(work)
      }
    }
    try file.writeDigests(of: "label")
    return parts.flatMap { $0 }
  }

  /// The lowest label that a list of voxels is of.
  private var lowestListed: Int16 { Int16(voxelLists.flatMap(\.labels).min() ?? 1) }

  private func foreground(_ work: LabelWorkspace) -> SliceForeground {
    work.target.withUnsafeBufferPointer {
      SliceForeground($0, lowest: lowestListed, valueCount: valueCount, limit: max(64, targetArea / 16))
    }
  }

  private func resampleLabels(slice: Int, _ work: LabelWorkspace) {
    work.source.withUnsafeMutableBufferPointer { cropped.labels(slice: slice, into: $0) }
    if labels.isIdentity { return swap(&work.source, &work.target) }
    work.source.withUnsafeBufferPointer { source in
      work.target.withUnsafeMutableBufferPointer { labels.labels(source.baseAddress!, into: $0.baseAddress!) }
    }
  }

  /// A voxel that was drawn: the label it has, its rank among the slice's voxels of that label, and where it goes.
  private struct Drawn: Sendable {
    var list: Int
    var place: Int
    var label: Int
    var rank: Int
  }

  /// Draws and writes voxels of each target as nnU-Net does: target by target, seeded, at most 10 000 of each or a hundredth
  /// of them. A target's voxels are counted label by label, in each in the order of memory.
  /// - Parameter slices: what `writeLabels` returned.
  func writeClassLocations(_ slices: [SliceForeground], to file: HDF5File) throws {
    var random = NumPyRandom(seed: 1234)
    var drawn = [[Drawn]](repeating: [], count: shape[0])
    var locations = [[Int32]](repeating: [], count: voxelLists.count)
    for (list, (number, labels)) in voxelLists.enumerated() {
      // The first voxel of each label in each slice, counted over the labels and slices.
      var starts: [Int] = []
      var total = 0
      for label in labels {
        for slice in slices {
          starts.append(total)
          total += slice.count(of: label)
        }
      }
      guard total > 0 else { continue }
      guard total <= Int(UInt32.max) else {
        throw DatasetError(
          "\(cropped.volumes.name): class \(number) has \(total) voxels at the plan's spacing; up to \(UInt32.max) "
            + "are supported."
        )
      }
      let target = max(min(10_000, total), Int((Double(total) * 0.01).rounded(.up)))
      locations[list] = [Int32](repeating: 0, count: 3 * target)
      for (place, offset) in random.permutation(total).prefix(target).enumerated() {
        let start = Self.lastIndex(in: starts, notAbove: Int(offset))
        drawn[start % slices.count].append(
          Drawn(list: list, place: place, label: labels[start / slices.count], rank: Int(offset) - starts[start]))
      }
    }
    let width = shape[2]
    let asked = drawn
    let found = try concurrentMap(shape[0], workers: workers) { slice -> [Int] in
      guard !asked[slice].isEmpty else { return [] }
      // For each label where its runs begin, in the slice and counted among its voxels; from -1 on.
      var starts = [[Int]](repeating: [], count: valueCount + 1)
      var ranks = [[Int]](repeating: [], count: valueCount + 1)
      var sums = [Int](repeating: 0, count: valueCount + 1)
      forEachRun(of: slice, in: slices) { run in
        let label = Int(run.label) + 1
        starts[label].append(Int(run.start))
        ranks[label].append(sums[label])
        sums[label] += Int(run.count)
      }
      return asked[slice].map { voxel in
        let label = voxel.label + 1
        let run = Self.lastIndex(in: ranks[label], notAbove: voxel.rank)
        return starts[label][run] + voxel.rank - ranks[label][run]
      }
    }
    for (slice, places) in found.enumerated() {
      for (voxel, at) in zip(asked[slice], places) {
        locations[voxel.list][3 * voxel.place] = Int32(slice)
        locations[voxel.list][3 * voxel.place + 1] = Int32(at / width)
        locations[voxel.list][3 * voxel.place + 2] = Int32(at % width)
      }
    }
    for (list, (number, _)) in voxelLists.enumerated() where !locations[list].isEmpty {
      try file.write(
        locations[list], shape: [locations[list].count / 3, 3], to: "class_locations/\(number)", deflate: 1)
      try file.writeDigests(of: "class_locations/\(number)")
    }
  }

  private func forEachRun(of slice: Int, in slices: [SliceForeground], _ body: (SliceForeground.Run) -> Void) {
    if let runs = slices[slice].runs { return runs.forEach(body) }
    let work = workspace()
    resampleLabels(slice: slice, work)
    let all = work.target.withUnsafeBufferPointer {
      SliceForeground($0, lowest: lowestListed, valueCount: valueCount, limit: targetArea)
    }
    all.runs?.forEach(body)
  }

  /// The last index whose value does not exceed `value`, skipping entries that equal the next one.
  private static func lastIndex(in sorted: [Int], notAbove value: Int) -> Int {
    var low = 0
    var high = sorted.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if sorted[middle] <= value { low = middle } else { high = middle }
    }
    return low
  }
}
