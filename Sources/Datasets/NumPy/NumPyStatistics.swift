/// Statistics of float32 arrays, bit for bit as NumPy gives them: its pairwise sums, its linear percentiles.
package enum NumPyStatistics {
  /// `numpy.sum` of a contiguous float32 array: pairwise, in blocks of 128 with eight partial sums.
  package static func sum(_ values: UnsafeBufferPointer<Float>) -> Float {
    0 + pairwiseSum(values.count) { values[$0] }
  }

  /// `numpy.mean`.
  package static func mean(_ values: UnsafeBufferPointer<Float>) -> Float {
    Float(Double(sum(values)) / Double(values.count))
  }

  /// `numpy.std`.
  package static func standardDeviation(_ values: UnsafeBufferPointer<Float>) -> Float {
    let mean = mean(values)
    let squares = pairwiseSum(values.count) { index -> Float in
      let difference = values[index] - mean
      return difference * difference
    }
    return Float(Double(squares) / Double(values.count)).squareRoot()
  }

  @inline(__always)
  private static func pairwiseSum(_ count: Int, _ value: (Int) -> Float) -> Float {
    // Without recursion's cost at the leaves: the tree is walked with an explicit list of ranges.
    func block(_ start: Int, _ count: Int) -> Float {
      if count < 8 {
        var sum: Float = 0
        for i in 0..<count { sum += value(start + i) }
        return sum
      }
      var r = SIMD8<Float>(repeating: 0)
      for lane in 0..<8 { r[lane] = value(start + lane) }
      var i = 8
      while i < count - count % 8 {
        for lane in 0..<8 { r[lane] += value(start + i + lane) }
        i += 8
      }
      var sum = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]))
      while i < count {
        sum += value(start + i)
        i += 1
      }
      return sum
    }
    func tree(_ start: Int, _ count: Int) -> Float {
      if count <= 128 { return block(start, count) }
      let half = count / 2
      let first = half - half % 8
      return tree(start, first) + tree(start + first, count - first)
    }
    return tree(0, count)
  }

  /// `numpy.percentile(values, percentages)` with the default, linear method, for values without NaN.
  /// - Parameter inDoubles: whether neighbours are told apart in double precision, as in an array of doubles.
  package static func percentiles(
    _ values: UnsafeBufferPointer<Float>, _ percentages: [Double], inDoubles: Bool = false
  ) -> [Double] {
    let places = percentages.map { Double(values.count - 1) * ($0 / 100) }
    var ranks: [Int] = []
    for place in places {
      ranks.append(Int(place))
      ranks.append(min(Int(place) + 1, values.count - 1))
    }
    let found = orderStatistics(values, ranks: ranks)
    return places.indices.map { i in
      let (low, high) = (found[2 * i], found[2 * i + 1])
      return interpolate(
        Double(low), Double(high), difference: inDoubles ? Double(high) - Double(low) : Double(high - low),
        places[i] - places[i].rounded(.down))
    }
  }

  /// `numpy.percentile(values, percentage)` of doubles.
  package static func percentile(_ values: [Double], _ percentage: Double) -> Double {
    let sorted = values.sorted()
    let place = Double(values.count - 1) * (percentage / 100)
    let (low, high) = (sorted[Int(place)], sorted[min(Int(place) + 1, values.count - 1)])
    return interpolate(low, high, difference: high - low, place - place.rounded(.down))
  }

  /// `numpy.median` of doubles.
  package static func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }

  private static func interpolate(_ low: Double, _ high: Double, difference: Double, _ t: Double) -> Double {
    t >= 0.5 ? high - difference * (1 - t) : low + difference * t
  }

  /// The values at ranks of the sorted order, by counting: twice through the values whatever their number.
  private static func orderStatistics(_ values: UnsafeBufferPointer<Float>, ranks: [Int]) -> [Float] {
    func key(_ value: Float) -> UInt32 {
      // Adding zero makes -0 into 0; then the order of the keys is the order of the values.
      let bits = (value + 0).bitPattern
      return bits & 0x8000_0000 == 0 ? bits | 0x8000_0000 : ~bits
    }
    func value(_ key: UInt32) -> Float {
      Float(bitPattern: key & 0x8000_0000 == 0 ? ~key : key & 0x7fff_ffff)
    }
    var coarse = [Int](repeating: 0, count: 1 << 16)
    for value in values { coarse[Int(key(value) >> 16)] += 1 }
    // The bin of each rank, and how many values lie in bins before it.
    var bins: [(bin: Int, before: Int)] = []
    for rank in ranks {
      var bin = 0
      var before = 0
      while before + coarse[bin] <= rank {
        before += coarse[bin]
        bin += 1
      }
      bins.append((bin, before))
    }
    let distinct = Array(Set(bins.map { $0.bin })).sorted()
    var slot = [Int](repeating: -1, count: 1 << 16)
    for (index, bin) in distinct.enumerated() { slot[bin] = index }
    var fine = [Int](repeating: 0, count: distinct.count << 16)
    for value in values {
      let key = key(value)
      let index = slot[Int(key >> 16)]
      if index >= 0 { fine[index << 16 + Int(key & 0xffff)] += 1 }
    }
    return zip(ranks, bins).map { rank, place in
      let base = slot[place.bin] << 16
      var before = place.before
      var low = 0
      while before + fine[base + low] <= rank {
        before += fine[base + low]
        low += 1
      }
      return value(UInt32(place.bin) << 16 | UInt32(low))
    }
  }
}
