import Datasets
import Experiments
import Files
import Foundation
import Imaging
import Phantoms

let datasetPhantomCommand = Command(
  name: "dataset phantom", summary: "Generate a phantom dataset in nnU-Net's raw layout",
  operands: "\(PhantomKind.allCases.map(\.rawValue).joined(separator: "|")) DESTINATION",
  example: "segbench dataset phantom amos22 data/phantoms/try --cases 10 --size 128,128,24", positionalCount: 2...2,
  options: [
    OptionSpecification(
      "--style", "STYLE", choices: PhantomStyle.allCases.map(\.rawValue),
      help: "What tells the organs apart: place and brightness (clinical), or texture, edges and neighbours"),
    OptionSpecification("--cases", "N", help: "How many cases (20)"),
    OptionSpecification("--seed", "S", help: "The seed of their anatomy (0)"),
    OptionSpecification("--size", "X,Y,Z", help: "Typical voxels along x, y and z (128,128,24)"),
  ]
) { arguments in
  let kinds = PhantomKind.allCases.map(\.rawValue)
  guard let kind = PhantomKind(rawValue: arguments.positionals[0]) else {
    throw UsageError("there are phantoms of \(kinds.joined(separator: ", ")), not of \"\(arguments.positionals[0])\"")
  }
  let size = try arguments.integers("--size", in: 8...1024) ?? [128, 128, 24]
  guard size.count == 3 else { throw UsageError("--size needs three numbers: --size X,Y,Z") }
  let destination = URL(fileURLWithPath: arguments.positionals[1], isDirectory: true)
  guard !FileManager.default.fileExists(atPath: destination.appendingPathComponent("dataset.json").path) else {
    throw UsageError("\(destination.path) holds a dataset already: name another folder, or remove it first")
  }
  try PhantomGenerator.write(
    kind: kind, style: arguments.choice("--style", as: PhantomStyle.self) ?? .clinical,
    cases: arguments.integer("--cases", in: 1...100_000) ?? 20,
    seed: UInt64(arguments.integer("--seed", in: 0...Int(UInt32.max)) ?? 0), size: SIMD3(size[0], size[1], size[2]),
    to: destination, progress: ProgressDisplay("phantoms").progress)
  print(destination.path)
}

/// The check of the grids that headers describe: to warn, or to refuse.
let strictGeometryOption = OptionSpecification(
  "--strict-geometry", help: "Refuse what is only warned of otherwise about directions, origins and voxel sizes")

let datasetVerifyCommand = Command(
  name: "dataset verify", summary: "Check a dataset in nnU-Net's raw layout and name every problem",
  operands: "DIRECTORY", example: "segbench dataset verify data/phantoms/try",
  positionalCount: 1...1,
  options: [
    strictGeometryOption,
    OptionSpecification(
      "--digests",
      help: "Read every file again, too, and name those that are not what runs remember of them (exit code 1)"),
  ]
) { arguments in
  let directory = URL(fileURLWithPath: arguments.positionals[0], isDirectory: true)
  let report = try DatasetVerifier.verify(
    directory, strictGeometry: arguments.flag("--strict-geometry"), progress: ProgressDisplay("verifying").progress)
  for warning in report.warnings { Console.warn(warning) }
  guard report.isSound else {
    throw UsageError(
      "\(directory.path) has \(report.problems.count) problem(s):\n"
        + report.problems.map { "  " + $0 }.joined(separator: "\n"))
  }
  if arguments.flag("--digests") { try compareDigests(directory) }
  print("\(directory.path): no problem found")
}

/// Tells which files of a dataset have another content than runs remember.
/// - Throws: `ChangedFiles`.
private func compareDigests(_ directory: URL) throws {
  let found = try DigestComparison(
    dataset: directory, workspace: Workspace.fromEnvironment(), progress: ProgressDisplay("checksums").progress)
  Console.say("\(found.files) files read, \(found.known) of them remembered")
  let lines =
    found.unnoticed.map { "  \($0): another content, with the size and the times that were remembered" }
    + found.changed.map { "  \($0): another content" }
  guard lines.isEmpty else { throw ChangedFiles(directory: directory.path, lines: lines) }
}

/// Files that are not what was remembered of them: exit code 1, since nothing was wrong with the command.
private struct ChangedFiles: Error, CustomStringConvertible {
  let directory: String
  let lines: [String]
  var description: String {
    "\(directory): \(lines.count) file(s) changed since they were last read; the next run takes them as they are now:\n"
      + lines.joined(separator: "\n")
  }
}

