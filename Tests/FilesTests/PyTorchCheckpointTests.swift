import Files
import Foundation
import TestSupport
import Testing

/// Checkpoints as PyTorch writes them, read back by the reader that trusts none. That PyTorch reads them, too, and nnU-Net predicts
/// from one, is what Benchmarks/peers/parity/nnunet_results.py measures.
@Suite struct PyTorchCheckpointTests {
  private let shared = StoredTensor(shape: [2, 3], floats: [1, 2, 3, 4, 5, 6])

  private var value: PythonValue {
    .dictionary([
      (
        "network_weights",
        .dictionary([
          ("a.weight", .tensor(shared)), ("again.weight", .tensor(shared)),
          ("a.bias", .tensor(StoredTensor(shape: [], floats: [-0.5]))),
          ("empty", .tensor(StoredTensor(shape: [0, 4], floats: []))),
          ("counts", .tensor(StoredTensor(shape: [2], elementType: .int64, data: Data(count: 16)))),
        ])
      ),
      ("trainer_name", .text("é \\ \"quoted\"")), ("axes", .tuple([.integer(0), .integer(-1)])), ("none", .none),
      ("more", .list([.number(0.1), .boolean(true), .boolean(false), .integer(1 << 40), .list([])])),
    ])
  }

  @Test func whatIsWrittenReadsBack() throws {
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("checkpoint_final.pth")
      try PyTorchCheckpoint.write(value, to: file)
      let read = try WeightFile(contentsOf: file).tensors
      #expect(read["network_weights.a.weight"] == shared && read["network_weights.again.weight"] == shared)
      #expect(read["network_weights.a.bias"]?.floats() == [-0.5] && read["network_weights.a.bias"]?.shape == [])
      #expect(read["network_weights.empty"]?.shape == [0, 4] && read["network_weights.counts"]?.elementType == .int64)
      #expect(read.count == 5)
    }
  }

  @Test func equalValuesGiveEqualBytesAndSharedTensorsOneStorage() throws {
    try withTemporaryFolder { folder in
      let files = ["a", "b"].map { folder.appendingPathComponent("\($0)/c.pth") }
      for file in files {
        try makeFolder(file.deletingLastPathComponent())
        try PyTorchCheckpoint.write(value, to: file)
      }
      try #expect(Data(contentsOf: files[0]) == Data(contentsOf: files[1]))
      let bytes = try Data(contentsOf: files[0])
      let weights = shared.data
      var (found, place) = (0, bytes.startIndex)
      while let range = bytes.range(of: weights, in: place..<bytes.endIndex) {
        (found, place) = (found + 1, range.upperBound)
      }
      #expect(found == 1)
    }
  }

  @Test func whereNothingCanBeWrittenNothingIsLeft() throws {
    try withTemporaryFolder { folder in
      #expect(throws: (any Error).self) {
        try PyTorchCheckpoint.write(value, to: folder.appendingPathComponent("missing/c.pth"))
      }
      try #expect(FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }
  }
}
