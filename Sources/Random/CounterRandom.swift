import Elementary

/// A counter-based random generator: Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
///
/// It has no state that anything shares: the numbers are a function of the seed, the purpose and the place (epoch, step,
/// sample) alone, whatever was drawn elsewhere and in whatever order.
public struct CounterRandom: Sendable {
  private let key: (UInt32, UInt32)
  private let place: (UInt32, UInt32, UInt32)
  private var block: UInt32 = 0
  private var buffer: (UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0)
  private var unread = 0
  private var spareNormal: Double?

  /// - Parameters:
  ///   - seed: the run's seed.
  ///   - purpose: what the numbers are for, such as "augmentation"; different purposes are independent.
  ///   - epoch: the first of three counters that name the place.
  public init(seed: UInt64, purpose: String, epoch: Int = 0, step: Int = 0, sample: Int = 0) {
    // The key mixes the seed with the purpose's FNV-1a hash through SplitMix64's finaliser.
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in purpose.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    var mixed = seed &+ 0x9e37_79b9_7f4a_7c15 &+ hash
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    mixed ^= mixed >> 31
    key = (UInt32(truncatingIfNeeded: mixed), UInt32(truncatingIfNeeded: mixed >> 32))
    place = (
      UInt32(truncatingIfNeeded: epoch), UInt32(truncatingIfNeeded: step), UInt32(truncatingIfNeeded: sample)
    )
  }

  /// Ten rounds of Philox 4x32.
  public static func philox(
    counter: (UInt32, UInt32, UInt32, UInt32), key: (UInt32, UInt32)
  ) -> (UInt32, UInt32, UInt32, UInt32) {
    var (c0, c1, c2, c3) = counter
    var (k0, k1) = key
    for round in 0..<10 {
      if round > 0 {
        k0 &+= 0x9E37_79B9
        k1 &+= 0xBB67_AE85
      }
      let product0 = UInt64(0xD251_1F53) * UInt64(c0)
      let product1 = UInt64(0xCD9E_8D57) * UInt64(c2)
      (c0, c1, c2, c3) = (
        UInt32(truncatingIfNeeded: product1 >> 32) ^ c1 ^ k0, UInt32(truncatingIfNeeded: product1),
        UInt32(truncatingIfNeeded: product0 >> 32) ^ c3 ^ k1, UInt32(truncatingIfNeeded: product0)
      )
    }
    return (c0, c1, c2, c3)
  }

  /// 32 random bits.
  public mutating func nextBits() -> UInt32 {
    if unread == 0 {
      precondition(block < .max, "more than 2^34 numbers drawn at one place")
      buffer = Self.philox(counter: (block, place.0, place.1, place.2), key: key)
      block += 1
      unread = 4
    }
    unread -= 1
    switch unread {
    case 3: return buffer.0
    case 2: return buffer.1
    case 1: return buffer.2
    default: return buffer.3
    }
  }

  /// Passes over so many draws of 32 bits; a uniform number takes two.
  package mutating func skip(bits count: Int) {
    let buffered = min(unread, count)
    unread -= buffered
    block += UInt32((count - buffered) / 4)
    for _ in 0..<(count - buffered) % 4 { _ = nextBits() }
  }

  /// Uniform in [0, 1) with 53 random bits.
  public mutating func uniform() -> Double {
    let high = UInt64(nextBits() >> 5)
    let low = UInt64(nextBits() >> 6)
    return Double(high << 26 | low) * 0x1p-53
  }

  /// Uniform in [lower, upper).
  public mutating func uniform(_ lower: Double, _ upper: Double) -> Double { lower + (upper - lower) * uniform() }

  /// Uniform among 0..<bound, without bias.
  public mutating func integer(below bound: Int) -> Int {
    precondition(bound > 0 && bound <= Int(UInt32.max), "a random integer below \(bound)")
    let bound = UInt32(bound)
    // Lemire's multiply-and-reject.
    var product = UInt64(nextBits()) * UInt64(bound)
    if UInt32(truncatingIfNeeded: product) < bound {
      let threshold = (0 &- bound) % bound
      while UInt32(truncatingIfNeeded: product) < threshold { product = UInt64(nextBits()) * UInt64(bound) }
    }
    return Int(product >> 32)
  }

  /// True with the probability given.
  public mutating func chance(_ probability: Double) -> Bool { uniform() < probability }

  /// Fills `values` as `chance(probability) ? chosen : other` would for each in turn, two at a time.
  package mutating func fill(
    _ values: UnsafeMutableBufferPointer<Float>, probability: Double, _ chosen: Float, otherwise other: Float
  ) {
    var index = 0
    while index < values.count, unread > 0 {
      values[index] = chance(probability) ? chosen : other
      index += 1
    }
    // uniform() < probability, in whole numbers.
    let bound = UInt64((min(1, max(0, probability)) * 0x1p53).rounded(.up))
    while index + 1 < values.count {
      precondition(block < .max, "more than 2^34 numbers drawn at one place")
      let bits = Self.philox(counter: (block, place.0, place.1, place.2), key: key)
      block += 1
      values[index] = UInt64(bits.0 >> 5) << 26 | UInt64(bits.1 >> 6) < bound ? chosen : other
      values[index + 1] = UInt64(bits.2 >> 5) << 26 | UInt64(bits.3 >> 6) < bound ? chosen : other
      index += 2
    }
    if index < values.count { values[index] = chance(probability) ? chosen : other }
  }

  /// A standard normal number (Box-Muller).
  public mutating func normal() -> Double {
    if let spare = spareNormal {
      spareNormal = nil
      return spare
    }
    let radius = (-2 * Elementary.log(1 - uniform())).squareRoot()
    let angle = 2 * Double.pi * uniform()
    spareNormal = radius * Elementary.sin(angle)
    return radius * Elementary.cos(angle)
  }

  /// Shuffles in place (Fisher-Yates).
  public mutating func shuffle<Element>(_ array: inout [Element]) {
    for last in stride(from: array.count - 1, to: 0, by: -1) { array.swapAt(last, integer(below: last + 1)) }
  }
}
