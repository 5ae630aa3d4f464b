import Experiments
import Foundation
import Recipes
import TestSupport
import Testing

@Suite("Commands that are printed for the user to run") struct RunCommandTests {
  /// The words that a shell makes of a line.
  private func words(_ line: String) throws -> [String] {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/bash")
    process.arguments = ["-c", "printf '%s\\0' \(line)"]
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return data.split(separator: 0, omittingEmptySubsequences: false).dropLast().map {
      String(decoding: $0, as: UTF8.self)
    }
  }

  @Test("a shell reads back every word as it was given")
  func quoting() throws {
    let values = [
      "training.epochs=2", "network.decoder.blocks=[0, 1]", "title=It's \"mine\"",
      "title=$HOME `id` \\ ! * ? ~ # & ; | < >",
      "title=a\nb\tc'd\\e", "title=", "title=é ×", "initial_weights={from: random}", "title=%s", "a=b=c", "",
    ]
    for value in values { #expect(try words(RunCommand.quoted(value)) == [value], "\(value)") }
    let command = RunCommand(
      library: RecipeLibrary(root: shippedRecipes), profile: "phantom", fidelity: .paper, overrides: values,
      seeds: [0, 1, 12])
    #expect(
      try words(command.text("meddinov3/table1/1-random-init-640.yaml"))
        == ["segbench", "run", "Recipes/meddinov3/table1/1-random-init-640.yaml", "--profile", "phantom"]
        + ["--fidelity", "paper"] + values.flatMap { ["--set", $0] } + ["--seeds", "0,1,12"])
  }

  @Test("options that were not given are not printed, and recipes elsewhere go by their path below the root")
  func plain() throws {
    let workspace = try TemporaryWorkspace()
    #expect(
      RunCommand(library: RecipeLibrary(root: workspace.workspace.recipes), profile: "quick").text("mine/row.yaml")
        == "segbench run mine/row.yaml --profile quick")
  }
}
