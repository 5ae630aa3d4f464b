import Files
import Foundation
import Imaging
import TestSupport
import Testing

@Suite struct HostileNIfTITests {
  /// Writes `bytes` as a file and gives the text of the error that reading it as an image ends with.
  private func refusal(_ bytes: Data, _ name: String = "a.nii") throws -> String {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent(name)
      try AtomicFile.write(bytes, to: url)
      let text = errorText { _ = try NIfTI.readImage(url) }
      #expect(text.isEmpty || text.hasPrefix(url.path) && text.hasSuffix("."), "\(text)")
      return text
    }
  }

  private func sound() throws -> Data { try Data(contentsOf: fixture("scaled.nii")) }

  private func replacing<Value: BitwiseCopyable>(_ offset: Int, _ value: Value) throws -> Data {
    var bytes = try sound()
    withUnsafeBytes(of: value) { bytes.replaceSubrange(offset..<(offset + $0.count), with: $0) }
    return bytes
  }

  @Test func filesThatAreNotNIfTI() throws {
    #expect(try refusal(Data()).contains("is empty"))
    #expect(try refusal(Data("hello".utf8)).contains("is not a NIfTI-1 or NIfTI-2 file"))
    #expect(try refusal(Data(repeating: 7, count: 4096)).contains("is not a NIfTI-1 or NIfTI-2 file"))
    #expect(try refusal(Data([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3]), "a.nii.gz").contains("not"))
    #expect(try refusal(try replacing(344, UInt8(0))).contains("is not a NIfTI-1 or NIfTI-2 file"))
    #expect(try refusal(try replacing(345, UInt8(ascii: "i"))).contains("pair"))
    #expect(throws: FileError.self) { try NIfTI.readImage(URL(fileURLWithPath: "/no/such/file.nii")) }
    #expect(throws: FileError.self) { try NIfTI.readImage(FileManager.default.temporaryDirectory) }
  }

  @Test func truncation() throws {
    let bytes = try sound()
    #expect(try refusal(bytes).isEmpty)
    #expect(try refusal(bytes.prefix(200)).contains("calls for 348 bytes and there are 200"))
    #expect(try refusal(bytes.dropLast(1)).contains("calls for 472 bytes and there are 471"))
    let compressed = try Data(contentsOf: fixture("i2-1.nii.gz"))
    for length in stride(from: 3, to: compressed.count, by: 3) {
      #expect(try !refusal(compressed.prefix(length), "a.nii.gz").isEmpty, "\(length) bytes of \(compressed.count)")
    }
  }

  @Test func impossibleDimensions() throws {
    #expect(try refusal(try replacing(40, Int16(0))).contains("0 axes"))
    #expect(try refusal(try replacing(40, Int16(1))).contains("a single axis"))
    #expect(try refusal(try replacing(40, Int16(8))).contains("8 axes"))
    #expect(try refusal(try replacing(42, Int16(-5))).contains("-5 x 4 x 3: each must be at least 1"))
    #expect(try refusal(try replacing(44, Int16(0))).contains("each must be at least 1"))
    #expect(try refusal(try replacing(46, Int16(30000))).contains("calls for 1200352 bytes"))
    #expect(try refusal(try replacing(40, (Int16(3), Int16.max, Int16.max, Int16.max))).contains("2147483648 voxels"))
    #expect(
      try refusal(try replacing(40, (Int16(4), Int16(5), Int16(2), Int16(3), Int16(2)))).contains(
        "5 x 2 x 3 x 2: a single"))
    // A small compressed file whose header claims a hundred million voxels.
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("a.nii.gz")
      let header = NIfTIHeader(shape: [1, 1, 1], spacing: [1, 1, 1])
      try NIfTI.write(Volume(shape: [1, 1, 1], voxels: [Float(1)], header: header), to: url)
      let compressed = try Data(contentsOf: url)
      #expect(try refusal(compressed, "a.nii.gz").isEmpty)
      var big = try sound()
      withUnsafeBytes(of: (Int16(1000), Int16(1000), Int16(100))) { big.replaceSubrange(42..<48, with: $0) }
      // Stored, not compressed: a gzip stream with one stored block.
      let text = try refusal(storedGzip(big), "a.nii.gz")
      #expect(text.contains("compressed bytes cannot hold that many voxels"), "\(text)")
      #expect(try refusal(storedGzip(try sound()), "a.nii.gz").isEmpty)
      #expect(try refusal(storedGzip(try sound()).dropLast(5) + Data(count: 5), "a.nii.gz").contains("is damaged"))
    }
    // In version 2 the extents have 64 bits.
    var second = try Data(contentsOf: fixture("scaled-big.nii"))
    for offset in 24..<48 { second[offset] = 0x7F }
    #expect(try refusal(second).contains("2147483648 voxels"))
  }

  /// A gzip stream that stores `bytes` (fewer than 65536) as they are.
  private func storedGzip(_ bytes: Data) -> Data {
    let length = UInt16(bytes.count)
    var stream = Data([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 1])
    for value in [length, ~length] { stream.append(contentsOf: [UInt8(value & 255), UInt8(value >> 8)]) }
    var checksum = UInt32.max
    for byte in bytes {
      checksum ^= UInt32(byte)
      for _ in 0..<8 { checksum = checksum >> 1 ^ (checksum & 1 == 0 ? 0 : 0xEDB8_8320) }
    }
    let trailer = withUnsafeBytes(of: (~checksum, UInt32(bytes.count))) { Data($0) }
    return stream + bytes + trailer
  }

  @Test func impossibleFields() throws {
    for value in [Float.nan, .infinity] {
      #expect(try refusal(try replacing(80, value)).contains("pixdim"))
    }
    #expect(try refusal(try replacing(70, Int16(128))).contains("type"))
    #expect(try refusal(try replacing(70, Int16(1))).contains("type"))
    #expect(try refusal(try replacing(70, Int16(-3))).contains("type"))
    #expect(try refusal(try replacing(108, Float(1e30))).contains("outside of the file"))
    #expect(try refusal(try replacing(108, Float.nan)).contains("outside of the file"))
    #expect(try refusal(try replacing(108, Float(4000))).contains("calls for 4120 bytes"))
    // A slope of 0, or one that is no number, means none.
    for slope in [Float(0), .nan] {
      try withTemporaryFolder { folder in
        let url = folder.appendingPathComponent("a.nii")
        try AtomicFile.write(try replacing(112, slope), to: url)
        #expect(try NIfTI.readImage(url).voxels == (0..<60).map { Float($0) - 30 })
      }
    }
  }

  @Test func voxelsThatAreNoNumbers() throws {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("a.nii.gz")
      let header = NIfTIHeader(shape: [2, 3, 4], spacing: [1, 1, 1])
      var voxels = (0..<24).map { Float($0) }
      voxels[3] = .nan
      voxels[20] = -.infinity
      try NIfTI.write(Volume(shape: [2, 3, 4], voxels: voxels, header: header), to: url)
      #expect(throws: NIfTIError.nonFinite(path: url.path, count: 2, of: 24)) { try NIfTI.readImage(url) }
      #expect(errorText { _ = try NIfTI.readLabels(url) }.contains("the label nan at voxel (3, 0, 0)"))
      voxels[3] = 40000
      try NIfTI.write(Volume(shape: [2, 3, 4], voxels: voxels, header: header), to: url)
      #expect(throws: NIfTIError.badLabel(path: url.path, value: 40000, x: 3, y: 0, z: 0)) { try NIfTI.readLabels(url) }
      voxels[3] = 4
      try NIfTI.write(Volume(shape: [2, 3, 4], voxels: voxels, header: header), to: url)
      #expect(throws: NIfTIError.badLabel(path: url.path, value: -.infinity, x: 0, y: 2, z: 1)) {
        try NIfTI.readLabels(url)
      }
    }
  }

  /// Thousands of damaged copies of sound files: each is read or refused, none brings the process down.
  @Test(arguments: ["scaled.nii", "scaled-big.nii", "f4-1.nii.gz"]) func damagedCopies(name: String) throws {
    let sound = try Data(contentsOf: fixture(name))
    var state: UInt64 = 11
    func next(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % UInt64(bound))
    }
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent(name)
      var refused = 0
      for _ in 0..<1000 {
        var damaged = sound
        for _ in 0...next(6) {
          let interesting: [UInt8] = [0, 1, 0x7F, 0x80, 0xFF, UInt8(next(256))]
          damaged[next(min(damaged.count, 600))] = interesting[next(6)]
        }
        if next(8) == 0 { damaged = damaged.prefix(next(damaged.count)) }
        try damaged.write(to: url)
        do {
          let volume = try NIfTI.readImage(url)
          _ = volume.header.affine
          _ = try NIfTI.readLabels(url)
        } catch is InputError {
          refused += 1
        }
      }
      #expect(refused > 200)
    }
  }
}
