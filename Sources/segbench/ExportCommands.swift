import Experiments
import Exports
import Files
import Foundation

private let runOperands = "RUN|TABLE|RECIPE..."

let exportTensorBoardCommand = Command(
  name: "export tensorboard", summary: "Write runs' curves and scores as TensorBoard's event files",
  operands: runOperands, example: "segbench export tensorboard table1 --output dashboard", positionalCount: 1...1000,
  options: [OptionSpecification("--output", "FOLDER", isRequired: true, help: "The log folder, in it one for each run")]
    + RecipeOptions.ofRuns,
  notes: ["To look at them: tensorboard --logdir FOLDER"]
) { arguments in
  let output = URL(fileURLWithPath: arguments.required("--output"), isDirectory: true)
  try forEachRun(arguments) { record, series in
    let name = "\(record.description.title.fileName) \(record.description.identity.prefix(10))"
    let folder = output.appendingPathComponent(name, isDirectory: true)
    return try TensorBoardEvents.write(series, recipe: record.recipe, to: folder)
  }
}

let exportMLflowCommand = Command(
  name: "export mlflow", summary: "Write runs' parameters, curves and scores into MLflow's file store",
  operands: runOperands, example: "segbench export mlflow table1 --output mlruns", positionalCount: 1...1000,
  options: [
    OptionSpecification("--output", "FOLDER", isRequired: true, help: "The store; it may hold other experiments"),
    OptionSpecification("--experiment", "NAME", help: "The experiment's name (segbench)"),
  ] + RecipeOptions.ofRuns,
  notes: ["To look at them: mlflow ui --backend-store-uri FOLDER"]
) { arguments in
  let store = MLflowStore(
    folder: URL(fileURLWithPath: arguments.required("--output"), isDirectory: true),
    experiment: arguments.value("--experiment") ?? "segbench")
  try forEachRun(arguments) { try store.write($0, $1) }
}

/// Exports every run that the command's words mean, and prints where each lies.
private func forEachRun(_ arguments: Arguments, _ export: (RunRecord, RunSeries) throws -> URL) throws {
  let options = try RecipeOptions(arguments)
  for folder in try arguments.positionals.flatMap({ try options.finishedRuns($0) }) {
    try Cancellation.check()
    let file = folder.appendingPathComponent("run.h5")
    let record = try RunRecord.read(file)
    let changed = try file.resourceValues(forKeys: [.contentModificationDateKey]).contentModificationDate
    print(try export(record, RunSeries(record, end: changed ?? Date())).path)
  }
}

extension String {
  /// The text as one file's name: without slashes and control characters, not too long, and no hidden file.
  fileprivate var fileName: String {
    let text = String(map { $0 == "/" || $0.asciiValue.map { $0 < 32 } == true ? "_" : $0 }.prefix(60))
    return text.hasPrefix(".") ? "_" + text : text
  }
}
