import Random

/// Smooth random noise over space: random values on a cubic lattice, joined by cubic steps. It repeats every 32 cells.
struct PhantomNoise: Sendable {
  private static let side = 32
  private static let mask = side - 1
  private let values: [Float]

  /// A lattice of numbers uniform in [-1, 1).
  init(random: inout CounterRandom) {
    values = (0..<(Self.side * Self.side * Self.side)).map { _ in
      Float(Int32(bitPattern: random.nextBits())) * 0x1p-31
    }
  }

  /// The noise at `count` points, with cells `wavelength` mm wide, shifted by `shift` mm, times `amplitude`; added to `sums`.
  func add(
    to sums: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>,
    _ z: UnsafePointer<Float>, count: Int, wavelength: Float, amplitude: Float, shift: Float
  ) {
    let scale = 1 / wavelength
    values.withUnsafeBufferPointer { table in
      let lattice = table.baseAddress!
      for index in 0..<count {
        let px = (x[index] + shift) * scale
        let py = (y[index] + 1.7 * shift) * scale
        let pz = (z[index] - 0.6 * shift) * scale
        let fx = px.rounded(.down)
        let fy = py.rounded(.down)
        let fz = pz.rounded(.down)
        var tx = px - fx
        var ty = py - fy
        var tz = pz - fz
        tx = tx * tx * (3 - 2 * tx)
        ty = ty * ty * (3 - 2 * ty)
        tz = tz * tz * (3 - 2 * tz)
        let x0 = Int(fx) & Self.mask
        let x1 = (x0 + 1) & Self.mask
        let y0 = (Int(fy) & Self.mask) * Self.side
        let y1 = (y0 + Self.side) & (Self.mask * Self.side)
        let z0 = (Int(fz) & Self.mask) * Self.side * Self.side
        let z1 = (z0 + Self.side * Self.side) & (Self.mask * Self.side * Self.side)
        let a = lattice[z0 + y0 + x0] + tx * (lattice[z0 + y0 + x1] - lattice[z0 + y0 + x0])
        let b = lattice[z0 + y1 + x0] + tx * (lattice[z0 + y1 + x1] - lattice[z0 + y1 + x0])
        let c = lattice[z1 + y0 + x0] + tx * (lattice[z1 + y0 + x1] - lattice[z1 + y0 + x0])
        let d = lattice[z1 + y1 + x0] + tx * (lattice[z1 + y1 + x1] - lattice[z1 + y1 + x0])
        let front = a + ty * (b - a)
        let back = c + ty * (d - c)
        sums[index] += amplitude * (front + tz * (back - front))
      }
    }
  }
}
