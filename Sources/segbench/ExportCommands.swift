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

let exportONNXCommand = Command(
  name: "export onnx", summary: "Write a run's network as an ONNX model",
  operands: "RUN|RECIPE", example: "segbench export onnx fb31322a82 --output model.onnx", positionalCount: 1...1,
  options: [
    OptionSpecification("--output", "FILE", isRequired: true, help: "The model"),
    OptionSpecification(
      "--sample", "FILE", help: "Also write an image of noise and the engine's logits of it (safetensors), to compare"),
  ] + RecipeOptions.ofRuns,
  notes: [
    "The model takes `image` [1, C, H, W] of the run's patch size, resampled and normalised as the metadata's",
    "nnUNetPlans.json says, and gives `logits` [1, classes, H, W].",
  ]
) { arguments in
  let options = try RecipeOptions(arguments)
  let output = URL(fileURLWithPath: arguments.required("--output"))
  let folder = try onlyRun(arguments.positionals[0], options)
  func open() throws -> FinishedRun {
    try FinishedRun(folder: folder, library: options.library, hdf5: ReadingProcess.weights)
  }
  let record = try RunRecord.read(folder.appendingPathComponent("run.h5"))
  let run = try open()
  let (channels, patch) = (run.channelNames.count, try run.patchSize)
  let files = try ["nnUNetPlans.json", "dataset.json"].map { name in
    (key: name, value: String(decoding: try Data(contentsOf: folder.appendingPathComponent(name)), as: UTF8.self))
  }
  let about = record.description
  let model = try ONNXModel.data(
    channels: channels, size: (patch[0], patch[1]), name: about.title,
    metadata: [("run", about.identity), ("title", about.title), ("recipe", record.recipe)] + files
  ) { try open().network }
  if let sample = arguments.value("--sample") {
    let (image, logits) = ONNXModel.sample(of: run.network, channels: channels, size: (patch[0], patch[1]))
    let arrays = [("image", image), ("logits", logits)].map { ($0, StoredTensor(shape: $1.shape, floats: $1.values())) }
    try Safetensors.write(Dictionary(uniqueKeysWithValues: arrays), to: URL(fileURLWithPath: sample))
  }
  try AtomicFile.write(model, to: output)
  print(output.path)
}

let exportNNUNetCommand = Command(
  name: "export nnunet", summary: "Write a run in nnU-Net's results layout, for its own commands",
  operands: "RUN|RECIPE", example: "segbench export nnunet fb31322a82 --output nnUNet_results", positionalCount: 1...1,
  options: [OptionSpecification("--output", "FOLDER", isRequired: true, help: "nnU-Net's results folder")]
    + RecipeOptions.ofRuns,
  notes: [
    "nnUNetv2_predict_from_modelfolder takes the folder that is printed. A checkpoint is written for nnU-Net's own U-Net;",
    "of other networks, which nnU-Net cannot build, the validation's predictions and summary.json.",
  ]
) { arguments in
  let options = try RecipeOptions(arguments)
  let folder = try onlyRun(arguments.positionals[0], options)
  let record = try RunRecord.read(folder.appendingPathComponent("run.h5"))
  let run = try FinishedRun(folder: folder, library: options.library, hdf5: ReadingProcess.weights)
  let output = URL(fileURLWithPath: arguments.required("--output"), isDirectory: true)
  let written = try NNUNetResults.write(folder, record, run, to: output)
  if !written.hasCheckpoint {
    Console.say("\(record.description.title): nnU-Net cannot build this network; its predictions are written alone")
  }
  print(written.model.path)
}

/// The folder of the one run that a word means.
private func onlyRun(_ word: String, _ options: RecipeOptions) throws -> URL {
  let folders = try options.runFolders(word)
  guard folders.count == 1 else {
    throw UsageError("\(word) means \(folders.count) runs, and one is exported at a time: give a run's name")
  }
  return folders[0]
}

/// Exports every run that the command's words mean, and prints where each lies.
private func forEachRun(_ arguments: Arguments, _ export: (RunRecord, RunSeries) throws -> URL) throws {
  let options = try RecipeOptions(arguments)
  for folder in try arguments.positionals.flatMap({ try options.runFolders($0) }) {
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
