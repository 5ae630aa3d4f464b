import Experiments
import Files
import Foundation
import Networks

let weightsInspectCommand = Command(
  name: "weights inspect", summary: "Show what a file of weights holds: names, shapes, types, nesting",
  operands: "FILE",
  example: "segbench weights inspect dinov3_vitb16_pretrain_lvd1689m-73cec8be.pth",
  positionalCount: 1...1, options: [OptionSpecification("--json", help: "Print the arrays as JSON")]
) { arguments in
  let file = try WeightFile(
    contentsOf: URL(fileURLWithPath: arguments.positionals[0]), hdf5: ReadingProcess.weights)
  if arguments.flag("--json") {
    let arrays = file.tensors.sorted { $0.key < $1.key }.map {
      InspectedArray(name: $0.key, shape: $0.value.shape, type: $0.value.elementType.rawValue)
    }
    return try printJSON(arrays)
  }
  let counts = file.tensors.values.map { $0.data.count / $0.elementType.size }
  print("\(file.path.visible): \(file.format.rawValue), \(counts.count) arrays, \(counts.reduce(0, +)) numbers")
  let encoders = EncoderFile.all(in: file)
  for found in encoders {
    let configuration = found.configuration
    print(
      "a vision transformer\(found.model.map { " (\($0.rawValue))" } ?? "") in the layout \(found.layout.rawValue)"
        + (found.prefix.isEmpty ? "" : " below \"\(found.prefix.visible)\"")
        + ": width \(configuration.width), \(configuration.depth) blocks, \(configuration.heads) heads, patch \(configuration.patch), "
        + "\(configuration.storageTokens) storage tokens, LayerNorm's epsilon \(configuration.normEpsilon)")
    for key in found.leftOut { print("  \(key.visible) is left out: only DINOv3's pretraining uses it") }
  }
  do {
    let chosen = try EncoderFile(file)
    if encoders.count > 1 { print("used unless another is asked for: \"\(chosen.prefix.visible)\"") }
  } catch let error as WeightFileError {
    print("not usable as an encoder: \(error.description.visible)")
  }
  for line in WeightTree(file).lines { print(line) }
}

private let modelNames = EncoderModel.allCases.map(\.rawValue).joined(separator: "|")

private let modelOption = OptionSpecification(
  "--model", "WHICH", choices: EncoderModel.allCases.map(\.rawValue),
  help: "Of a file with several networks of one training: \(modelNames) (the teacher)")

private func chosenModel(_ arguments: Arguments) -> EncoderModel? {
  arguments.choice("--model", as: EncoderModel.self)
}

private struct InspectedArray: Encodable {
  let name: String
  let shape: [Int]
  let type: String
}

let weightsConvertCommand = Command(
  name: "weights convert", summary: "Write a file's weights as safetensors or HDF5, under our names or a peer's",
  operands: "FILE OUTPUT",
  example: "segbench weights convert runs/90559a6284/weights.safetensors primus.safetensors --names primus",
  positionalCount: 2...2,
  options: [
    OptionSpecification(
      "--names", "WHOSE", choices: WeightNaming.allCases.map(\.rawValue),
      help: "Whose names: ours (segbench, default for networks known here), a peer's, or those of the file (keep)"),
    modelOption,
  ]
) { arguments in
  let file = try WeightFile(
    contentsOf: URL(fileURLWithPath: arguments.positionals[0]), hdf5: ReadingProcess.weights)
  let output = URL(fileURLWithPath: arguments.positionals[1])
  guard output.resolvingSymlinksInPath() != URL(fileURLWithPath: file.path).resolvingSymlinksInPath() else {
    throw UsageError("\(output.path) is the file to convert: name another OUTPUT")
  }
  let result = try WeightConversion.convert(
    file, to: arguments.choice("--names", as: WeightNaming.self), model: chosenModel(arguments))
  for note in result.notes { Console.say("note: \(note)") }
  try WeightFile.write(result.tensors, metadata: result.metadata, to: output)
  print(output.path)
}

let featuresCommand = Command(
  name: "features", summary: "Write the patch features that an encoder sees in an image",
  operands: "",
  example: "segbench features --weights model.pth --image scan.nii.gz --slice 40 --size 896 --output features.h5",
  positionalCount: 0...0,
  options: [
    OptionSpecification(
      "--weights", "FILE", isRequired: true,
      help: "A vision transformer's weights: .pth, .safetensors or .h5, any known layout"),
    OptionSpecification("--image", "FILE", isRequired: true, help: "A NIfTI volume or a PNG picture"),
    OptionSpecification(
      "--output", "FILE", isRequired: true,
      help: "HDF5: a float32 dataset block<k> [patches high, patches wide, width] a block"),
    OptionSpecification(
      "--size", "N", help: "Resize to N x N pixels, bilinear (each side to the nearest multiple of the patch)"),
    OptionSpecification("--slice", "N", help: "A volume's slice, counted from 0 (the middle one)"),
    OptionSpecification(
      "--axis", "AXIS", choices: ["x", "y", "z"],
      help: "Across which of the file's axes a volume is cut: x, y or z (that of the greatest spacing, as plans do)"),
    OptionSpecification(
      "--blocks", "LIST", help: "Blocks, counted from 0 (those that end the quarters: 2,5,8,11 of twelve)"),
    OptionSpecification(
      "--normalize", "HOW", choices: EncoderNormalization.allCases.map(\.rawValue),
      help: "ct: [-1000, 1000] HU, standardised as in MedDINOv3's pretraining (volumes); none: as stored (pictures)"),
    modelOption,
  ]
) { arguments in
  let (weights, image, output) = (
    URL(fileURLWithPath: arguments.required("--weights")), URL(fileURLWithPath: arguments.required("--image")),
    URL(fileURLWithPath: arguments.required("--output"))
  )
  let (size, slice) = (
    try arguments.integer("--size", in: 1...16384), try arguments.integer("--slice", in: 0...1_000_000)
  )
  let axis = arguments.value("--axis").map { ["z", "y", "x"].firstIndex(of: $0)! }
  let blocks = try arguments.integers("--blocks", in: 0...1023)
  try FeatureExtraction(weights: weights, model: chosenModel(arguments), hdf5: ReadingProcess.weights).write(
    image: image, slice: slice, across: axis, size: size,
    normalization: arguments.choice("--normalize", as: EncoderNormalization.self),
    blocks: blocks, to: output)
  print(output.path)
}
