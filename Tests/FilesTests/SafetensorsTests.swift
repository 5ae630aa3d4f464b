import Files
import Foundation
import TestSupport
import Testing

@Suite struct SafetensorsTests {
  /// A file of the given header text and data bytes.
  private func file(_ header: String, _ count: Int, claimed: UInt64? = nil) -> Data {
    var data = withUnsafeBytes(of: (claimed ?? UInt64(header.utf8.count)).littleEndian) { Data($0) }
    data.append(Data(header.utf8))
    data.append(Data(repeating: 1, count: count))
    return data
  }

  @Test func readsThePeersFile() throws {
    let tensors = try Safetensors.read(fixture("peer.safetensors"))
    #expect(tensors.keys.sorted() == ["b.weight", "empty", "flags", "half", "index"])
    #expect(tensors["b.weight"]?.shape == [2, 3])
    #expect(tensors["b.weight"]?.floats() == [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5])
    #expect(tensors["half"]?.floats() == [1.5, -2, 65504])
    #expect(tensors["index"]?.elementType == .int64)
    #expect(tensors["index"]?.floats() == nil)
    #expect(tensors["empty"]?.shape == [0, 4])
    #expect(try Safetensors.readMetadata(fixture("peer.safetensors")) == ["format": "np"])
  }

  @Test func roundTripAndEqualBytes() throws {
    try withTemporaryFolder { folder in
      let kept = ProcessInfo.processInfo.environment["SEGBENCH_FIXTURES_OUT"].map { URL(fileURLWithPath: $0) }
      let (one, two) = (
        (kept ?? folder).appendingPathComponent("written.safetensors"), folder.appendingPathComponent("2.safetensors")
      )
      let nine = withUnsafeBytes(of: Int64(9).littleEndian) { Data($0) }
      let tensors = [
        "w": StoredTensor(shape: [2, 2], floats: [1, 2, 3, 4]),
        "n": StoredTensor(shape: [1], elementType: .int64, data: nine),
        "odd \"name\"\n": StoredTensor(shape: [], elementType: .bfloat16, data: Data([0xC0, 0x3F])),
      ]
      try Safetensors.write(tensors, metadata: ["b": "2", "a": "1"], to: one)
      try Safetensors.write(tensors, metadata: ["a": "1", "b": "2"], to: two)
      #expect(try Data(contentsOf: one) == Data(contentsOf: two))
      #expect(try Safetensors.read(one) == tensors)
      #expect(try Safetensors.read(one)["odd \"name\"\n"]?.floats() == [1.5])
      #expect(try Safetensors.readMetadata(one) == ["a": "1", "b": "2"])
    }
  }

  @Test(arguments: [
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}"#, 8, "is not JSON"),
    (#"[]"#, 0, "wrong kind"),
    (#"{"a":{"dtype":"F32","shape":[2]}}"#, 8, "lacks \"data_offsets\" at \"a\""),
    (#"{"a":{"dtype":"F32","shape":[2.5],"data_offsets":[0,8]}}"#, 8, "of the expected form"),
    (#"{"a":{"dtype":"F33","shape":[2],"data_offsets":[0,8]}}"#, 8, "unknown element type \"F33\""),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,12]}}"#, 8, "claims bytes 0 to 12 of 8"),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#, 8, "claims bytes 8 to 0"),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}}"#, 8, "two data offsets"),
    (#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#, 8, "is 12 bytes long, not 8"),
    (#"{"a":{"dtype":"F32","shape":[-2,-1],"data_offsets":[0,8]}}"#, 8, "impossible shape"),
    (#"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}}"#, 8, "impossible shape"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, 8, "starts at byte 4"),
    (
      #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
      4, "the array before it ends at 4"
    ),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 8, "4 bytes at the end"),
    (#"{"__metadata__":{"a":1}}"#, 0, "wrong kind"),
    (
      #"{"e\u0301":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\u00e9":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}"#,
      0, "two of its arrays have one name"
    ),
    (
      #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#, 2,
      "two of its arrays have one name"
    ),
  ])
  func malformedHeaders(header: String, count: Int, expected: String) throws {
    let text = errorText { _ = try Safetensors.parse(file(header, count), path: "x.safetensors") }
    #expect(text.contains(expected), "\(text)")
    #expect(text.hasPrefix("x.safetensors is not a sound safetensors file:"))
  }

  @Test func malformedLengths() throws {
    for bytes in [Data(), Data([1, 2, 3]), file("{}", 0, claimed: 3), file("{}", 0, claimed: .max)] {
      #expect(throws: SafetensorsError.self) { try Safetensors.parse(bytes, path: "x") }
    }
    #expect(try Safetensors.parse(file("{}", 0), path: "x").isEmpty)
    #expect(throws: SafetensorsError.self) {
      try Safetensors.parse(file(String(repeating: "[", count: 100_000), 0), path: "x")
    }
  }

  /// Three thousand damaged copies of a sound file: each is read or refused, none brings the process down.
  @Test func damagedCopies() throws {
    let sound = try Data(contentsOf: fixture("peer.safetensors"))
    var state: UInt64 = 7
    func next(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % UInt64(bound))
    }
    var refused = 0
    for _ in 0..<3000 {
      var damaged = sound
      for _ in 0...next(4) { damaged[next(min(damaged.count, 420))] = UInt8(next(256)) }
      if next(4) == 0 { damaged = damaged.prefix(next(damaged.count)) }
      do {
        for (_, tensor) in try Safetensors.parse(Data(damaged), path: "x") { _ = tensor.floats() }
      } catch is SafetensorsError {
        refused += 1
      }
    }
    #expect(refused > 1500)
  }
}
