import Experiments
import Files
import Foundation

let featuresCommand = Command(
  name: "features", summary: "Write the patch features that an encoder sees in an image",
  usage:
    "features --weights FILE --image FILE --output FILE [--size N] [--slice Z] [--blocks 2,5,8,11] [--normalize ct|none]",
  example: "segbench features --weights model.pth --image scan.nii.gz --slice 40 --size 896 --output features.h5",
  positionalCount: 0...0,
  options: [
    OptionSpecification(
      "--weights", "FILE", help: "A vision transformer's weights: .pth, .safetensors or .h5, any known layout (wanted)"),
    OptionSpecification("--image", "FILE", help: "A NIfTI volume or a PNG picture (wanted)"),
    OptionSpecification(
      "--output", "FILE", help: "HDF5: a float32 dataset block<k> [patches high, patches wide, width] a block (wanted)"),
    OptionSpecification(
      "--size", "N", help: "Resize to N x N pixels, bilinear (each side to the nearest multiple of the patch)"),
    OptionSpecification("--slice", "Z", help: "A volume's slice, counted from 0 (the middle one)"),
    OptionSpecification("--blocks", "LIST", help: "Blocks, counted from 0, such as 2,5,8,11 (the last one)"),
    OptionSpecification(
      "--normalize", "HOW",
      help: "ct: [-1000, 1000] HU, standardised as in MedDINOv3's pretraining (volumes); none: as stored (pictures)"),
  ]
) { arguments in
  func wanted(_ name: String) throws -> URL {
    guard let path = arguments.value(name) else { throw UsageError("features wants \(name) FILE") }
    return URL(fileURLWithPath: path)
  }
  let (weights, image, output) = (try wanted("--weights"), try wanted("--image"), try wanted("--output"))
  let normalization = try arguments.choice("--normalize", among: EncoderNormalization.allCases.map(\.rawValue))
  let (size, slice) = (
    try arguments.integer("--size", in: 1...16384), try arguments.integer("--slice", in: 0...1_000_000)
  )
  let blocks = try arguments.integers("--blocks", in: 0...1023)
  try FeatureExtraction(weights: weights).write(
    image: image, slice: slice, size: size, normalization: normalization.flatMap(EncoderNormalization.init),
    blocks: blocks, to: output)
  print(output.path)
}
