import Files
import Random

/// One phantom scan: voxels with x fastest, then y, then z; x grows to the patient's left, y to the back, z to the head.
package struct PhantomScan: Sendable {
  package var size: SIMD3<Int>
  /// Voxel spacing in mm.
  package var spacing: SIMD3<Double>
  /// The first voxel's centre in mm.
  package var origin: SIMD3<Double>
  package var image: [Int16]
  package var labels: [Int16]
}

/// How a scan is taken: its grid in the patient's space.
struct PhantomGrid: Sendable {
  var size: SIMD3<Int>
  var spacing: SIMD3<Double>
  var origin: SIMD3<Double>
}

/// Turns an anatomy and its appearance into voxels, slice by slice.
struct PhantomRenderer {
  private let anatomy: PhantomAnatomy
  private let appearance: PhantomAppearance
  private let grid: PhantomGrid
  private let table: PhantomPart?
  /// Half of the width over which one tissue gives way to the next, in the anatomy's mm: about half a pixel.
  private let softness: Float

  init(anatomy: PhantomAnatomy, appearance: PhantomAppearance, grid: PhantomGrid) {
    self.anatomy = anatomy
    self.appearance = appearance
    self.grid = grid
    softness = Float(grid.spacing.x) / anatomy.scale
    if !appearance.hasTable {
      table = nil
    } else {
      let trunk = anatomy.trunk
      let back = trunk.cavity.y + trunk.cavity.z + trunk.muscle + 30 + trunk.fat.back
      let outer = Solid.ellipsoid(center: [0, back - 58, 0], radii: [235, 84, 20_000], axes: .init())
      let inner = Solid.ellipsoid(center: [0, back - 62, 0], radii: [232, 82, 20_000], axes: .init())
      table = PhantomPart(
        solid: .intersection(
          .difference(outer, inner, fillet: 0), .halfSpace(normal: [0, -1, 0], offset: -(back - 24)), fillet: 0),
        name: .table, core: .table)
    }
  }

  /// The voxels of slice `k` among which a part may lie; nil where it reaches none.
  private func box(of part: PhantomPart, k: Int, z: Float) -> (rows: Range<Int>, columns: Range<Int>)? {
    let pad = anatomy.deformation.amplitude + Float(grid.spacing.max())
    let bounds = part.solid.bounds
    func index(_ value: Float, _ axis: Int, _ limit: Int) -> Int {
      let place = (Double(value * anatomy.scale) - grid.origin[axis]) / grid.spacing[axis]
      return min(max(Int(min(max(place, -1e6), 1e6)), 0), limit)
    }
    guard
      k >= index(bounds.lower.z - pad, 2, grid.size.z), k <= index(bounds.upper.z + pad, 2, grid.size.z - 1)
    else { return nil }
    let (sine, cosine) = anatomy.rotation(z: z)
    var lower = SIMD2<Float>(repeating: .greatestFiniteMagnitude)
    var upper = -lower
    for corner in 0..<4 {
      let x = anatomy.handedness * (corner & 1 == 0 ? bounds.lower.x - pad : bounds.upper.x + pad)
      let y = corner & 2 == 0 ? bounds.lower.y - pad : bounds.upper.y + pad
      // The inverse of `locate`: from the anatomy into the scanner's space.
      let point = SIMD2<Float>(cosine * x - sine * y, sine * x + cosine * y)
      lower = pointwiseMin(lower, point)
      upper = pointwiseMax(upper, point)
    }
    let columns =
      index(lower.x, 0, grid.size.x)..<max(index(lower.x, 0, grid.size.x), index(upper.x, 0, grid.size.x - 1) + 1)
    let rows =
      index(lower.y, 1, grid.size.y)..<max(index(lower.y, 1, grid.size.y), index(upper.y, 1, grid.size.y - 1) + 1)
    return rows.isEmpty || columns.isEmpty ? nil : (rows, columns)
  }

  /// The buffers of one slice.
  private final class Slice {
    let count: Int
    let rowScratch: UnsafeMutablePointer<Float>
    let floats: UnsafeMutablePointer<Float>
    let names: UnsafeMutablePointer<UInt8>
    static let planes = 15

