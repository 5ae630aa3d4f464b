import Files
import Foundation
import Networks
import Tensors

// network-parity NAME FOLDER: builds a network, takes the weights that a peer wrote into FOLDER, and prints one line of JSON: how
// far its logits and gradients are from the peer's. Run by Benchmarks/peers/segformer_dino_unet_parity.py, which prints the table.
//
//   FOLDER/weights.safetensors    the peer's weights, under the network's layout
//   FOLDER/gradients.safetensors  the gradients of Σ logits · weights by what is trained, under the same keys
//   FOLDER/outputs.safetensors    images, weights of the loss, logits

/// One network of the table, with the keys its peer's files have.
struct Entry {
  let network: any SegmentationNetwork
  let mapping: WeightMapping

  init(_ network: any SegmentationNetwork, _ mapping: WeightMapping? = nil) {
    self.network = network
    self.mapping = mapping ?? .own(network.parameters)
  }
}

/// The networks of the table, none of which drops anything here; nil for another name.
func entry(_ name: String) -> Entry? {
  let classes = 16
  let initializer = Initializer(seed: 0)
  switch name {
  case "segformer-b2-hugging-face":
    var form = SegFormerConfiguration.original(.b2)
    form.dropPath = 0
    form.dropout = 0
    let network = SegFormer(form, classes: classes, initializer)
    return Entry(network, .segFormerHuggingFace(network))
  case "segformer-b2-published":
    var form = SegFormerConfiguration.published(.b2)
    form.dropout = 0
    return Entry(SegFormer(form, classes: classes, initializer))
  case "dino-u-net-s", "dino-u-net-b":
    var form = name.hasSuffix("s") ? DINOUNetConfiguration.small : .base
    form.adapter.dropPath = 0
    form.coordinateRescale = 1
    return Entry(DINOUNet(form, classes: classes, initializer))
  case "primus-b16-multi-scale":
    return Entry(PrimusNetwork(.base, blocks: [2, 5, 8, 11], classes: classes, initializer))
  default: return nil
  }
}

func tensors(_ url: URL) throws -> [String: Tensor] {
  try Safetensors.read(url).compactMapValues { stored in stored.floats().map { Tensor($0, shape: stored.shape) } }
}

/// max |a - b| and max |b|
func difference(_ a: Tensor, _ b: Tensor) -> (most: Double, size: Double) {
  precondition(a.shape == b.shape, "\(a.shape) compared with \(b.shape)")
  var (most, size) = (0.0, 0.0)
  for (x, y) in zip(a.values(as: Float.self), b.values(as: Float.self)) {
    guard x.isFinite else { return (.infinity, 1) }
    most = max(most, Double(abs(x - y)))
    size = max(size, Double(abs(y)))
  }
  return (most, size)
}

/// What the script makes a row of.
struct Comparison: Encodable {
  var logits = 0.0
  var gradient = 0.0
  /// The parameter whose gradient is worst.
  var parameter = ""
  var trained = 0
  var parameters = 0
}

func compare(_ ours: Entry, _ theirs: Entry, _ folder: URL) throws -> Comparison {
  try ours.mapping.load(
    WeightFile(contentsOf: folder.appendingPathComponent("weights.safetensors")), into: ours.network.parameters)
  try theirs.mapping.load(
    WeightFile(contentsOf: folder.appendingPathComponent("gradients.safetensors")), into: theirs.network.parameters)
  let outputs = try tensors(folder.appendingPathComponent("outputs.safetensors"))
  var logits = Tensor(zeros: [])
  let (_, gradients) = Tape.gradients {
    let output = ours.network.logits(outputs["images"]!, .training(seed: 0, epoch: 0, step: 0))[0]
    logits = output.detached
    return (output * outputs["weights"]!).sum()
  }
  var result = Comparison()
  let logitError = difference(logits, outputs["logits"]!)
  result.logits = logitError.most / logitError.size
  var found: [(name: String, most: Double, size: Double)] = []
  for (own, other) in zip(ours.network.parameters, theirs.network.parameters) {
    result.parameters += own.count
    guard own.isTrainable else { continue }
    result.trained += own.count
    let error = difference(gradients[own] ?? Tensor(zeros: own.shape), other.value)
    found.append((own.name, error.most, error.size))
  }
  // A bias before a normalisation has no effect: its gradient is rounding, measured against a hundredth of the largest of
  // all.
  let least = 1e-2 * (found.map(\.size).max() ?? 0)
  for (name, most, size) in found {
    let error = most / max(size, least)
    if error >= result.gradient { (result.gradient, result.parameter) = (error, name) }
  }
  return result
}

let arguments = CommandLine.arguments
guard arguments.count == 3, let ours = entry(arguments[1]), let theirs = entry(arguments[1]) else {
  FileHandle.standardError.write(
    Data("usage: network-parity NAME FOLDER, NAME as in segformer_dino_unet_parity.py\n".utf8))
  exit(2)
}
do {
  let comparison = try compare(ours, theirs, URL(fileURLWithPath: arguments[2]))
  print(String(decoding: try JSONEncoder().encode(comparison), as: UTF8.self))
} catch {
  FileHandle.standardError.write(Data("\(error)\n".utf8))
  exit(2)
}
