import Files
import Foundation
import Networks
import TestSupport
import Testing

struct WeightFileTests {
  @Test func numbersOfEveryTypeAndViewAreWhatTorchSaved() throws {
    let file = try WeightFile(contentsOf: fixture("types.pt"))
    let values: [Float] = [1.5, -2, 0.25, 1024, 0, -0.5]
    for name in ["double", "half", "bfloat16", "float"] {
      #expect(file.tensors[name]?.floats() == values, "\(name)")
      #expect(file.tensors[name]?.shape == [2, 3])
    }
    #expect(file.tensors["bfloat16"]?.elementType == .bfloat16)
    #expect(file.tensors["transposed"]?.floats() == [1.5, 1024, -2, 0, 0.25, -0.5])
    #expect(file.tensors["transposed"]?.shape == [3, 2])
    #expect(file.tensors["row"]?.floats() == [1024, 0, -0.5])
    #expect(file.tensors["every_other"]?.floats() == [1.5, 0.25, 1024, -0.5])
    #expect(file.tensors["scalar"]?.floats() == [2.5] && file.tensors["scalar"]?.shape == [])
    #expect(file.tensors["empty"]?.shape == [0, 3])
    #expect(file.tensors["long"]?.elementType == .int64)
    #expect(file.tensors["parameter"]?.floats() == [1.5, -2, 0.25])
    #expect(file.tensors["nested.1.x"]?.floats() == [1])
    #expect(file.scalars["nested.0"] == "1" && file.scalars["nested.1.3"] == "text")
    #expect((0..<4).map { file.scalars["nested.2.\($0)"] } == ["true", "none", "-7", "0.001"])
  }

  @Test func bothOfTorchsFormsHoldTheSame() throws {
    let archive = try WeightFile(contentsOf: fixture("small_dinov3.pth"))
    let chain = try WeightFile(contentsOf: fixture("small_dinov3_chain.pth"))
    #expect(archive.format == .pytorch && archive.tensors == chain.tensors && archive.tensors.count > 30)
  }

