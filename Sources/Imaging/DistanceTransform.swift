import Files

/// Exact Euclidean distances on grids with different spacings along their axes.
///
/// One axis at a time, as Felzenszwalb and Huttenlocher, "Distance Transforms of Sampled Functions" (2012): along z the
/// distance is counted in voxels, along y and x it is the lower envelope of parabolas. A distance is
/// sqrt(((dz sz)^2 + (dy sy)^2) + (dx sx)^2) of the nearest voxel's offsets, in double precision.
public enum DistanceTransform {
  /// The distance in mm from each voxel that has all the bits `from` to the nearest voxel that has all the bits `to`, in
  /// the order of memory; infinite where there is no such voxel.
  ///
  /// Work memory: two bytes a voxel and a few slices.
  /// - Parameters:
  ///   - flags: one byte a voxel of a grid [Z, Y, X].
  ///   - from: 0 asks for all voxels.
  ///   - to: at least one bit.
  ///   - spacing: mm along [z, y, x].
  /// - Throws: `CancellationError` once a stop was asked for.
  public static func distances(
    in flags: [UInt8], shape: [Int], spacing: [Double], from: UInt8, to: UInt8
  ) throws -> [Double] {
    precondition(shape.count == 3 && flags.count == shape.reduce(1, *), "\(flags.count) flags of shape \(shape)")
    precondition(spacing.count == 3 && spacing.allSatisfy { $0 > 0 && $0.isFinite }, "a spacing of \(spacing)")
    precondition(to != 0, "no bit to measure to")
    return try flags.withUnsafeBufferPointer { flags in
      if shape[0] < Int(UInt16.max) { return try distances(flags, shape, spacing, from, to, countingIn: UInt16.self) }
      return try distances(flags, shape, spacing, from, to, countingIn: UInt64.self)
    }
  }

  private static func distances<Count: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
    _ flags: UnsafeBufferPointer<UInt8>, _ shape: [Int], _ spacing: [Double], _ from: UInt8, _ to: UInt8,
    countingIn _: Count.Type
  ) throws -> [Double] {
    let (depth, height, width) = (shape[0], shape[1], shape[2])
    let columns = columnDistances(flags, shape, to, countingIn: Count.self)
    defer { columns.deallocate() }
    let squares = (0...depth).map { count in (Double(count) * spacing[0]) * (Double(count) * spacing[0]) }

    let slice = UnsafeMutableBufferPointer<Double>.allocate(capacity: height * width)
    defer { slice.deallocate() }
    let alongY = UnsafeMutableBufferPointer<Double>.allocate(capacity: height * width)
    defer { alongY.deallocate() }
    var envelopeY = LowerEnvelope(count: height, spacing: spacing[1])
    var envelopeX = LowerEnvelope(count: width, spacing: spacing[2])
    defer {
      envelopeY.deallocate()
      envelopeX.deallocate()
    }
    var askingRows: [Int] = []
    var result: [Double] = []
    if from == 0 { result.reserveCapacity(flags.count) }
    for z in 0..<depth {
      try Cancellation.check()
      let base = z * height * width
      askingRows.removeAll(keepingCapacity: true)
      for y in 0..<height {
        let row = UnsafeBufferPointer(rebasing: flags[(base + y * width)..<(base + (y + 1) * width)])
        if anyHas(row, from) { askingRows.append(y) }
      }
      guard let firstRow = askingRows.first, let lastRow = askingRows.last else { continue }
      // [x, y], so that the envelopes along y run over neighbours in memory.
      for y in 0..<height {
        let row = columns.baseAddress! + base + y * width
        for x in 0..<width { slice[x * height + y] = row[x] == .max ? .infinity : squares[Int(row[x])] }
      }
      for x in 0..<width {
        let heights = UnsafeBufferPointer(rebasing: slice[(x * height)..<((x + 1) * height)])
        envelopeY.build(heights)
        envelopeY.evaluate(heights, from: firstRow, through: lastRow) { y, value in alongY[y * width + x] = value }
      }
      for y in askingRows {
        let heights = UnsafeBufferPointer(rebasing: alongY[(y * width)..<((y + 1) * width)])
        let row = UnsafeBufferPointer(rebasing: flags[(base + y * width)..<(base + (y + 1) * width)])
        envelopeX.build(heights)
        envelopeX.evaluate(heights, from: 0, through: width - 1) { x, value in
          if row[x] & from == from { result.append(value.squareRoot()) }
        }
      }
    }
    return result
  }

  private static func anyHas(_ row: UnsafeBufferPointer<UInt8>, _ bits: UInt8) -> Bool {
    for flags in row where flags & bits == bits { return true }
    return false
  }

  /// The number of voxels to the nearest one with the bits in the same column along z; the largest number for none.
  private static func columnDistances<Count: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
    _ flags: UnsafeBufferPointer<UInt8>, _ shape: [Int], _ bits: UInt8, countingIn _: Count.Type
  ) -> UnsafeMutableBufferPointer<Count> {
    let (depth, area) = (shape[0], shape[1] * shape[2])
    let columns = UnsafeMutableBufferPointer<Count>.allocate(capacity: depth * area)
    guard depth > 0 else { return columns }
    let (output, input) = (columns.baseAddress!, flags.baseAddress!)
    for index in 0..<area { output[index] = input[index] & bits == bits ? 0 : .max }
    for z in 1..<max(depth, 1) {
      let (above, here, own) = (output + (z - 1) * area, output + z * area, input + z * area)
      for index in 0..<area {
        let next = above[index] == .max ? .max : above[index] &+ 1
        here[index] = own[index] & bits == bits ? 0 : next
      }
    }
    for z in stride(from: depth - 2, through: 0, by: -1) {
      let (below, here) = (output + (z + 1) * area, output + z * area)
      for index in 0..<area {
        let next = below[index] == .max ? .max : below[index] &+ 1
        here[index] = min(here[index], next)
      }
    }
    return columns
  }
}

