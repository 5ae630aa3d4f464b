import Files

/// The foreground of one prepared slice: how many voxels each class has, and where, as runs in the order of memory.
struct SliceForeground: Sendable {
  struct Run: Sendable {
    var label: Int16
    var start: UInt32
    var count: UInt32
  }

  private(set) var counts: [Int]
  /// nil where there would be so many that the slice is better made again.
  private(set) var runs: [Run]? = []

  /// - Parameters:
  ///   - labels: one slice; values up to 0 are no foreground.
  ///   - limit: the most runs that are kept.
  init(_ labels: UnsafeBufferPointer<Int16>, classCount: Int, limit: Int) {
    counts = [Int](repeating: 0, count: classCount)
    var place = 0
    while place < labels.count {
      let label = labels[place]
      let start = place
      repeat { place += 1 } while place < labels.count && labels[place] == label
      guard label > 0 else { continue }
      counts[Int(label)] += place - start
      if let kept = runs?.count {
        if kept < limit {
          runs!.append(Run(label: label, start: UInt32(start), count: UInt32(place - start)))
        } else {
          runs = nil
        }
      }
    }
  }
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
  private var isNarrow: Bool { classCount <= 128 }

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

  private func foreground(_ work: LabelWorkspace) -> SliceForeground {
    work.target.withUnsafeBufferPointer { SliceForeground($0, classCount: classCount, limit: max(64, targetArea / 16)) }
  }

  private func resampleLabels(slice: Int, _ work: LabelWorkspace) {
    work.source.withUnsafeMutableBufferPointer { cropped.labels(slice: slice, into: $0) }
    if labels.isIdentity { return swap(&work.source, &work.target) }
    work.source.withUnsafeBufferPointer { source in
      work.target.withUnsafeMutableBufferPointer { labels.labels(source.baseAddress!, into: $0.baseAddress!) }
    }
  }

  /// Draws and writes voxels of each class as nnU-Net does: from the classes in ascending order, seeded, at most 10 000
  /// of each or a hundredth of them.
  /// - Parameter slices: what `writeLabels` returned.
  func writeClassLocations(_ slices: [SliceForeground], to file: HDF5File) throws {
    var random = NumPyRandom(seed: 1234)
    // Per slice: the class, the rank among the slice's voxels of that class, and the place in the class's list.
    var wanted = [[(label: Int, rank: Int, place: Int)]](repeating: [], count: shape[0])
    var locations = [[Int32]](repeating: [], count: classCount)
    for label in 1..<max(1, classCount) {
      let total = slices.reduce(0) { $0 + $1.counts[label] }
      guard total > 0 else { continue }
      guard total <= Int(UInt32.max) else {
        throw DatasetError(
          "\(cropped.volumes.name): class \(label) has \(total) voxels at the plan's spacing; up to \(UInt32.max) "
            + "are supported."
        )
      }
      let target = max(min(10_000, total), Int((Double(total) * 0.01).rounded(.up)))
      let drawn = random.permutation(total).prefix(target)
      locations[label] = [Int32](repeating: 0, count: 3 * target)
      // The first voxel of the class in each slice, counted over all slices.
      var starts: [Int] = []
      var sum = 0
      for slice in slices {
        starts.append(sum)
        sum += slice.counts[label]
      }
      for (place, offset) in drawn.enumerated() {
        let slice = Self.lastIndex(in: starts, notAbove: Int(offset))
        wanted[slice].append((label, Int(offset) - starts[slice], place))
      }
    }
    let width = shape[2]
    let asked = wanted
    let found = try concurrentMap(shape[0], workers: workers) { slice -> [(label: Int, place: Int, at: Int)] in
      guard !asked[slice].isEmpty else { return [] }
      // For each class where its runs begin, in the slice and counted among its voxels.
      var starts = [[Int]](repeating: [], count: classCount)
      var ranks = [[Int]](repeating: [], count: classCount)
      var sums = [Int](repeating: 0, count: classCount)
      forEachRun(of: slice, in: slices) { run in
        let label = Int(run.label)
        starts[label].append(Int(run.start))
        ranks[label].append(sums[label])
        sums[label] += Int(run.count)
      }
      return asked[slice].map { label, rank, place in
        let run = Self.lastIndex(in: ranks[label], notAbove: rank)
        return (label, place, starts[label][run] + rank - ranks[label][run])
      }
    }
    for (slice, voxels) in found.enumerated() {
      for voxel in voxels {
        locations[voxel.label][3 * voxel.place] = Int32(slice)
        locations[voxel.label][3 * voxel.place + 1] = Int32(voxel.at / width)
        locations[voxel.label][3 * voxel.place + 2] = Int32(voxel.at % width)
      }
    }
    for label in 1..<max(1, classCount) where !locations[label].isEmpty {
      try file.write(
        locations[label], shape: [locations[label].count / 3, 3], to: "class_locations/\(label)", deflate: 1)
      try file.writeDigests(of: "class_locations/\(label)")
    }
  }

  private func forEachRun(of slice: Int, in slices: [SliceForeground], _ body: (SliceForeground.Run) -> Void) {
    if let runs = slices[slice].runs { return runs.forEach(body) }
    let work = workspace()
    resampleLabels(slice: slice, work)
    let all = work.target.withUnsafeBufferPointer {
      SliceForeground($0, classCount: classCount, limit: targetArea)
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
