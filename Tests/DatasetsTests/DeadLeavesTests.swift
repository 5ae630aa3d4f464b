import Datasets
import Foundation
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

  /// The power spectrum of natural images falls with frequency to a power near -2 (Field 1987: -1.8 to -2.4 from scene to
  /// scene; Ruderman & Bialek 1994: -1.81).
  @Test func spectrumFallsAsNaturalImagesDo() {
    let size = 128
    let step = 2 * Double.pi / Double(size)
    let cosines = (0..<size).map { cos(step * Double($0)) }
    let sines = (0..<size).map { sin(step * Double($0)) }
    let window = (0..<size).map { 0.5 - 0.5 * cos(step * (Double($0) + 0.5)) }
    // Power along the two axes at frequencies 3 to 32 of 128: sums along the other axis first, then one Fourier sum each.
    var power = [Double](repeating: 0, count: 33)
    for index in 0..<48 {
      let image = DeadLeaves.image(seed: 12, index: index, height: size, width: size, channels: .grey)
      let mean = Double(image.reduce(0, +)) / Double(image.count)
      for line in stride(from: 4, to: size, by: 5) {
        for isRow in [true, false] {
          let values = (0..<size).map { place in
            (Double(image[isRow ? line * size + place : place * size + line]) - mean) * window[place]
          }
          for frequency in 3...32 {
            var (real, imaginary) = (0.0, 0.0)
            for place in 0..<size {
              let phase = frequency * place % size
              real += values[place] * cosines[phase]
              imaginary += values[place] * sines[phase]
            }
            power[frequency] += real * real + imaginary * imaginary
          }
        }
      }
    }
    // A line through log power over log frequency. Along single lines a spectrum f^-a of the plane falls as f^(1 - a).
    let points = (3...32).map { (log(Double($0)), log(power[$0])) }
    let middle = points.reduce((0.0, 0.0)) { ($0.0 + $1.0 / 30, $0.1 + $1.1 / 30) }
    let slope =
      points.reduce(0) { $0 + ($1.0 - middle.0) * ($1.1 - middle.1) }
      / points.reduce(0) { $0 + ($1.0 - middle.0) * ($1.0 - middle.0) }
    #expect((1.7...2.5).contains(1 - slope), "the exponent of the plane's spectrum is -\(1 - slope)")
  }
}