/// The lower envelope of the parabolas height[q] + ((p - q) spacing)^2 along one line of voxels.
private struct LowerEnvelope {
  private let spacing: Double
  /// (q spacing)^2.
  private let squares: UnsafeMutablePointer<Double>
  /// 1 / (2 spacing^2 k): what turns two parabolas' difference in height, k voxels apart, into where they cross.
  private let crossing: UnsafeMutablePointer<Double>
  /// The parabolas of the envelope from left to right, their lifted heights and where each begins.
  private let vertices: UnsafeMutablePointer<Int>
  private let lifted: UnsafeMutablePointer<Double>
  private let starts: UnsafeMutablePointer<Double>
  private var parabolas = 0

  init(count: Int, spacing: Double) {
    self.spacing = spacing
    squares = .allocate(capacity: count)
    crossing = .allocate(capacity: count)
    vertices = .allocate(capacity: count)
    lifted = .allocate(capacity: count)
    starts = .allocate(capacity: count)
    for index in 0..<count {
      let offset = Double(index) * spacing
      squares[index] = offset * offset
      crossing[index] = index == 0 ? 0 : 1 / (2 * spacing * spacing * Double(index))
    }
  }

  func deallocate() {
    squares.deallocate()
    crossing.deallocate()
    vertices.deallocate()
    lifted.deallocate()
    starts.deallocate()
  }

  @inline(__always)
  mutating func build(_ heights: UnsafeBufferPointer<Double>) {
    var last = -1
    for q in 0..<heights.count {
      guard heights[q] < .infinity else { continue }
      let height = heights[q] + squares[q]
      var start = -Double.infinity
      while last >= 0 {
        start = (height - lifted[last]) * crossing[q - vertices[last]]
        if start > starts[last] { break }
        last -= 1
        start = -.infinity
      }
      last += 1
      vertices[last] = q
      lifted[last] = height
      starts[last] = start
    }
    parabolas = last + 1
  }

  /// Calls `body` with the least value at each voxel of a range, in order.
  @inline(__always)
  func evaluate(
    _ heights: UnsafeBufferPointer<Double>, from first: Int, through last: Int, _ body: (Int, Double) -> Void
  ) {
    guard parabolas > 0 else {
      for p in first...last { body(p, .infinity) }
      return
    }
    var current = 0
    for p in first...last {
      let place = Double(p)
      while current + 1 < parabolas && starts[current + 1] < place { current += 1 }
      let offset = Double(p - vertices[current]) * spacing
      body(p, heights[vertices[current]] + offset * offset)
    }
  }
}
