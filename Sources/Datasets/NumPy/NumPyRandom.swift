import Random

/// NumPy's legacy generator (`numpy.random.RandomState(seed)`): the 32-bit Mersenne Twister of Matsumoto and Nishimura
/// (1998) with the bounded integers and shuffles that NumPy draws from it. It exists only so that splits, fingerprints
/// and class locations equal those of programs built on NumPy; everything else here draws from `CounterRandom`.
public struct NumPyRandom: Sendable {
  private static let length = 624
  private static let middle = 397

  private var state: [UInt32]
  /// The state's words as they are handed out, tempered all at once.
  private var output: [UInt32]
  private var position: Int

  /// The generator after `RandomState(seed)`.
  public init(seed: UInt32) {
    state = [UInt32](repeating: 0, count: Self.length)
    output = state
    state[0] = seed
    for i in 1..<Self.length {
      let previous = state[i - 1]
      state[i] = 1_812_433_253 &* (previous ^ (previous >> 30)) &+ UInt32(i)
    }
    position = Self.length
  }

  /// The next 32 uniform bits.
  public mutating func next() -> UInt32 {
    if position == Self.length { refill() }
    position += 1
    return output[position - 1]
  }

  private mutating func refill() {
    state.withUnsafeMutableBufferPointer { state in
      let words = state.baseAddress!
      @inline(__always)
      func twist(_ i: Int, next: Int, with far: Int) {
        let joined = (words[i] & 0x8000_0000) | (words[next] & 0x7fff_ffff)
        words[i] = words[far] ^ (joined >> 1) ^ ((0 &- (joined & 1)) & 0x9908_b0df)
      }
      let wrap = Self.length &- Self.middle
      for i in 0..<wrap { twist(i, next: i &+ 1, with: i &+ Self.middle) }
      for i in wrap..<(Self.length &- 1) { twist(i, next: i &+ 1, with: i &- wrap) }
      twist(Self.length &- 1, next: 0, with: Self.middle &- 1)
      output.withUnsafeMutableBufferPointer { output in
        for i in 0..<Self.length {
          var word = words[i]
          word ^= word >> 11
          word ^= (word << 7) & 0x9d2c_5680
          word ^= (word << 15) & 0xefc6_0000
          output[i] = word ^ (word >> 18)
        }
      }
    }
    position = 0
  }

  /// A uniform integer in 0...`maximum`, by rejection under the smallest mask of ones that covers it.
  public mutating func integer(upTo maximum: UInt32) -> UInt32 {
    if maximum == 0 { return 0 }
    let mask = UInt32.max >> UInt32(maximum.leadingZeroBitCount)
    while true {
      let candidate = next() & mask
      if candidate <= maximum { return candidate }
    }
  }

  /// Fills `target` with uniform integers in 0...`maximum`, the same as that many calls of `integer(upTo:)`.
  public mutating func fill(_ target: UnsafeMutableBufferPointer<UInt32>, upTo maximum: UInt32) {
    guard maximum > 0 else { return target.update(repeating: 0) }
    let mask = UInt32.max >> UInt32(maximum.leadingZeroBitCount)
    var filled = 0
    while filled < target.count {
      if position == Self.length { refill() }
      // Every candidate is written and kept by moving on, or else overwritten: a branch would be mispredicted half the
      // time.
      output.withUnsafeBufferPointer { words in
        var i = position
        while i < Self.length, filled < target.count {
          let candidate = words[i] & mask
          target[filled] = candidate
          filled += candidate <= maximum ? 1 : 0
          i += 1
        }
        position = i
      }
    }
  }

  /// Shuffles in place as `RandomState.shuffle` does: from the last element down, each changed for one at or before it.
  public mutating func shuffle(_ values: inout [UInt32]) {
    guard values.count > 1 else { return }
    values.withUnsafeMutableBufferPointer { values in
      var last = values.count - 1
      var mask = Int(UInt32.max >> UInt32(UInt32(last).leadingZeroBitCount))
      while last > 0 {
        if position == Self.length { refill() }
        // A candidate that is too large changes the last element for itself: a branch would be mispredicted up to half
        // the time.
        output.withUnsafeBufferPointer { words in
          var i = position
          while i < Self.length, last > 0 {
            let candidate = Int(words[i]) & mask
            let isTaken = candidate <= last
            let other = isTaken ? candidate : last
            (values[last], values[other]) = (values[other], values[last])
            last -= isTaken ? 1 : 0
            mask = last <= mask >> 1 ? mask >> 1 : mask
            i += 1
          }
          position = i
        }
      }
    }
  }

  /// `RandomState.permutation(count)`.
  public mutating func permutation(_ count: Int) -> [UInt32] {
    var values = [UInt32](unsafeUninitializedCapacity: count) { buffer, initialized in
      for i in 0..<count { buffer[i] = UInt32(i) }
      initialized = count
    }
    shuffle(&values)
    return values
  }
}
