import Files
import Foundation
import TestSupport
import Testing

@Suite struct HDF5FileTests {
  private func writeExample(_ url: URL) throws {
    try HDF5File.create(url) { file in
      try file.write((0..<24).map { Float($0) / 4 }, shape: [2, 3, 4], to: "image", deflate: 4)
      try file.setAttribute("unit", of: "image", to: "mm")
      try file.setAttribute("spacing", of: "image", to: [3.0, 0.5, 0.5])
      try file.write([Int16(-1), 0, 32767], shape: [3], to: "deep/er/labels")
      try file.write(text: "Grüße", to: "text")
      try file.write(texts: ["a", "", "b"], to: "texts")
    }
  }

  @Test func whatIsWrittenIsRead() throws {
    try withTemporaryFolder { folder in
      // With SEGBENCH_FIXTURES_OUT set, the file also goes there, for `Benchmarks/peers/fixtures/files.py check`.
      let kept = ProcessInfo.processInfo.environment["SEGBENCH_FIXTURES_OUT"].map { URL(fileURLWithPath: $0) }
      let url = (kept ?? folder).appendingPathComponent("written.h5")
      try writeExample(url)
      let file = try HDF5File(reading: url)
      #expect(try file.names() == ["deep", "image", "text", "texts"])
      #expect(try file.names(in: "deep/er") == ["labels"])
      #expect(try file.shape(of: "image") == [2, 3, 4])
      #expect(try file.elementType(of: "image") == .float32)
      #expect(try file.read("image", as: Float.self).values == (0..<24).map { Float($0) / 4 })
      #expect(try file.read("image", as: Float.self, at: [1]) == (12..<24).map { Float($0) / 4 })
      #expect(try file.read("image", as: Float.self, at: [1, 2]) == [5, 5.25, 5.5, 5.75])
      #expect(try file.read("image", as: Float.self, start: [0, 1, 2], count: [2, 1, 2]) == [1.5, 1.75, 4.5, 4.75])
      #expect(try file.read("deep/er/labels", as: Int16.self).values == [-1, 0, 32767])
      #expect(try file.readText("text") == "Grüße")
      #expect(try file.readTexts("texts") == ["a", "", "b"])
      #expect(try file.attribute("unit", of: "image") == "mm")
      #expect(try file.attribute("spacing", of: "image", as: Double.self) == [3.0, 0.5, 0.5])
      #expect(!file.exists("deep/er/nothing/below") && file.exists("deep/er"))
    }
  }

