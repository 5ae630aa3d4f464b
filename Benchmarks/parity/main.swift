// One network with a peer's weights: how far its logits and gradients are from the peer's, for Benchmarks/peers/network_parity.py.

import Files
import Foundation
import Networks
import Tensors

/// A network that can take a peer's weights.
struct Candidate {
  let network: any SegmentationNetwork
  /// The peer's names, each behind `value.`.
  let mapping: WeightMapping
}

/// How a kind of network is built from the numbers under `form.`. A new kind is a line here.
let kinds: [String: (PeerFile) throws -> Candidate] = ["unet": unetCandidate]

let arguments = CommandLine.arguments
guard arguments.count == 3, let build = kinds[arguments[1]] else {
  FileHandle.standardError.write(
    Data("usage: parity \(kinds.keys.sorted().joined(separator: "|")) NETWORK.safetensors\n".utf8))
  exit(2)
}

do {
  let file = try PeerFile(URL(fileURLWithPath: arguments[2]))
  let candidate = try build(file)
  let found = try file.compare(candidate)
  print(candidate.network.parameters.reduce(0) { $0 + $1.count }, found.logits, found.gradients, found.worst)
} catch {
  FileHandle.standardError.write(Data("parity: \(error)\n".utf8))
  exit(1)
}