    init(count: Int, width: Int, depth: Int) {
      self.count = count
      floats = .allocate(capacity: count * Self.planes)
      rowScratch = .allocate(capacity: width * (depth + 2))
      names = .allocate(capacity: count)
    }

    deinit {
      floats.deallocate()
      rowScratch.deallocate()
      names.deallocate()
    }

    func plane(_ index: Int) -> UnsafeMutablePointer<Float> { floats + index * count }
    var x: UnsafeMutablePointer<Float> { plane(0) }
    var y: UnsafeMutablePointer<Float> { plane(1) }
    var z: UnsafeMutablePointer<Float> { plane(2) }
    var fine: UnsafeMutablePointer<Float> { plane(3) }
    var medium: UnsafeMutablePointer<Float> { plane(4) }
    var coarse: UnsafeMutablePointer<Float> { plane(5) }
    var value: UnsafeMutablePointer<Float> { plane(6) }
    var sum: UnsafeMutablePointer<Float> { plane(7) }
    /// Where `x`, `y`, `z` are before the deformation.
    var straight: UnsafeMutablePointer<Float> { plane(8) }
    var noise: UnsafeMutablePointer<Float> { plane(11) }
    var blurred: UnsafeMutablePointer<Float> { plane(12) }
    var patch: UnsafeMutablePointer<Float> { plane(13) }
    var pattern: UnsafeMutablePointer<Float> { plane(14) }
  }

  /// Renders the scan.
  /// - Parameters:
  ///   - labelOfTissue: the label of each tissue by its raw value.
  ///   - seed: the seed of the acquisition's noise.
  ///   - sample: which case of that seed.
  /// - Throws: `CancellationError` once a stop was asked for.
  func render(labelOfTissue: [Int16], seed: UInt64, sample: Int) throws -> PhantomScan {
    let (width, height, depth) = (grid.size.x, grid.size.y, grid.size.z)
    let count = width * height
    let scratchDepth = max(anatomy.parts.map(\.solid.depth).max() ?? 0, table?.solid.depth ?? 0)
    let slice = Slice(count: count, width: width, depth: scratchDepth)
    var image = [Int16](repeating: 0, count: count * depth)
    var labels = [Int16](repeating: 0, count: count * depth)
    // A slice is as thick as its spacing, but at most 5 mm: an odd number of planes is averaged over that.
    let thickness = min(grid.spacing.z, appearance.thickestSlice)
    let planes = thickness > 2.5 ? 3 : 1
    for k in 0..<depth {
      let place = (anatomy.isUpsideDown ? depth - 1 - k : k) * count
      slice.sum.update(repeating: 0, count: count)
      for plane in 0..<planes {
        try Cancellation.check()
        let offset = (Double(plane) - Double(planes - 1) / 2) * thickness / Double(planes)
        paint(slice, z: grid.origin.z + Double(k) * grid.spacing.z + offset, k: k, width: width, height: height)
        for index in 0..<count { slice.sum[index] += slice.value[index] }
        if plane == planes / 2 {
          for index in 0..<count { labels[place + index] = labelOfTissue[Int(slice.names[index])] }
        }
      }
      var random = CounterRandom(seed: seed, purpose: "phantom noise", epoch: sample, step: k)
      acquire(slice, planes: planes, width: width, height: height, random: &random)
      for index in 0..<count { image[place + index] = Int16(slice.value[index].rounded()) }
    }
    return PhantomScan(size: grid.size, spacing: grid.spacing, origin: grid.origin, image: image, labels: labels)
  }

  /// Paints one plane through the anatomy into `value` and `names`.
  private func paint(_ slice: Slice, z: Double, k: Int, width: Int, height: Int) {
    let count = slice.count
    locate(slice, z: z, width: width, height: height)
    for (plane, wavelength) in [(slice.fine, Float(3.2)), (slice.medium, 8.5), (slice.coarse, 31)] {
      plane.update(repeating: 0, count: count)
      anatomy.noise.add(
        to: plane, slice.x, slice.y, slice.z, count: count, wavelength: wavelength, amplitude: 1, shift: 11 * wavelength
      )
    }
    let air = appearance[.air].mean
    for index in 0..<count {
      slice.value[index] = air
      slice.names[index] = PhantomTissue.air.rawValue
    }
    if let table {
      paint(
        table, slice, rows: 0..<height, columns: 0..<width, width: width,
        at: (slice.straight, slice.straight + count, slice.straight + 2 * count))
    }
    let trunk = anatomy.trunk
    for index in 0..<count {
      let layers = trunk.layers(slice.x[index], slice.y[index], slice.z[index])
      blend(slice, index, layers.skin, .fat)
    }
    for (position, part) in anatomy.parts.enumerated() {
      if position == anatomy.innerCount { paintTrunk(slice) }
      guard let box = box(of: part, k: k, z: Float(z)) else { continue }
      paint(
        part, slice, rows: box.rows, columns: box.columns, width: width, at: (slice.x, slice.y, slice.z))
    }
  }

