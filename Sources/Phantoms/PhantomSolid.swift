/// A point or a vector in the phantom's space, in mm: x to the patient's left, y to the back, z to the head.
typealias Millimetres = SIMD3<Float>

extension SIMD3<Float> {
  func dot(_ other: Self) -> Float { (self * other).sum() }
  var length: Float { dot(self).squareRoot() }
}

/// A solid body as a field over space: about its signed distance in mm, negative inside.
indirect enum Solid: Sendable {
  /// `axes` are the rows of the rotation from space into the ellipsoid's own axes.
  case ellipsoid(center: Millimetres, radii: Millimetres, axes: Rotation)
  /// A tube along a chain of nodes (x, y, z, radius); between two nodes the radius changes linearly.
  case tube([SIMD4<Float>])
  /// All points with `dot(point, normal) < offset`; the normal has length 1.
  case halfSpace(normal: Millimetres, offset: Float)
  /// Both bodies, joined by a fillet of about `fillet` mm.
  case union(Solid, Solid, fillet: Float)
  /// The first body where the second is not.
  case difference(Solid, Solid, fillet: Float)
  /// What both bodies share.
  case intersection(Solid, Solid, fillet: Float)
  /// The body with an uneven surface.
  case uneven(Solid, amplitude: Float, wavelength: Float, shift: Float)
  /// The body with its surface moved outwards.
  case grown(Solid, by: Float)

  struct Rotation: Sendable {
    var x = Millimetres(1, 0, 0)
    var y = Millimetres(0, 1, 0)
    var z = Millimetres(0, 0, 1)
  }

  /// The lower and upper corners of a box that holds the body.
  var bounds: (lower: Millimetres, upper: Millimetres) {
    switch self {
    case .ellipsoid(let center, let radii, let axes):
      // Half-width along space axis k: sqrt(sum_i (radii_i * axes_i[k])^2).
      let x = axes.x * radii.x
      let y = axes.y * radii.y
      let z = axes.z * radii.z
      let half = (x * x + y * y + z * z).squareRoot()
      return (center - half, center + half)
    case .tube(let nodes):
      var lower = Millimetres(repeating: .greatestFiniteMagnitude)
      var upper = -lower
      for node in nodes {
        let center = Millimetres(node.x, node.y, node.z)
        lower = pointwiseMin(lower, center - node.w)
        upper = pointwiseMax(upper, center + node.w)
      }
      return (lower, upper)
    case .halfSpace:
      return (Millimetres(repeating: -1e6), Millimetres(repeating: 1e6))
    case .union(let first, let second, let fillet):
      let a = first.bounds
      let b = second.bounds
      return (pointwiseMin(a.lower, b.lower) - fillet, pointwiseMax(a.upper, b.upper) + fillet)
    case .difference(let first, _, _):
      return first.bounds
    case .intersection(let first, let second, _):
      let a = first.bounds
      let b = second.bounds
      return (pointwiseMax(a.lower, b.lower), pointwiseMin(a.upper, b.upper))
    case .uneven(let solid, let amplitude, _, _):
      let box = solid.bounds
      return (box.lower - amplitude, box.upper + amplitude)
    case .grown(let solid, let distance):
      let box = solid.bounds
      return (box.lower - distance, box.upper + distance)
    }
  }

  /// How many scratch rows `distances` needs.
  var depth: Int {
    switch self {
    case .ellipsoid, .tube, .halfSpace: 0
    case .union(let first, let second, _), .difference(let first, let second, _),
      .intersection(let first, let second, _):
      max(first.depth, 1 + second.depth)
    case .uneven(let solid, _, _, _), .grown(let solid, _): solid.depth
    }
  }

  /// The field at `count` points, into `result`.
  /// - Parameter scratch: room for `depth` rows of `stride` numbers.
  func distances(
    _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, _ z: UnsafePointer<Float>, count: Int,
    noise: PhantomNoise, into result: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>, stride: Int
  ) {
    switch self {
    case .ellipsoid(let center, let radii, let axes):
      let inverse = 1 / radii
      for index in 0..<count {
        let px = x[index] - center.x
        let py = y[index] - center.y
        let pz = z[index] - center.z
        let u = (axes.x.x * px + axes.x.y * py + axes.x.z * pz) * inverse.x
        let v = (axes.y.x * px + axes.y.y * py + axes.y.z * pz) * inverse.y
        let w = (axes.z.x * px + axes.z.y * py + axes.z.z * pz) * inverse.z
        let norm = (u * u + v * v + w * w).squareRoot()
        let us = u * inverse.x
        let vs = v * inverse.y
        let ws = w * inverse.z
        let slope = (us * us + vs * vs + ws * ws).squareRoot()
        result[index] = norm * (norm - 1) / (slope + 1e-6)
      }
    case .tube(let nodes):
      for index in 0..<count { result[index] = .greatestFiniteMagnitude }
      for (start, end) in zip(nodes, nodes.dropFirst()) {
        let ax = end.x - start.x
        let ay = end.y - start.y
        let az = end.z - start.z
        let inverse = 1 / max(ax * ax + ay * ay + az * az, 1e-6)
        for index in 0..<count {
          let px = x[index] - start.x
          let py = y[index] - start.y
          let pz = z[index] - start.z
          let along = min(max((px * ax + py * ay + pz * az) * inverse, 0), 1)
          let dx = px - along * ax
          let dy = py - along * ay
          let dz = pz - along * az
          let distance = (dx * dx + dy * dy + dz * dz).squareRoot() - (start.w + along * (end.w - start.w))
          result[index] = min(result[index], distance)
        }
      }
    case .halfSpace(let normal, let offset):
      for index in 0..<count {
        result[index] = normal.x * x[index] + normal.y * y[index] + normal.z * z[index] - offset
      }
    case .union(let first, let second, let fillet):
      first.distances(x, y, z, count: count, noise: noise, into: result, scratch: scratch, stride: stride)
      second.distances(
        x, y, z, count: count, noise: noise, into: scratch, scratch: scratch + stride, stride: stride)
      for index in 0..<count { result[index] = Self.smoothMinimum(result[index], scratch[index], fillet) }
    case .difference(let first, let second, let fillet):
      first.distances(x, y, z, count: count, noise: noise, into: result, scratch: scratch, stride: stride)
      second.distances(
        x, y, z, count: count, noise: noise, into: scratch, scratch: scratch + stride, stride: stride)
      for index in 0..<count { result[index] = -Self.smoothMinimum(-result[index], scratch[index], fillet) }
    case .intersection(let first, let second, let fillet):
      first.distances(x, y, z, count: count, noise: noise, into: result, scratch: scratch, stride: stride)
      second.distances(
        x, y, z, count: count, noise: noise, into: scratch, scratch: scratch + stride, stride: stride)
      for index in 0..<count { result[index] = -Self.smoothMinimum(-result[index], -scratch[index], fillet) }
    case .uneven(let solid, let amplitude, let wavelength, let shift):
      solid.distances(x, y, z, count: count, noise: noise, into: result, scratch: scratch, stride: stride)
      noise.add(
        to: result, x, y, z, count: count, wavelength: wavelength, amplitude: amplitude, shift: shift)
    case .grown(let solid, let distance):
      solid.distances(x, y, z, count: count, noise: noise, into: result, scratch: scratch, stride: stride)
      for index in 0..<count { result[index] -= distance }
    }
  }

  /// The quadratic smooth minimum: equal to `min` where the two differ by more than `width`.
  @inline(__always)
  private static func smoothMinimum(_ a: Float, _ b: Float, _ width: Float) -> Float {
    let overlap = max(width - abs(a - b), 0)
    return min(a, b) - overlap * overlap / (4 * max(width, 1e-6))
  }
}
