import Experiments
import Files
import Foundation
import Recipes

let newStudyCommand = Command(
  name: "new study", summary: "Write a study to begin with: a table of two rows that runs as it is", operands: "NAME",
  example: "segbench new study my-study", positionalCount: 1...1, options: [],
  notes: [
    "Writes Recipes/NAME with study.yaml, a table, two rows and what they share. Docs/adding-a-study.md goes on from there."
  ]
) { arguments in
  let workspace = try Workspace.fromEnvironment()
  try write(.study(arguments.positionals[0], in: workspace), below: workspace.root)
}

let newRecipeCommand = Command(
  name: "new recipe", summary: "Write a recipe to begin with, which runs as it is", operands: "NAME",
  example: "segbench new recipe mine/u-net", positionalCount: 1...1, options: [],
  notes: [
    "Writes Recipes/NAME.yaml: nnU-Net's U-Net on AMOS22 or, with the profiles phantom and quick, on its phantoms."
  ]
) { arguments in
  let workspace = try Workspace.fromEnvironment()
  try write(.recipe(arguments.positionals[0], in: workspace), below: workspace.root)
}

let newNetworkCommand = Command(
  name: "new network", summary: "Write the Swift file of a network to begin with, which trains as it is",
  operands: "NAME", example: "segbench new network dilated", positionalCount: 1...1, options: [],
  notes: [
    "Writes Sources/Experiments/Networks/NAME.swift in a checkout of the repository: the network's keys in recipes, its",
    "construction and its forward pass. Docs/adding-a-baseline.md explains it.",
  ]
) { arguments in
  let workspace = try Workspace.fromEnvironment()
  let library = RecipeLibrary(root: workspace.recipes)
  try write(.network(arguments.positionals[0], in: workspace, library: library), below: workspace.root)
}

private func write(_ template: Template, below root: URL) throws {
  for url in try template.write(below: root) { print(url.path) }
  for line in template.next { Console.say(line) }
}