  /// Fills `x`, `y`, `z` with each pixel's place in the anatomy.
  private func locate(_ slice: Slice, z: Double, width: Int, height: Int) {
    let count = slice.count
    let inverse = 1 / anatomy.scale
    let (sine, cosine) = anatomy.rotation(z: Float(z))
    for row in 0..<height {
      let py = Float(grid.origin.y + Double(row) * grid.spacing.y)
      for column in 0..<width {
        let px = Float(grid.origin.x + Double(column) * grid.spacing.x)
        let index = row * width + column
        slice.straight[index] = anatomy.handedness * (cosine * px + sine * py) * inverse
        slice.straight[count + index] = (cosine * py - sine * px) * inverse
        slice.straight[2 * count + index] = Float(z) * inverse
      }
    }
    slice.x.update(from: slice.straight, count: 3 * count)
    for axis in 0..<3 {
      anatomy.noise.add(
        to: slice.plane(axis), slice.straight, slice.straight + count, slice.straight + 2 * count, count: count,
        wavelength: anatomy.deformation.wavelength, amplitude: anatomy.deformation.amplitude,
        shift: anatomy.deformation.shift + Float(axis) * 500)
    }
  }

  private func level(_ slice: Slice, _ index: Int, _ look: PhantomAppearance.Look) -> Float {
    look.mean + look.fine * slice.fine[index] + look.medium * slice.medium[index] + look.coarse * slice.coarse[index]
  }

  /// Lays a tissue over one pixel, as far as the distance says that it covers it.
  @inline(__always)
  private func blend(_ slice: Slice, _ index: Int, _ distance: Float, _ tissue: PhantomTissue) {
    let cover = min(max(0.5 - distance / softness, 0), 1)
    if cover <= 0 { return }
    slice.value[index] += cover * (level(slice, index, appearance[tissue]) - slice.value[index])
    if distance < 0 { slice.names[index] = tissue.rawValue }
  }

  /// The wall, the ribs, the lungs and the heart, over the organs under them.
  private func paintTrunk(_ slice: Slice) {
    let trunk = anatomy.trunk
    for index in 0..<slice.count {
      let layers = trunk.layers(slice.x[index], slice.y[index], slice.z[index])
      if layers.skin > softness {
        // No organ reaches out of the skin.
        if slice.names[index] != PhantomTissue.table.rawValue {
          slice.value[index] = appearance[.air].mean
          slice.names[index] = PhantomTissue.air.rawValue
        }
        continue
      }
      blend(slice, index, layers.lung, .lung)
      if layers.heart < softness, layers.lung > 0 { blend(slice, index, layers.heart, .heart) }
      if layers.cavity > -softness {
        blend(slice, index, -layers.cavity, .muscle)
        // Fat between the muscles.
        let septum = 0.62 - abs(slice.coarse[index]) * 2.2 - 0.5 * abs(slice.medium[index])
        if layers.cavity > 4 { blend(slice, index, (0.38 - septum) * 6, .fat) }
        blend(slice, index, layers.rib, .cortex)
        blend(slice, index, layers.rib + 2.4, .marrow)
        blend(slice, index, -layers.muscle, .fat)
        blend(slice, index, -layers.skin, .air)
        // The skin itself.
        blend(slice, index, max(layers.skin, -layers.skin - 2), .muscle)
      }
    }
  }

