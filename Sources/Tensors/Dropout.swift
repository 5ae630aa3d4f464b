import Random

extension Tensor {
  /// Dropout (Srivastava et al. 2014): sets each element to zero with probability `rate` and multiplies the others by 1 / (1 - rate).
  /// The i-th element of the mask is the generator's i-th uniform number's, on any number of threads.
  ///
  /// - Parameters:
  ///   - rate: in [0, 1).
  ///   - axes: along which all elements share one element of the mask. Of `[N, H, W, C]`, axes 1 and 2 drop whole channels (Tompson et al. 2015).
  public func dropped(rate: Double, along axes: [Int] = [], _ random: CounterRandom) -> Tensor {
    precondition(rate >= 0 && rate < 1, "a dropout rate of \(rate) is not in [0, 1)")
    let maskShape = shape.indices.map { axes.contains($0) ? 1 : shape[$0] }
    let factors = Tensor(uninitialized: maskShape, .float32, on: .cpu)
    let values = factors.floats
    parallel(factors.count, grain: 4096) { begin, end in
      var random = random
      random.skip(bits: 2 * begin)
      random.fill(
        UnsafeMutableBufferPointer(start: values + begin, count: end - begin), probability: rate, 0,
        otherwise: Float(1 / (1 - rate)))
    }
    return self * factors.converted(to: elementType).moved(to: device)
  }
}
