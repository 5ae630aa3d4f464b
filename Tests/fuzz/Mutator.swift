import Foundation
import Random
import Tensors

/// Makes hostile inputs of sound ones: a function of (seed, index) alone, so that any input can be made again.
struct Mutator {
  let seed: UInt64
  let kind: String
  let corpus: [Data]
  /// Pieces of the format that are put in here and there.
  let dictionary: [Data]

  /// Inputs grow no longer than this.
  static let greatestLength = 1 << 20

  /// The mutated input of that index. Every hundredth is a sound one, so that the readers are seen to read at all.
  func input(_ index: Int) -> Data {
    var random = CounterRandom(seed: seed, purpose: "fuzz \(kind)", sample: index)
    var bytes = [UInt8](corpus[random.integer(below: corpus.count)])
    if index % 100 == 0 { return Data(bytes) }
    for _ in 0...random.integer(below: 6) {
      change(&bytes, &random)
      if bytes.count > Self.greatestLength { bytes.removeSubrange(Self.greatestLength...) }
    }
    return Data(bytes)
  }

  private func change(_ bytes: inout [UInt8], _ random: inout CounterRandom) {
    guard !bytes.isEmpty else {
      bytes = [UInt8(random.integer(below: 256))]
      return
    }
    // Structure lies at the beginning and the end of most formats: half of the places are taken there.
    func place(_ random: inout CounterRandom) -> Int {
      switch random.integer(below: 4) {
      case 0: random.integer(below: min(bytes.count, 512))
      case 1: bytes.count - 1 - random.integer(below: min(bytes.count, 512))
      default: random.integer(below: bytes.count)
      }
    }
    let at = place(&random)
    switch random.integer(below: 11) {
    case 0, 1: bytes[at] ^= 1 << UInt8(random.integer(below: 8))
    case 2: bytes[at] = UInt8(random.integer(below: 256))
    case 3, 4: overwrite(&bytes, at: at, &random)
    case 5: bytes.removeSubrange(at...)
    case 6: bytes.removeSubrange(at..<min(bytes.count, at + 1 + random.integer(below: 64)))
    case 7:
      let piece = Array(bytes[at..<min(bytes.count, at + 1 + random.integer(below: 64))])
      let times = random.chance(0.1) ? 2000 : 1 + random.integer(below: 8)
      bytes.insert(contentsOf: Array(repeating: piece, count: times).joined(), at: place(&random))
    case 8:
      let other = corpus[random.integer(below: corpus.count)]
      let from = random.integer(below: other.count + 1)
      let length = min(other.count - from, random.integer(below: 256))
      bytes.insert(contentsOf: other[from..<(from + length)], at: at)
    case 9 where !dictionary.isEmpty:
      let word = dictionary[random.integer(below: dictionary.count)]
      let times = random.chance(0.05) ? 5000 : 1
      bytes.insert(contentsOf: Array(repeating: word, count: times).joined(), at: at)
    default:
      bytes.insert(
        contentsOf: (0..<(1 + random.integer(below: 16))).map { _ in UInt8(random.integer(below: 256)) }, at: at)
    }
  }

  /// A number where another was: the ends of its range, the signs, a little more than there is.
  private func overwrite(_ bytes: inout [UInt8], at place: Int, _ random: inout CounterRandom) {
    let width = [1, 2, 4, 8][random.integer(below: 4)]
    let values: [UInt64] = [
      0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 1 << 31, 1 << 40,
      .max, 1 << 63, UInt64(bytes.count), UInt64(bytes.count + 1),
    ]
    var value = values[random.integer(below: values.count)]
    if random.chance(0.5) { value = value.byteSwapped >> UInt64(64 - 8 * width) }
    for offset in 0..<width where place + offset < bytes.count {
      bytes[place + offset] = UInt8(truncatingIfNeeded: value >> UInt64(8 * offset))
    }
  }
}
