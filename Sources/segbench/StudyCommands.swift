import Files
import Foundation
import Recipes

let studyRowsCommand = Command(
  name: "study-rows", summary: "Record what a study's rows are at the paper's scale, against which tables hold runs",
  operands: "STUDY", example: "segbench study-rows meddinov3", positionalCount: 1...1, options: [],
  notes: [
    "Writes paper-rows.yaml into the study's folder from its recipes at the profile paper. For whoever ships a study, after a",
    "change of its recipes that is meant; a run of a recipe that has other values is not at the paper's scale.",
  ]
) { arguments in
  let options = try RecipeOptions(arguments)
  let study = arguments.positionals[0]
  guard try options.library.study(study) != nil else {
    let names = try options.library.studies().map(\.name)
    throw UsageError("there is no study \"\(study)\" in Recipes; there is \(names.joined(separator: ", "))")
  }
  guard try options.library.profiles.contains(RecipeLibrary.paperProfile) else {
    throw UsageError("Recipes/profiles has no \(RecipeLibrary.paperProfile).yaml: the paper's scale needs that profile")
  }
  let url = options.library.paperRowsURL(of: study)
  try AtomicFile.write(Data(options.library.paperRowsText(of: study).utf8), to: url)
  print(url.path)
}
