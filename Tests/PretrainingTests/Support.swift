import Files
import Foundation
import Tensors
import TestSupport
import Testing

/// The peer's values: see Benchmarks/peers/fixtures/self_distillation.py.
private let peers = try! tensors(fixture("self_distillation.safetensors"))

func peer(_ name: String) throws -> Tensor { try #require(peers[name], "no \(name) in the fixture") }
