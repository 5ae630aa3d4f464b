import Files
import Foundation
import Tensors
import TestSupport
import Testing

/// The peers' values by file: see Benchmarks/peers/fixtures/training.py and regions.py.
private let peers = Dictionary(
  uniqueKeysWithValues: ["training", "regions"].map { ($0, try! Safetensors.read(fixture("\($0).safetensors"))) })

/// A peer's array as a tensor, float32 or int32, in memory of its own: an optimiser changes its parameters in place.
func peer(_ name: String, _ file: String = "training") throws -> Tensor {
  tensor(try #require(peers[file]?[name], "no \(name) in the fixture"))
}
