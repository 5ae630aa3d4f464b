import Files
import Foundation
import Networks
import Tensors

// parity NAME FOLDER: builds a network, takes the weights that a peer wrote into FOLDER, and prints one line of JSON: how far its
// outputs and gradients are from the peer's. Run by Benchmarks/peers/parity/parity.py, which prints the table.
//
//   FOLDER/weights.safetensors    the peer's weights, under the peer's own keys where these are published
//   FOLDER/gradients.safetensors  the gradients of Σ outputs · weights by what is trained, under the same keys
//   FOLDER/outputs.safetensors    images, and for each output logits.<i> and weights.<i>, which is as large

// parity losses FILE: the pretraining's losses beside those in the peer's FILE (self_distillation.py), as JSON.

let arguments = CommandLine.arguments
if arguments.count == 3, arguments[1] == "losses" {
  do {
    let rows = try LossComparison.all(PeerValues(URL(fileURLWithPath: arguments[2])))
    print(String(decoding: try JSONEncoder().encode(rows), as: UTF8.self))
    exit(0)
  } catch {
    FileHandle.standardError.write(Data("parity: \(error)\n".utf8))
    exit(2)
  }
}
guard arguments.count == 3, let ours = candidate(arguments[1]), let theirs = candidate(arguments[1]) else {
  FileHandle.standardError.write(Data("usage: parity NAME FOLDER, NAME as in Benchmarks/peers/parity/parity.py\n".utf8))
  exit(2)
}
do {
  let comparison = try Comparison(ours, theirs, URL(fileURLWithPath: arguments[2]))
  print(String(decoding: try JSONEncoder().encode(comparison), as: UTF8.self))
} catch {
  FileHandle.standardError.write(Data("parity: \(error)\n".utf8))
  exit(2)
}
