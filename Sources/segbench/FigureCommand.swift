import Experiments
import Foundation
import Recipes
import Reporting

let figureCommand = Command(
  name: "figure", summary: "Draw a figure of patch features, of a study's image and weights or of any",
  operands: "[STUDY/]1|3|4",
  example: "segbench figure 3 --image scan.nii.gz --weights model.pth --patch 250,190 --size 2048 --output figures",
  positionalCount: 1...1,
  options: RecipeOptions.specifications + [deviceOption] + [
    OptionSpecification("--image", "FILE", help: "A NIfTI volume or a PNG picture in place of the study's"),
    OptionSpecification("--slice", "Z", help: "A volume's slice, counted from 0"),
    OptionSpecification(
      "--weights", "FILE", help: "A vision transformer's weights, any known layout; several for figure 4", repeats: true
    ),
    OptionSpecification("--patch", "X,Y", help: "The patch to mark, by a pixel of the image: x to the right, y down"),
    OptionSpecification("--size", "N", help: "Pixels along the image's side, a multiple of the patch's"),
  ] + ReportOutput.specifications,
  notes: ["Without --output and --check the caption alone is printed, and the picture kept nowhere."]
    + ReportOutput.notes, usesDevice: true
) { arguments in
  let options = try RecipeOptions(arguments)
  let output = try ReportOutput(arguments)
  let name = arguments.positionals[0]
  guard let item = try options.library.item(name, among: [.figure]) else {
    let names = try options.library.studies().flatMap { $0.items(.figure) }.map(\.fullName)
    throw UsageError("there is no figure \"\(name)\"; there is \(names.joined(separator: ", "))")
  }
  let standard = options.workspace.results(profile: options.profile, study: item.folder)
  try output.requireFolder(standard: standard)
  let mark = try arguments.integers("--patch", in: 0...1_000_000)
  guard mark == nil || mark!.count == 2 else { throw UsageError("--patch needs two numbers: --patch X,Y") }
  let weights = arguments.values("--weights").map { URL(fileURLWithPath: $0) }
  Interruption.goesOn.store(true, ordering: .relaxed)
  let figure = try FeatureFigure(
    study: item.path, library: options.library, runner: options.runner(), profile: options.profile,
    fidelity: options.fidelity, overrides: options.overrides,
    choices: .init(
      image: arguments.value("--image").map { URL(fileURLWithPath: $0) },
      slice: try arguments.integer("--slice", in: 0...1_000_000), weights: weights,
      size: try arguments.integer("--size", in: 16...16384), mark: mark.map { ($0[0], $0[1]) }))
  let (files, caption) = try figure.files(named: item.name)
  try output.finish(standard: standard, files: { files }, printed: { print(caption, terminator: "") })
}
