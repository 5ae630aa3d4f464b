import Random
import TestSupport
import Tensors
import Testing

/// Sizes around those of tiles, blocks and parts.
private let sizes: [(m: Int, n: Int, k: Int)] = [
  (1, 1, 1), (5, 7, 3), (6, 16, 384), (7, 17, 385), (97, 33, 1000), (13, 65, 769), (200, 1, 70), (1, 300, 700),
  (100, 200, 50), (16, 24, 20000), (3, 2, 9000),
]

private func draw(_ shape: [Int], _ name: String) -> Tensor {
  var random = CounterRandom(seed: 5, purpose: name)
  return Tensor((0..<shape.reduce(1, *)).map { _ in Float(random.normal()) }, shape: shape)
}

/// The product in double precision, straight from its definition.
private func reference(_ a: Tensor, _ b: Tensor, _ transposeA: Bool, _ transposeB: Bool) -> [Double] {
  let (m, k) = transposeA ? (a.shape[1], a.shape[0]) : (a.shape[0], a.shape[1])
  let n = transposeB ? b.shape[0] : b.shape[1]
  let (x, y) = (a.values(as: Float.self), b.values(as: Float.self))
  return (0..<m * n).map { index in
    let (row, column) = index.quotientAndRemainder(dividingBy: n)
    return (0..<k).reduce(0.0) { sum, depth in
      sum + Double(x[transposeA ? depth * m + row : row * k + depth])
        * Double(y[transposeB ? column * k + depth : depth * n + column])
    }
  }
}

@Test(arguments: [(false, false), (false, true), (true, false), (true, true)])
func productsFollowTheDefinition(transposeA: Bool, transposeB: Bool) throws {
  for (m, n, k) in sizes {
    let a = draw(transposeA ? [k, m] : [m, k], "a")
    let b = draw(transposeB ? [n, k] : [k, n], "b")
    let exact = reference(a, b, transposeA, transposeB)
    // Rounding walks at random, within blocks of the depth: its error grows with the root of the depth.
    let tolerance = 2e-6 * Double(k).squareRoot() + 1e-5
    var bits: [Float]?
    for set in Compute.InstructionSet.allCases {
      for threads in [1, 2, 3, 5] {
        let product = Compute.with(set, threads: threads) {
          matrixProduct(a, b, transposeA: transposeA, transposeB: transposeB)
        }
        guard let values = product?.values(as: Float.self) else { continue }
        #expect(largestDifference(values.map(Double.init), exact) <= tolerance, "\(m) x \(n) x \(k), \(set)")
        #expect(bits == nil || bits == values, "\(m) x \(n) x \(k) on \(threads) threads, \(set)")
        bits = values
      }
    }
    let double = matrixProduct(
      a.converted(to: .float64), b.converted(to: .float64), transposeA: transposeA, transposeB: transposeB)
    #expect(largestDifference(double.values(), exact) <= 1e-10)
  }
}

/// A linear map with GELU is the linear map and then GELU, bit for bit, whether or not anything is saved.
@Test func fusedActivationsHaveTheSameBits() {
  let x = draw([70, 45], "x")
  let (weight, bias) = (Parameter("w", draw([37, 45], "w")), Parameter("b", draw([37], "b")))
  let apart = linear(x, weight: weight.value.detached, bias: bias.value.detached).activated(.gelu)
  let fused = linear(x, weight: weight.value.detached, bias: bias.value.detached, gelu: true)
  #expect(fused.values(as: Float.self) == apart.values(as: Float.self))
  var recorded = Tensor(zeros: [])
  func gradients(_ body: () -> Tensor) -> [[Float]] {
    let (_, found) = Tape.gradients {
      recorded = body()
      return (recorded * recorded).sum()
    }
    return [recorded.values(), found[weight]!.values(), found[bias]!.values()]
  }
  let one = gradients { linear(x, weight: weight.value, bias: bias.value, gelu: true) }
  #expect(one == gradients { linear(x, weight: weight.value, bias: bias.value).activated(.gelu) })
  #expect(one[0] == apart.values(as: Float.self))
}
