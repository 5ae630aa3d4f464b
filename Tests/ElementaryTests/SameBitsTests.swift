import Elementary
import Files
import Foundation
import Testing

/// The bits of 100000 results, which no machine may change: not its processor, not its C library.
@Suite struct SameBitsTests {
  private static let count: UInt64 = 10_000

  private static let digests: [(name: String, low: Double, high: Double, digest: String)] = [
    (
      "exp", -750, 712,
      "7b475b0115a49ec1bd457f7d2c2999454b4750444c347d1992f9ae380d368f42"
    ),
    (
      "exp2", -1080, 1030,
      "d0eace0d080439b6e931c4a30b96952977f37427baee7d70c83bf20177537b35"
    ),
    (
      "log", 0, 20,
      "dd1a1222d43f1e8730504f9353557e66fdf25e138e2c0254adfc5a8c19ee5d70"
    ),
    (
      "log1p", -1, 20,
      "67f36ad4b1c930727c66541227db5844f62738aa07af3b412953df108c2148c9"
    ),
    (
      "sin", -4e6, 4e6,
      "7208008af72f4f5019d70cf0f6f96ee8ac448291793c3af663f2929cd38d4be9"
    ),
    (
      "cos", -4e6, 4e6,
      "fdccae96a134e446c3fe385349822c2527345384ad771940292689d4bc9e656e"
    ),
    (
      "acos", -1, 1,
      "cacf3232e3a94d099b8b857721788828e2cbfd6c9718a28d4bbb381960051823"
    ),
    (
      "erfc", -7, 28,
      "3054e4e31739f4beca2eedecd1b32d2d8323784119cb014e24869aa7d036831e"
    ),
    (
      "lgamma", 0, 40,
      "c9082f363ae013d0adc74ebbf8915c20d627a7cc851aad2874c81e4467e936d2"
    ),
  ]

  /// Evenly spread between two numbers, from a counter by the mixing of SplitMix64 (Steele, Lea & Flood 2014).
  private static func argument(_ counter: UInt64, _ low: Double, _ high: Double) -> Double {
    var bits = counter &* 0x9E37_79B9_7F4A_7C15
    bits = (bits ^ bits >> 30) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ bits >> 27) &* 0x94D0_49BB_1331_11EB
    bits ^= bits >> 31
    return low + (high - low) * (Double(bits >> 11) * 0x1p-53)
  }

  private static func digest(_ results: [Double]) -> String {
    results.map { $0.bitPattern.littleEndian }.withUnsafeBytes { Digest.sha256(of: $0) }
  }

  @Test func ofOneArgument() throws {
    for (name, low, high, digest) in Self.digests {
      let function = try #require(functions[name])
      let results = (1...Self.count).map { function(Self.argument($0, low, high)) }
      #expect(Self.digest(results) == digest, "\(name)")
    }
  }

  @Test func ofPowers() {
    let results = (1...Self.count).map {
      Elementary.pow(Self.argument($0, 0, 40), Self.argument($0 + Self.count, -200, 200))
    }
    #expect(Self.digest(results) == "bc65576208f73ee2ccb0e02ca854d75ea455165121db133104b653589b33fe8f")
  }
}
