import Files
import Foundation
import TestSupport
import Testing

@Suite struct PNGImageTests {
  @Test(arguments: [1, 3]) func roundTripAndEqualBytes(channels: Int) throws {
    try withTemporaryFolder { folder in
      let pixels = (0..<(7 * 5 * channels)).map { UInt8(truncatingIfNeeded: $0 * 37) }
      let image = PNGImage(width: 7, height: 5, channels: channels, pixels: pixels)
      let (one, two) = (folder.appendingPathComponent("1.png"), folder.appendingPathComponent("2.png"))
      try image.write(to: one)
      try image.write(to: two)
      #expect(try PNGImage.read(one) == image)
      #expect(try Data(contentsOf: one) == Data(contentsOf: two))
      #expect(try Data(contentsOf: one).prefix(8) == Data([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]))
    }
  }

  @Test func damagedFilesAreRefused() throws {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("a.png")
      try PNGImage(width: 64, height: 64, channels: 3, pixels: (0..<(64 * 64 * 3)).map { UInt8($0 % 251) }).write(
        to: url)
      let whole = try Data(contentsOf: url)
      for damaged in [Data(), Data("not a picture".utf8), whole.prefix(whole.count / 2)] {
        try AtomicFile.write(Data(damaged), to: url)
        #expect(throws: PNGError.self) { try PNGImage.read(url) }
      }
    }
  }
}
