import Files
import Foundation
import TestSupport
import Testing

/// A file is named by what it decompresses to. The gzip files are Python's zlib's, all of "abc".
@Suite struct ContentDigestTests {
  /// FIPS 180-2, appendix B.1.
  private let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
  private let compressed = "H4sIAAAAAAAAA0tMSgYAwkEkNQMAAAA="

  @Test(arguments: [
    // At level 9; stored, with a name and a time; in two members.
    "H4sIAAAAAAAAA0tMSgYAwkEkNQMAAAA=",
    "H4sICADxU2UAA2FiYy5uaWkAAQMA/P9hYmPCQSQ1AwAAAA==",
    "H4sIAAAAAAAAA0sEAEO+t+gBAAAAH4sIAAAAAAAAA0tKBgA4K6nCAgAAAA==",
  ]) func howItIsCompressedMakesNoDifference(base64: String) throws {
    let data = try #require(Data(base64Encoded: base64))
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("a.nii.gz")
      try AtomicFile.write(data, to: url)
      #expect(try Digest.sha256(ofContentOf: url) == abc)
      #expect(try Digest.sha256(ofFileAt: url) != abc)
    }
  }

  @Test func anyOtherFileCountsByItsBytes() throws {
    let whole = try #require(Data(base64Encoded: compressed))
    var flipped = whole
    flipped[whole.count - 8] ^= 1
    try withTemporaryFolder { folder in
      for (name, data) in [
        ("abc.nii", Data("abc".utf8)), ("plain.nii.gz", Data("abc".utf8)), ("whole.nii", whole),
        ("half.nii.gz", whole.dropLast(6)), ("flipped.nii.gz", flipped), ("empty.nii.gz", Data()),
      ] {
        let url = folder.appendingPathComponent(name)
        try AtomicFile.write(data, to: url)
        #expect(try Digest.sha256(ofContentOf: url) == Digest.sha256(of: data), "\(name)")
      }
      #expect(throws: FileError.notFound(path: folder.path + "/b.gz")) {
        try Digest.sha256(ofContentOf: folder.appendingPathComponent("b.gz"))
      }
    }
  }
}
