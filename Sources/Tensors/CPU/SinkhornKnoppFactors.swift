import Elementary

/// Sinkhorn-Knopp on the CPU. Only the prototypes' factors are kept between the rounds, and where the matrix is large, its rows
/// are computed again in each. In double precision, in a fixed order, so that what is computed together makes no difference.
struct SinkhornKnoppFactors: BalancedTargets {
  private let problem: SinkhornKnoppProblem
  /// What each prototype's column is multiplied by; 0 for a prototype that no sample comes near.
  private var factors: [Double] = []
  /// Every row's, when they are few.
  private var kept: Exponentials?

  init(_ problem: SinkhornKnoppProblem) {
    self.problem = problem
    let samples = problem.samples
    let size = max(1, problem.keptElements / problem.prototypes)
    if samples <= size { kept = exponentials(0..<samples) }

    func eachChunk(_ body: (Exponentials) -> Void) {
      if let kept { return body(kept) }
      for first in stride(from: 0, to: samples, by: size) {
        body(exponentials(first..<min(first + size, samples)))
      }
    }
    var sums = [Double](repeating: 0, count: problem.prototypes)
    // Rows are kept relative to their greatest element; in the first round all are to count relative to the greatest of all.
    var greatest = -Double.infinity
    eachChunk { chunk in
      let found = chunk.greatest.max()!
      if found > greatest {
        let factor = Elementary.exp(greatest - found)
        for column in sums.indices { sums[column] *= factor }
        greatest = found
      }
      // A sample far below all others still counts, so that its own prototypes are not given up.
      chunk.add(weights: chunk.greatest.map { max(Elementary.exp($0 - greatest), 1e-300) }, to: &sums)
    }
    factors = sums.map(Self.inverse)
    for _ in 1..<problem.rounds {
      for column in sums.indices { sums[column] = 0 }
      eachChunk { chunk in chunk.add(weights: chunk.rowFactors(factors), to: &sums) }
      factors = sums.map(Self.inverse)
    }
  }

  func targets(_ samples: Range<Int>) -> Tensor {
    let chunk = kept ?? exponentials(samples)
    return chunk.targets(samples, factors)
  }

  private static func inverse(_ sum: Double) -> Double { sum >= .leastNormalMagnitude ? 1 / sum : 0 }

  private func exponentials(_ samples: Range<Int>) -> Exponentials {
    Exponentials(samples, Tape.withoutRecording { problem.logits(samples) }, temperature: problem.temperature)
  }

  /// exp(logits / temperature - the row's greatest) of some samples.
  private struct Exponentials {
    let samples: Range<Int>
    let columns: Int
    private var values: [Double]
    /// The greatest logit / temperature of each row.
    private(set) var greatest: [Double]

    init(_ samples: Range<Int>, _ logits: Tensor, temperature: Double) {
      let (rows, columns) = (samples.count, logits.shape[1])
      precondition(logits.shape[0] == rows, "logits \(logits.shape) of \(rows) samples")
      self.samples = samples
      self.columns = columns
      var greatest = [Double](repeating: 0, count: rows)
      values = [Double](unsafeUninitializedCapacity: rows * columns) { values, count in
        let values = values
        greatest.withUnsafeMutableBufferPointer { greatest in
          let greatest = greatest
          logits.withUnsafeElements(of: Float.self) { logits in
            parallel(rows, grain: Self.grain(columns)) { begin, end in
              for row in begin..<end {
                let places = row * columns..<(row + 1) * columns
                var most = -Float.infinity
                for place in places { most = max(most, logits[place]) }
                greatest[row] = Double(most) / temperature
                for place in places {
                  values[place] = Elementary.exp(Double(logits[place]) / temperature - greatest[row])
                }
              }
            }
          }
        }
        count = rows * columns
      }
      self.greatest = greatest
    }

    /// What each row is multiplied by so that its sum is 1 after the columns' factors.
    func rowFactors(_ factors: [Double]) -> [Double] { rowFactors(0..<samples.count, factors) }

    private func rowFactors(_ rows: Range<Int>, _ factors: [Double]) -> [Double] {
      [Double](unsafeUninitializedCapacity: rows.count) { found, count in
        let found = found
        values.withUnsafeBufferPointer { values in
          factors.withUnsafeBufferPointer { factors in
            parallel(rows.count, grain: Self.grain(columns)) { begin, end in
              for row in begin..<end {
                let first = (rows.lowerBound + row) * columns
                var total = 0.0
                for column in 0..<columns { total += values[first + column] * factors[column] }
                found[row] = SinkhornKnoppFactors.inverse(total)
              }
            }
          }
        }
        count = rows.count
      }
    }

    /// Adds the rows, each times its weight, to the columns' sums.
    func add(weights: [Double], to sums: inout [Double]) {
      let (rows, columns) = (samples.count, columns)
      values.withUnsafeBufferPointer { values in
        sums.withUnsafeMutableBufferPointer { sums in
          let sums = sums
          parallel(columns, grain: Self.grain(rows)) { begin, end in
            for row in 0..<rows {
              let (first, weight) = (row * columns, weights[row])
              for column in begin..<end { sums[column] += weight * values[first + column] }
            }
          }
        }
      }
    }

    func targets(_ some: Range<Int>, _ factors: [Double]) -> Tensor {
      let offset = some.lowerBound - samples.lowerBound
      let rows = rowFactors(offset..<(offset + some.count), factors)
      let columns = columns
      return Tensor(shape: [some.count, columns], of: Float.self) { targets in
        let targets = targets
        values.withUnsafeBufferPointer { values in
          factors.withUnsafeBufferPointer { factors in
            parallel(some.count, grain: Self.grain(columns)) { begin, end in
              for row in begin..<end {
                let (first, factor) = ((offset + row) * columns, rows[row])
                for column in 0..<columns {
                  targets[row * columns + column] = Float(values[first + column] * factors[column] * factor)
                }
              }
            }
          }
        }
      }
    }

    /// The rows of so many elements that one thread should at least get.
    private static func grain(_ elements: Int) -> Int { max(1, (1 << 14) / max(1, elements)) }
  }
}
