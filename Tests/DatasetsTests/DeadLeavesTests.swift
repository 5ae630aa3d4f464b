import Datasets
import Foundation
import Phantoms
import Testing

@Suite struct DeadLeavesTests {
  @Test func imagesDependOnSeedAndIndexAlone() {
    let image = DeadLeaves.image(seed: 4, index: 7, height: 40, width: 56, channels: .rgb)
    _ = DeadLeaves.image(seed: 4, index: 8, height: 24, width: 24, channels: .grey)
    #expect(image == DeadLeaves.image(seed: 4, index: 7, height: 40, width: 56, channels: .rgb))
    #expect(image != DeadLeaves.image(seed: 4, index: 8, height: 40, width: 56, channels: .rgb))
    #expect(image != DeadLeaves.image(seed: 5, index: 7, height: 40, width: 56, channels: .rgb))
    #expect(image.count == 3 * 40 * 56)
    #expect(image.allSatisfy { (0...1).contains($0) })
    #expect(DeadLeaves.image(seed: 1, index: 0, height: 1, width: 1, channels: .grey).count == 1)
  }

  /// Leaves with patterns differ by pattern, hardly by brightness: an image's block means vary little beside its pixels.
  @Test func patternedLeavesAreOfOneBrightness() {
    var (within, between) = (0.0, 0.0)
    for index in 0..<20 {
      let image = DeadLeaves.image(seed: 3, index: index, height: 64, width: 64, channels: .grey, style: .patterned)
      #expect(image.allSatisfy { (0...1).contains($0) })
      #expect(
        image == DeadLeaves.image(seed: 3, index: index, height: 64, width: 64, channels: .grey, style: .patterned))
      let blocks = (0..<16).map { block in
        (0..<256).map {
          Double(image[(block / 4 * 16 + $0 / 16) * 64 + block % 4 * 16 + $0 % 16])
        }
      }
      let means = blocks.map { $0.reduce(0, +) / 256 }
      let middle = means.reduce(0, +) / 16
      between += means.reduce(0) { $0 + ($1 - middle) * ($1 - middle) } / 16
      within += zip(blocks, means).reduce(0) { sum, pair in
        sum + pair.0.reduce(0) { $0 + ($1 - pair.1) * ($1 - pair.1) } / 256 / 16
      }
    }
    #expect(between < 0.4 * within, "between blocks \(between), within \(within)")
  }

  /// The power spectrum of natural images falls with frequency to a power near -2 (Field 1987: -1.8 to -2.4 from scene to
  /// scene; Ruderman & Bialek 1994: -1.81).
  @Test func spectrumFallsAsNaturalImagesDo() {
    let size = 96
    let step = 2 * Double.pi / Double(size)
    let cosines = (0..<size).map { cos(step * Double($0)) }
    let sines = (0..<size).map { sin(step * Double($0)) }
    let window = (0..<size).map { 0.5 - 0.5 * cos(step * (Double($0) + 0.5)) }
    // The plane's power, averaged over rings of one frequency each: a Fourier sum along rows, then one along columns.
    let highest = 24
    var power = [Double](repeating: 0, count: highest + 1)
    var terms = [Double](repeating: 0, count: highest + 1)
    for index in 0..<40 {
      let image = DeadLeaves.image(seed: 12, index: index, height: size, width: size, channels: .grey)
      let mean = Double(image.reduce(0, +)) / Double(image.count)
      var real = [Double](repeating: 0, count: size * (highest + 1))
      var imaginary = real
      for row in 0..<size {
        for u in 0...highest {
          for place in 0..<size {
            let value = (Double(image[row * size + place]) - mean) * window[place] * window[row]
            real[row * (highest + 1) + u] += value * cosines[u * place % size]
            imaginary[row * (highest + 1) + u] -= value * sines[u * place % size]
          }
        }
      }
      for u in 0...highest {
        for v in -highest...highest {
          let ring = Int(Double(u * u + v * v).squareRoot().rounded())
          guard (1...highest).contains(ring) else { continue }
          var (a, b) = (0.0, 0.0)
          for row in 0..<size {
            let phase = ((v * row) % size + size) % size
            let (c, s) = (cosines[phase], -sines[phase])
            let (x, y) = (real[row * (highest + 1) + u], imaginary[row * (highest + 1) + u])
            a += x * c - y * s
            b += x * s + y * c
          }
          power[ring] += a * a + b * b
          terms[ring] += 1
        }
      }
    }
    // The slope of a line through log power over log frequency, from 3 to 24 cycles an image.
    let points = (3...highest).map { (log(Double($0)), log(power[$0] / terms[$0])) }
    let count = Double(points.count)
    let middle = points.reduce((0.0, 0.0)) { ($0.0 + $1.0 / count, $0.1 + $1.1 / count) }
    let slope =
      points.reduce(0) { $0 + ($1.0 - middle.0) * ($1.1 - middle.1) }
      / points.reduce(0) { $0 + ($1.0 - middle.0) * ($1.0 - middle.0) }
    #expect((-2.4 ... -1.8).contains(slope), "the spectrum falls with frequency to the power \(slope)")
  }
}
