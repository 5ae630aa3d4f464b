import Experiments
import Files
import Foundation
import Recipes

let referenceCommand = Command(
  name: "reference", summary: "Print what every key of a recipe means, the values it takes and its default",
  operands: "[KEY]", example: "segbench reference training.optimizer", positionalCount: 0...1,
  options: [
    OptionSpecification("--schemas", help: "Write the JSON Schemas for editors into Recipes/schema instead")
  ],
  notes: [
    "Without KEY: Markdown of every key, which is Docs/recipe-reference.md. With KEY: that key, or those of a section."
  ]
) { arguments in
  let library = RecipeLibrary(root: try Workspace.fromEnvironment().recipes)
  if arguments.flag("--schemas") {
    guard arguments.positionals.isEmpty else { throw UsageError("--schemas writes all of them: leave KEY out") }
    for kind in DocumentKind.allCases {
      let url = library.root.appendingPathComponent("schema/\(kind.rawValue).json")
      try makeFolder(url.deletingLastPathComponent())
      try AtomicFile.write(Data(library.jsonSchema(kind).text().utf8), to: url)
      print(url.path)
    }
    return
  }
  guard let key = arguments.positionals.first else { return print(library.referenceText, terminator: "") }
  for entry in try library.reference(below: key) {
    let standard = ["", "required"].contains(entry.standard) ? entry.standard : "default \(entry.standard)"
    print(entry.key)
    print("  " + [entry.values, standard, "since \(entry.since)"].filter { !$0.isEmpty }.joined(separator: "; "))
    print("  \(entry.meaning)")
  }
}