let planCommand = Command(
  name: "plan", summary: "Write nnU-Net's fingerprint and plans files for a dataset",
  operands: "DATASET", example: "segbench plan data/phantoms/try --output prepared/try",
  positionalCount: 1...1,
  options: [OptionSpecification("--output", "DIRECTORY", isRequired: true, help: "Where the two files go")]
) { arguments in
  let output = arguments.required("--output")
  let folder = URL(fileURLWithPath: output, isDirectory: true)
  try makeFolder(folder)
  let dataset = try RawDataset(directory: URL(fileURLWithPath: arguments.positionals[0], isDirectory: true))
  try DatasetVerifier.requireComplete(dataset)
  let fingerprint = try Fingerprint(dataset, progress: ProgressDisplay("fingerprint").progress)
  let plans = try Plans(fingerprint: fingerprint, dataset: dataset)
  let files = [
    folder.appendingPathComponent("dataset_fingerprint.json"), folder.appendingPathComponent("nnUNetPlans.json"),
  ]
  try fingerprint.write(to: files[0])
  try plans.write(to: files[1])
  for file in files { print(file.path) }
}

let preprocessCommand = Command(
  name: "preprocess", summary: "Prepare a dataset's cases for a configuration of a plan",
  operands: "DATASET",
  example:
    "segbench preprocess data/phantoms/try --plans prepared/try/nnUNetPlans.json --configuration 2d --output prepared/try/2d",
  positionalCount: 1...1,
  options: [
    OptionSpecification("--plans", "FILE", isRequired: true, help: "An nnUNetPlans.json"),
    OptionSpecification("--configuration", "NAME", help: "2d, or 2d_N for a square patch of N pixels (2d)"),
    OptionSpecification("--output", "DIRECTORY", isRequired: true, help: "Where one .h5 a case goes"),
  ]
) { arguments in
  let output = arguments.required("--output")
  let plansPath = arguments.required("--plans")
  let name = arguments.value("--configuration") ?? "2d"
  var plans = try Plans(contentsOf: URL(fileURLWithPath: plansPath))
  if !plans.configurationNames.contains(name), name.hasPrefix("2d_"), let size = Int(name.dropFirst(3)),
    (16...4096).contains(size)
  {
    plans = try plans.adding(size: size)
  }
  let dataset = try RawDataset(directory: URL(fileURLWithPath: arguments.positionals[0], isDirectory: true))
  try DatasetVerifier.requireComplete(dataset)
  Interruption.goesOn.store(true, ordering: .relaxed)
  let preprocessor = try Preprocessor(plans: plans, configuration: name, description: dataset.description)
  let folder = URL(fileURLWithPath: output, isDirectory: true)
  try preprocessor.prepare(dataset.cases, into: folder, progress: ProgressDisplay("preparing").progress)
  print(folder.path)
}

let datasetImportCommand = Command(
  name: "dataset import",
  summary: "Bring a published dataset into nnU-Net's raw layout, by links or copies, and verify it",
  operands: "\(PublishedDataset.allCases.map(\.name).joined(separator: "|")) SOURCE DESTINATION",
  example: "segbench dataset import amos22 downloads/amos22 $SEGBENCH_DATA/datasets/amos22", positionalCount: 3...3,
  options: [
    OptionSpecification("--copy", help: "Copy the files; without it the dataset holds symbolic links to them"),
    strictGeometryOption,
  ]
) { arguments in
  let kinds = PublishedDataset.allCases.map(\.name)
  guard let dataset = PublishedDataset.allCases.first(where: { $0.name == arguments.positionals[0] }) else {
    let nearest = nearestName(to: arguments.positionals[0], among: kinds)
    throw UsageError(
      "there are importers of \(kinds.joined(separator: ", ")), not of \"\(arguments.positionals[0])\""
        + (nearest.map { "; did you mean \($0)?" } ?? ""))
  }
  let destination = URL(fileURLWithPath: arguments.positionals[2], isDirectory: true)
  let notes = try DatasetImporter.run(
    dataset, from: URL(fileURLWithPath: arguments.positionals[1], isDirectory: true), to: destination,
    transfer: arguments.flag("--copy") ? .copy : .link, strictGeometry: arguments.flag("--strict-geometry"),
    progress: ProgressDisplay("verifying").progress)
  for note in notes { Console.say("note: \(note)") }
  print(destination.path)
}