  @Test func everyElementType() throws {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("a.h5")
      try HDF5File.create(url) { file in
        try file.write([UInt8.max], shape: [1], to: "u8")
        try file.write([Int8.min], shape: [1], to: "i8")
        try file.write([Int32.min], shape: [1, 1], to: "i32")
        try file.write([Int64.min], shape: [1], to: "i64")
        try file.write([Int.max], shape: [], to: "int")
        try file.write([Double.pi], shape: [], to: "f64", deflate: 3)
        try file.write([Float](), shape: [0, 4], to: "none", deflate: 3)
      }
      let file = try HDF5File(reading: url)
      #expect(try file.read("u8", as: UInt8.self).values == [.max])
      #expect(try file.read("i8", as: Int8.self).values == [.min])
      #expect(try file.read("i32", as: Int32.self).values == [.min])
      #expect(try file.read("i64", as: Int64.self).values == [.min])
      #expect(try file.read("int", as: Int64.self).values == [.max])
      #expect(try file.read("f64", as: Double.self).values == [.pi])
      #expect(try file.read("f64", as: Double.self).shape == [])
      #expect(try file.read("none", as: Float.self).shape == [0, 4])
      #expect(throws: HDF5Error.self) { try file.read("u8", as: Int8.self) }
    }
  }

  @Test func pieceByPiece() throws {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("a.h5")
      try HDF5File.create(url) { file in
        try file.createDataset("image", of: Float.self, shape: [2, 2, 3], deflate: 1)
        try file.write([Float(1), 2, 3, 4, 5, 6], to: "image", start: [1, 0, 0], count: [1, 2, 3])
      }
      #expect(
        try HDF5File(reading: url).read("image", as: Float.self).values == [0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6])
    }
  }

  /// Chunks compressed here are read by libhdf5's own filters.
  @Test func chunksCompressedApart() throws {
    func check<Element: HDF5Element & Equatable>(_ values: [Element], rows: Int, columns: Int) throws {
      try withTemporaryFolder { folder in
        let url = folder.appendingPathComponent("a.h5")
        let compressor = ChunkCompressor()
        let area = rows * columns
        try HDF5File.create(url) { file in
          try file.createDataset(
            "x", of: Element.self, shape: [2, rows, columns], chunk: [1, rows, columns], deflate: 1)
          for slice in 0..<2 {
            try values.withUnsafeBufferPointer {
              try file.writeChunk(
                UnsafeBufferPointer(rebasing: $0[(slice * area)..<((slice + 1) * area)]), to: "x",
                start: [slice, 0, 0], count: [1, rows, columns],
                with: compressor)
            }
          }
        }
        #expect(try HDF5File(reading: url).read("x", as: Element.self).values == values)
      }
    }
    var random = SystemRandomNumberGenerator()
    for (rows, columns) in [(1, 1), (7, 13), (300, 271)] {
      let count = 2 * rows * columns
      try check((0..<count).map { _ in Float.random(in: -4...4, using: &random) }, rows: rows, columns: columns)
      try check([Float](repeating: -2.5, count: count), rows: rows, columns: columns)
      try check((0..<count).map { _ in Double.random(in: -4...4, using: &random) }, rows: rows, columns: columns)
      try check((0..<count).map { Int8(truncatingIfNeeded: $0 / 50) }, rows: rows, columns: columns)
      try check((0..<count).map { _ in Int16.random(in: .min ... .max, using: &random) }, rows: rows, columns: columns)
    }
  }

  @Test func equalContentGivesEqualBytes() throws {
    try withTemporaryFolder { folder in
      let (one, two) = (folder.appendingPathComponent("1.h5"), folder.appendingPathComponent("2.h5"))
      try writeExample(one)
      // HDF5's times have whole seconds: a file that held one would differ after this pause.
      Thread.sleep(forTimeInterval: 1.1)
      try writeExample(two)
      #expect(try Data(contentsOf: one) == Data(contentsOf: two))
    }
  }

  @Test func readsFilesOfH5py() throws {
    let file = try HDF5File(reading: fixture("h5py.h5"))
    #expect(try file.read("image", as: Float.self, at: [1, 2]) == (100..<120).map { Float($0) / 8 })
    #expect(try file.read("nested/labels", as: Int16.self).values == (-6..<6).map { Int16($0) })
    #expect(try file.read("large", as: Int64.self).values == [1 << 40, -1])
    #expect(try file.readTexts("names") == ["liver", "Milz ü"])
    #expect(try file.readTexts("fixed") == ["abc", "de"])
    #expect(try file.read("scalar", as: Double.self).values == [2.5])
    #expect(try file.attribute("unit", of: "image") == "HU")
    #expect(try file.attribute("fixed", of: "image") == "plain")
    #expect(try file.attribute("count", of: "/", as: Int.self) == [7])
  }

  /// The source of these datasets is a pipe that nobody writes to: whoever opens it waits for ever.
  @Test func virtualDatasetsOpenNothing() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("segbench-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let copy = folder.appendingPathComponent("virtual.h5")
    try FileManager.default.copyItem(at: fixture("virtual.h5"), to: copy)
    #expect(mkfifo(folder.appendingPathComponent("pipe.h5").path, 0o600) == 0)
    let file = try HDF5File(reading: copy)
    for name in ["fixed", "growing"] {
      #expect(errorText { _ = try file.read(name, as: Float.self) }.contains("another file"), "\(name)")
      #expect(errorText { _ = try file.shape(of: name) }.contains("another file"), "\(name)")
      #expect(errorText { _ = try file.elementType(of: name) }.contains("another file"), "\(name)")
      #expect(errorText { _ = try file.readTexts(name) }.contains("another file"), "\(name)")
    }
  }

  @Test func refusesWhatItCannotTrust() throws {
    let path = fixture("h5py.h5").path
    let file = try HDF5File(reading: fixture("h5py.h5"))
    #expect(errorText { _ = try file.read("virtual_size", as: Float.self) }.contains("claims 4398046511104 bytes"))
    #expect(errorText { _ = try file.read("outside", as: Float.self) }.contains("another file"))
    #expect(throws: HDF5Error.missing(path: path, name: "link")) { try file.read("link", as: Float.self) }
    #expect(throws: HDF5Error.missing(path: path, name: "nothing")) { try file.read("nothing", as: Float.self) }
    #expect(throws: HDF5Error.wrongType(path: path, name: "image", found: "float32", expected: "int16")) {
      try file.read("image", as: Int16.self)
    }
    #expect(throws: HDF5Error.self) { try file.read("unsigned", as: Int32.self) }
    #expect(throws: HDF5Error.self) { try file.read("nested", as: Float.self) }
    #expect(throws: HDF5Error.self) { try file.read("image", as: Float.self, at: [2]) }
    #expect(throws: HDF5Error.self) {
      try file.read("image", as: Float.self, start: [0, 0, 0, .max], count: [1, 1, 1, 1])
    }
    #expect(throws: HDF5Error.self) { try file.readText("names") }
    #expect(throws: HDF5Error.self) { try file.attribute("unit", of: "image", as: Double.self) }
    #expect(throws: HDF5Error.missing(path: path, name: "image@colour")) { try file.attribute("colour", of: "image") }
    #expect(throws: HDF5Error.missing(path: path, name: "none")) { try file.names(in: "none") }
  }

  @Test func damagedFilesAreRefused() throws {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("a.h5")
      try writeExample(url)
      let whole = try Data(contentsOf: url)
      for damaged in [Data(), Data("not HDF5 at all".utf8), whole.prefix(whole.count / 2)] {
        try AtomicFile.write(Data(damaged), to: url)
        #expect(throws: HDF5Error.unopenable(path: url.path)) { try HDF5File(reading: url) }
      }
      #expect(throws: FileError.notFound(path: folder.path + "/b.h5")) {
        try HDF5File(reading: folder.appendingPathComponent("b.h5"))
      }
    }
  }

  @Test func aFailedWriterLeavesNothing() throws {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("a.h5")
      #expect(throws: HDF5Error.taken(path: url.path, name: "x")) {
        try HDF5File.create(url) { file in
          try file.write([Float(1)], shape: [1], to: "x")
          try file.write([Float(1)], shape: [1], to: "x")
        }
      }
      let left = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      #expect(left == [])
    }
  }

  @Test func manyThreadsReadOneFile() throws {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("a.h5")
      try HDF5File.create(url) { file in
        try file.write((0..<6400).map { Int32($0) }, shape: [64, 10, 10], to: "x", deflate: 1)
      }
      let file = try HDF5File(reading: url)
      DispatchQueue.concurrentPerform(iterations: 64) { slice in
        let values = try? file.read("x", as: Int32.self, at: [slice])
        #expect(values == (0..<100).map { Int32(slice * 100 + $0) })
        #expect(throws: HDF5Error.self) { try file.read("x", as: Int32.self, at: [64 + slice]) }
      }
    }
  }

  /// A thousand damaged copies of a file made here: each is read or refused, none brings the process down.
  @Test func damagedCopies() throws {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("a.h5")
      try writeExample(url)
      let sound = try Data(contentsOf: url)
      var state: UInt64 = 11
      func next(_ bound: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int((state >> 33) % UInt64(bound))
      }
      var refused = 0
      for _ in 0..<1000 {
        var damaged = sound
        for _ in 0...next(3) {
          let interesting: [UInt8] = [0, 1, 0x7F, 0x80, 0xFF, UInt8(next(256))]
          damaged[next(damaged.count)] = interesting[next(6)]
        }
        try damaged.write(to: url)
        do {
          let file = try HDF5File(reading: url)
          _ = try file.names()
          _ = try file.read("image", as: Float.self)
          _ = try file.attribute("unit", of: "image")
          _ = try file.read("deep/er/labels", as: Int16.self)
          _ = try file.readTexts("texts")
        } catch is InputError {
          refused += 1
        }
      }
      #expect(refused > 500)
    }
  }

  /// By bytes: what ends a name is the slash, whatever mark follows it.
  @Test func namesBeginWithAnything() throws {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("a.h5")
      let names = ["a/\u{301}b", "\u{300}/\u{301}", "c/\u{200d}d/e"]
      try HDF5File.create(url) { file in
        for name in names { try file.write(text: name, to: name) }
      }
      let file = try HDF5File(reading: url)
      for name in names { #expect(try file.readText(name) == name) }
      #expect(try file.names(in: "a") == ["\u{301}b"] && file.names(in: "c/\u{200d}d") == ["e"])
    }
  }
}
