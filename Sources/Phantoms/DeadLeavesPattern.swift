import Random

/// One leaf's pattern along a row of pixels.
final class DeadLeavesPattern {
  /// Of each column; what `evaluate` did not fill says nothing.
  private(set) var values: [Float]
  private let texture: PhantomTexture?
  private var places: (x: [Float], y: [Float], z: [Float])

  private static let noise: PhantomNoise = {
    var random = CounterRandom(seed: 0, purpose: "patterned dead leaves' noise")
    return PhantomNoise(random: &random)
  }()

  init(_ texture: PhantomTexture?, width: Int) {
    self.texture = texture
    let zeros = [Float](repeating: 0, count: texture == nil ? 0 : width)
    values = zeros
    places = (zeros.indices.map { Float($0) }, zeros, zeros)
  }

  func evaluate(row: Int, columns: ClosedRange<Int>) {
    for column in columns { places.y[column] = Float(row) }
    let first = columns.lowerBound
    places.x.withUnsafeBufferPointer { x in
      places.y.withUnsafeBufferPointer { y in
        places.z.withUnsafeBufferPointer { z in
          values.withUnsafeMutableBufferPointer { values in
            texture?.evaluate(
              x.baseAddress! + first, y.baseAddress! + first, z.baseAddress! + first, count: columns.count,
              noise: Self.noise, into: values.baseAddress! + first)
          }
        }
      }
    }
  }
}