  @Test func ownFilesAreRead() throws {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("own.h5")
      try HDF5File.create(url, sealed: true) { file in
        try file.write([1, 2, 3, 4] as [Float], shape: [2, 2], to: "decoder/head.weight")
        try file.write([7] as [Int32], shape: [1], to: "epoch")
        try file.write(text: "no array", to: "title")
      }
      #expect(errorText { _ = try WeightFile(contentsOf: url) }.contains("not read here"))
      let file = try WeightFile(contentsOf: url, hdf5: .inThisProcess)
      #expect(file.format == .hdf5 && file.tensors.count == 2)
      #expect(file.tensors["epoch"]?.elementType == .int32)
      #expect(file.tensors["decoder.head.weight"]?.floats() == [1, 2, 3, 4])
    }
  }

  /// A safetensors header of 640 bytes begins with the bytes of a pickle.
  @Test func aSafetensorsFileThatBeginsLikeAPickleIsNone() throws {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("w.safetensors")
      let text = "{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}"
      var bytes = Data([0x80, 0x02, 0, 0, 0, 0, 0, 0]) + Data(text.utf8)
      bytes += Data(repeating: UInt8(ascii: " "), count: 640 - text.utf8.count) + Data([0, 0, 0x80, 0x3f])
      try bytes.write(to: url)
      #expect(try WeightFile(contentsOf: url).tensors["w"]?.floats() == [1])
    }
  }

  @Test(arguments: [
    ("planted.pth", "posix.system"), ("planted_protocol4.pth", "posix.system"), ("planted_instance.pth", "STRING"),
  ])
  func plantedCodeIsRefusedByName(name: String, called: String) {
    let text = errorText { _ = try WeightFile(contentsOf: fixture(name)) }
    #expect(text.contains("is refused") && text.contains(called), "\(text)")
    #expect(!FileManager.default.fileExists(atPath: "planted"))
  }

  /// Archives as sound as `tensor_sound.pth` but for the one thing they are named after.
  @Test(arguments: [
    "offset", "negative_offset", "shape", "stride", "negative_stride", "negative_shape", "expanded", "overflow",
    "empty_overflow", "ranks", "count", "compressed", "big_endian",
  ])
  func tensorsOutsideTheirStorageAreRefused(name: String) throws {
    #expect(try WeightFile(contentsOf: fixture("tensor_sound.pth")).tensors["w"]?.floats() == [0, 1, 2, 3, 4, 5])
    let text = errorText { _ = try WeightFile(contentsOf: fixture("tensor_\(name).pth")) }
    let expected =
      switch name {
      case "compressed": "is compressed"
      case "big_endian": "not little-endian"
      case "ranks": "malformed tensor"
      default: "does not lie within its storage"
      }
    #expect(text.contains(expected), "\(text)")
  }

  /// An archive's folder need not be called in UTF-8, and two spellings of one name are not two storages.
  @Test func oddNamesInArchivesAreReadOrNamed() throws {
    #expect(try WeightFile(contentsOf: fixture("tensor_latin1.pth")).tensors["w"]?.floats() == [0, 1, 2, 3, 4, 5])
    let text = errorText { _ = try WeightFile(contentsOf: fixture("tensor_twice.pth")) }
    #expect(text.contains(#"two entries named "mode\u{300}le/data/0""#), "\(text)")
  }

  @Test func oddNamesInHDF5AreReadOrNamed() throws {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("own.h5")
      func read(_ names: [String]) throws -> WeightFile {
        try HDF5File.create(url, sealed: true) { file in
          for name in names { try file.write([1] as [Float], shape: [1], to: name) }
        }
        return try WeightFile(contentsOf: url, hdf5: .inThisProcess)
      }
      // A mark that combines with the slash before it, a name of marks alone, a turn of the writing's direction.
      let odd = ["a/\u{301}b", "\u{301}", "\u{202e}x", " "]
      let keys = try read(odd).tensors.keys
      #expect(Set(keys) == ["a.\u{301}b", "\u{301}", "\u{202e}x", " "])
      for (names, shown) in [(["e\u{301}", "\u{e9}"], #""\u{e9}""#), (["a.b", "a/b"], #""a.b""#)] {
        let text = errorText { _ = try read(names) }
        #expect(text.contains("two arrays named \(shown)"), "\(text)")
      }
    }
  }

  @Test func everyCutOfAFileIsRefused() throws {
    try withTemporaryFolder { folder in
      for name in ["types.pt", "small_dinov3_chain.pth", "small_hugging_face.safetensors"] {
        let whole = try Data(contentsOf: fixture(name))
        let url = folder.appendingPathComponent(name)
        for part in 0..<40 {
          try whole.prefix(whole.count * part / 40).write(to: url)
          do {
            _ = try WeightFile(contentsOf: url)
            Issue.record("\(name) cut to \(part)/40 was read")
          } catch {
            #expect(error is any InputError, "\(error)")
          }
        }
      }
    }
  }

  /// Damage anywhere either leaves a file that reads, or ends in one sentence: never in a trap.
  @Test func damagedFilesNeverTrap() throws {
    try withTemporaryFolder { folder in
      var state: UInt64 = 1
      func random(_ bound: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(state >> 33) % bound
      }
      for name in ["types.pt", "small_dinov3_chain.pth"] {
        let whole = try Data(contentsOf: fixture(name))
        let url = folder.appendingPathComponent(name)
        // The pickles lie in the first few KiB; damage there reaches the reader.
        let reach = min(whole.count, 6000)
        for _ in 0..<500 {
          var damaged = whole
          for _ in 0...random(3) { damaged[random(reach)] = UInt8(truncatingIfNeeded: random(256)) }
          try damaged.write(to: url)
          do { _ = try WeightFile(contentsOf: url) } catch { #expect(error is any InputError, "\(error)") }
        }
      }
    }
  }

  /// As above with checksums that hold, so that the pickle's reader sees the damage: the chain's form has none.
  @Test(arguments: [
    // ( nested a million deep
    Data(repeating: UInt8(ascii: ")"), count: 1) + Data(repeating: 0x85, count: 900_000) + Data([UInt8(ascii: ".")]),
    // More values than are read.
    Data(repeating: UInt8(ascii: "N"), count: 3_000_000),
    // Marks without values, a text longer than the file, a memo never stored.
    Data("((((t.".utf8), Data([UInt8(ascii: "X"), 0xff, 0xff, 0xff, 0xff, 0x41]), Data([UInt8(ascii: "h"), 9]),
    // A list inside itself.
    Data([UInt8(ascii: "]"), UInt8(ascii: "q"), 0, UInt8(ascii: "h"), 0, UInt8(ascii: "a"), UInt8(ascii: ".")]),
  ])
  func hostilePicklesEndInOneSentence(pickle: Data) throws {
    // The magic number and the version of a chain, the machine, then the content and an empty list of storages.
    let head = Data([0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, UInt8(ascii: ".")])
    let version = Data([
      0x80, 2, UInt8(ascii: "M"), 0xe9, 0x03, UInt8(ascii: "."), 0x80, 2, UInt8(ascii: "}"), UInt8(ascii: "."),
    ])
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("hostile.pth")
      try (head + version + Data([0x80, 2]) + pickle + Data([0x80, 2, UInt8(ascii: "]"), UInt8(ascii: ".")])).write(
        to: url)
      let text = errorText { _ = try WeightFile(contentsOf: url) }
      #expect(text.contains("cannot be read as weights"), "\(text)")
    }
  }
}
