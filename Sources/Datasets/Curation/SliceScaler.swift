#if canImport(Glibc)
  import Glibc
#endif

/// Brings a slice to a spacing by linear interpolation, then to a number of pixels by linear interpolation whose kernel
/// widens where it shrinks (PyTorch's `interpolate(mode="bilinear")`, then the same with `antialias=True`). Both steps are
/// linear along each axis by itself, so that they are taken as one.
package struct SliceScaler {
  /// For each output the first input that counts and the weights from there.
  private struct Axis {
    let first: [Int]
    let weights: [[Float]]
  }

  private let rows: Axis
  private let columns: Axis
  private let height: Int
  private let width: Int
  private let size: Int

  /// - Parameters:
  ///   - spacing: of the slice's rows and columns in mm.
  ///   - pixel: the spacing in between, in mm.
  ///   - size: pixels along the result's side.
  package init(height: Int, width: Int, spacing: (row: Double, column: Double), pixel: Double, size: Int) {
    (self.height, self.width, self.size) = (height, width, size)
    rows = Self.axis(inputs: height, spacing: spacing.row, pixel: pixel, size: size)
    columns = Self.axis(inputs: width, spacing: spacing.column, pixel: pixel, size: size)
  }

  /// - Parameters:
  ///   - slice: row by row.
  ///   - output: `size` x `size`.
  ///   - scratch: any array; it grows to what is needed and may be given again.
  package func scale(_ slice: [Float], into output: inout [Float], scratch: inout [Float]) {
    if scratch.count < height * size { scratch = [Float](repeating: 0, count: height * size) }
    slice.withUnsafeBufferPointer { slice in
      scratch.withUnsafeMutableBufferPointer { scratch in
        for row in 0..<height {
          for column in 0..<size {
            let first = row * width + columns.first[column]
            var sum: Float = 0
            columns.weights[column].withUnsafeBufferPointer { weights in
              for index in weights.indices { sum += weights[index] * slice[first + index] }
            }
            scratch[row * size + column] = sum
          }
        }
        output.withUnsafeMutableBufferPointer { output in
          for row in 0..<size {
            let line = row * size
            for column in 0..<size { output[line + column] = 0 }
            for (index, weight) in rows.weights[row].enumerated() {
              let source = (rows.first[row] + index) * size
              for column in 0..<size { output[line + column] += weight * scratch[source + column] }
            }
          }
        }
      }
    }
  }

  private static func axis(inputs: Int, spacing: Double, pixel: Double, size: Int) -> Axis {
    let between = max(1, Int((Double(inputs) * spacing / pixel).rounded()))
    let linear = (0..<between).map { output in
      // Between pixel centres, which lie at half-integers; edges repeated.
      let position = max(0, (Double(output) + 0.5) * Double(inputs) / Double(between) - 0.5)
      let low = min(Int(position), inputs - 1)
      return (low: low, high: min(low + 1, inputs - 1), part: position - Double(low))
    }
    let scale = Double(between) / Double(size)
    let support = max(scale, 1)
    var firsts: [Int] = []
    var weights: [[Float]] = []
    for output in 0..<size {
      let centre = (Double(output) + 0.5) * scale
      let from = max(0, Int(centre - support + 0.5))
      let to = min(between, Int(centre + support + 0.5))
      let triangle = (from..<to).map { max(0, 1 - abs((Double($0) + 0.5 - centre) / support)) }
      let total = triangle.reduce(0, +)
      let first = linear[from].low
      var row = [Double](repeating: 0, count: linear[to - 1].high - first + 1)
      for (index, weight) in zip(from..<to, triangle) {
        let place = linear[index]
        row[place.low - first] += weight / total * (1 - place.part)
        row[place.high - first] += weight / total * place.part
      }
      firsts.append(first)
      weights.append(row.map { Float($0) })
    }
    return Axis(first: firsts, weights: weights)
  }
}
