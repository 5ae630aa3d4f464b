import Files
import Foundation
import TestSupport
import Testing

@Suite struct AtomicFileTests {
  private struct Interrupted: Error {}

  @Test func writesAndReplacesWholeFiles() throws {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("a.txt")
      try AtomicFile.write(Data("one".utf8), to: url)
      try AtomicFile.write(Data("two, longer".utf8), to: url)
      #expect(try Data(contentsOf: url) == Data("two, longer".utf8))
      try AtomicFile.write(Data(), to: url)
      #expect(try Data(contentsOf: url).isEmpty)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["a.txt"])
    }
  }

  @Test func anInterruptedWriterLeavesTheOldFileAndNothingElse() throws {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("a.nii.gz")
      try AtomicFile.write(Data("old".utf8), to: url)
      #expect(throws: Interrupted.self) {
        try AtomicFile.replace(url) { sibling in
          #expect(sibling.lastPathComponent.hasSuffix("a.nii.gz"))
          try Data("half".utf8).write(to: sibling)
          throw Interrupted()
        }
      }
      #expect(try Data(contentsOf: url) == Data("old".utf8))
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["a.nii.gz"])
    }
  }

  @Test func foldersAreMadeWithThoseAboveThem() throws {
    try withTemporaryFolder { folder in
      let deep = folder.appendingPathComponent("a/b/c", isDirectory: true)
      try makeFolder(deep)
      try makeFolder(deep)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.appendingPathComponent("a/b").path) == ["c"])
      try AtomicFile.write(Data("x".utf8), to: folder.appendingPathComponent("file"))
      let text = errorText { try makeFolder(folder.appendingPathComponent("file")) }
      #expect(text == "\(folder.path)/file cannot be written: it is there, and no folder.")
      #expect(errorText { try makeFolder(folder.appendingPathComponent("file/below")) }.contains("Not a directory"))
    }
  }

  @Test func piecesMakeOneFile() throws {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("a")
      try AtomicFile.write([Data("one".utf8), Data(), Data(" two".utf8)], to: url)
      #expect(try Data(contentsOf: url) == Data("one two".utf8))
    }
  }

  @Test func aMissingFolderIsSaidInOneSentence() throws {
    let text = errorText { try AtomicFile.write(Data("x".utf8), to: URL(fileURLWithPath: "/no/such/folder/a")) }
    #expect(text == "/no/such/folder/a cannot be written: No such file or directory.")
  }
}

@Suite struct DigestTests {
  // The test vectors of FIPS 180-2, appendix B.
  @Test func publishedVectors() throws {
    #expect(
      Digest.sha256(of: Data("abc".utf8)) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(
      Digest.sha256(of: Data("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".utf8))
        == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")
    var stream = SHA256Stream()
    for _ in 0..<1000 { stream.update(Data(repeating: UInt8(ascii: "a"), count: 1000)) }
    #expect(stream.finish() == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
  }

  @Test func filesAndMissingFiles() throws {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("a")
      try AtomicFile.write(Data(repeating: UInt8(ascii: "a"), count: 1_000_000), to: url)
      #expect(
        try Digest.sha256(ofFileAt: url) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
      #expect(throws: FileError.notFound(path: folder.path + "/b")) {
        try Digest.sha256(ofFileAt: folder.appendingPathComponent("b"))
      }
      #expect(throws: FileError.self) { try Digest.sha256(ofFileAt: folder) }
    }
  }
}
