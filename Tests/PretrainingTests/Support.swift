import Files
import Foundation
import Tensors
import TestSupport
import Testing

/// The peer's values: see Benchmarks/peers/fixtures/self_distillation.py.
private let peers = try! Safetensors.read(fixture("self_distillation.safetensors"))

/// A peer's array, in memory of its own.
func peer(_ name: String) throws -> Tensor { tensor(try #require(peers[name], "no \(name) in the fixture")) }