  private func paint(
    _ part: PhantomPart, _ slice: Slice, rows: Range<Int>, columns: Range<Int>, width: Int,
    at place: (x: UnsafeMutablePointer<Float>, y: UnsafeMutablePointer<Float>, z: UnsafeMutablePointer<Float>)
  ) {
    let core = appearance[part.core]
    let wall = part.wall.map { (look: appearance[$0.tissue], thickness: $0.thickness) }
    let gas = appearance[.gas]
    let patches = part.patches.map { (look: appearance[$0.tissue], threshold: $0.threshold) }
    let sharpness = 1 / softness
    let distances = slice.rowScratch
    let count = columns.count
    for row in rows {
      let start = row * width + columns.lowerBound
      part.solid.distances(
        place.x + start, place.y + start, place.z + start, count: count, noise: anatomy.noise, into: distances,
        scratch: slice.rowScratch + width, stride: width)
      if let wanted = part.patches {
        slice.patch.update(repeating: 0, count: count)
        anatomy.noise.add(
          to: slice.patch, place.x + start, place.y + start, place.z + start, count: count,
          wavelength: wanted.wavelength, amplitude: 1, shift: wanted.shift)
      }
      core.texture?.evaluate(
        place.x + start, place.y + start, place.z + start, count: count, noise: anatomy.noise, into: slice.pattern)
      for column in 0..<count {
        let distance = distances[column]
        let cover = min(max(0.5 - distance * sharpness, 0), 1)
        if cover <= 0 { continue }
        let index = start + column
        var value = level(slice, index, core)
        if core.texture != nil { value += slice.pattern[column] }
        if let patches {
          let share = min(max(0.5 + (slice.patch[column] - patches.threshold) * 5, 0), 1)
          value += share * (level(slice, index, patches.look) - value)
        }
        if let top = part.gasLevel {
          let share = min(max(0.5 - (place.y[index] - top) * sharpness, 0), 1)
          value += share * (level(slice, index, gas) - value)
        }
        if let wall {
          let share = min(max(0.5 + (distance + wall.thickness) * sharpness, 0), 1)
          value += share * (level(slice, index, wall.look) - value)
        }
        slice.value[index] += cover * (value - slice.value[index])
        if distance < 0 { slice.names[index] = part.name.rawValue }
      }
    }
  }

  /// Averages the planes and adds what the scanner adds: grain, and for MR uneven brightness and Rician noise.
  private func acquire(_ slice: Slice, planes: Int, width: Int, height: Int, random: inout CounterRandom) {
    let count = slice.count
    func grain(into plane: UnsafeMutablePointer<Float>) {
      for index in 0..<count { slice.noise[index] = Float(random.normal()) }
      // A 3 x 3 binomial-like blur, with the spread put back to 1.
      let side = appearance.grain / (2 + 2 * appearance.grain)
      let middle = 1 - 2 * side
      let gain = 1 / (middle * middle + 2 * side * side)
      for row in 0..<height {
        for column in 0..<width {
          let left = slice.noise[row * width + max(column - 1, 0)]
          let right = slice.noise[row * width + min(column + 1, width - 1)]
          slice.patch[row * width + column] = side * (left + right) + middle * slice.noise[row * width + column]
        }
      }
      for row in 0..<height {
        let above = max(row - 1, 0) * width
        let below = min(row + 1, height - 1) * width
        for column in 0..<width {
          let sum = slice.patch[above + column] + slice.patch[below + column]
          plane[row * width + column] = gain * (side * sum + middle * slice.patch[row * width + column])
        }
      }
    }
    grain(into: slice.blurred)
    if appearance.isMR {
      slice.fine.update(repeating: 1, count: count)
      anatomy.noise.add(
        to: slice.fine, slice.straight, slice.straight + count, slice.straight + 2 * count, count: count,
        wavelength: 190, amplitude: appearance.shading, shift: anatomy.deformation.shift + 77)
      for index in 0..<count {
        slice.medium[index] =
          slice.sum[index] / Float(planes) * slice.fine[index] + appearance.noise * slice.blurred[index]
      }
      grain(into: slice.blurred)
      for index in 0..<count {
        let real = slice.medium[index]
        let imaginary = appearance.noise * slice.blurred[index]
        slice.value[index] = min((real * real + imaginary * imaginary).squareRoot(), 32_000)
      }
    } else {
      for index in 0..<count {
        let value = slice.sum[index] / Float(planes) + appearance.noise * slice.blurred[index]
        slice.value[index] = min(max(value, -1024), 3071)
      }
    }
  }
}
