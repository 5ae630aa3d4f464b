import Foundation
import Imaging
import Testing

private let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent()

/// Runs the built command in the repository's folder.
private func segbench(_ arguments: String...) throws -> (code: Int32, output: String, errors: String) {
  let process = Process()
  process.executableURL = repository.appendingPathComponent(".build/release/segbench")
  process.arguments = arguments
  process.currentDirectoryURL = repository
  process.environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("SEGBENCH_") }
  let (output, errors) = (Pipe(), Pipe())
  process.standardOutput = output
  process.standardError = errors
  try process.run()
  let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
  let complaint = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
  process.waitUntilExit()
  return (process.terminationStatus, text, complaint)
}

private let firstRow = "Recipes/meddinov3/table1/1-random-init-640.yaml"

@Test(arguments: [
  (["rum"], "did you mean run?"), (["run"], "usage: segbench run"),
  (["explain", firstRow, "--profil", "paper"], "--profile"),
  (["explain", firstRow, "--profile", "laptop"], "phantom"),
  (["explain", firstRow, "--set", "training.epoch=3"], "epochs"),
  (["explain", firstRow, "--set", "training.epochs=many"], "whole number"),
  (["explain", "Recipes/none.yaml"], "none.yaml"),
  (["report", "table9"], "table1"), (["dataset"], "phantom"), (["dataset", "phantom", "amos23", "/tmp/x"], "amos22"),
  (["plan", "/nonexistent", "--output", "/tmp/segbench-none"], "/nonexistent"),
  (["predict", "--run", "zz", "--output", "o", "i"], "i"),
])
func mistakesGetOneSentenceAndExitCodeTwo(words: [String], mention: String) throws {
  let process = try run(words)
  #expect(process.code == 2)
  #expect(process.output.isEmpty)
  #expect(process.errors.contains(mention), "\(process.errors)")
  #expect(!process.errors.contains("Fatal"))
}

private func run(_ words: [String]) throws -> (code: Int32, output: String, errors: String) {
  switch words.count {
  case 1: try segbench(words[0])
  case 2: try segbench(words[0], words[1])
  case 3: try segbench(words[0], words[1], words[2])
  case 4: try segbench(words[0], words[1], words[2], words[3])
  default: try segbench(words[0], words[1], words[2], words[3], words[4], words[5])
  }
}

@Test func helpExplainAndDoctorAnswer() throws {
  let help = try segbench("help")
  #expect(help.code == 0 && help.output.contains("report"))
  let one = try segbench("help", "dataset", "phantom")
  #expect(one.code == 0 && one.output.contains("example: segbench dataset phantom"))
  let explanation = try segbench("explain", firstRow, "--profile", "paper")
  #expect(explanation.code == 0 && explanation.output.contains("training.epochs"))
  #expect(explanation.output.contains("protocol.yaml:"))
  let doctor = try segbench("doctor", "--json")
  #expect(doctor.code == 0 && doctor.output.contains("instructionSet"))
  let status = try segbench("status", "--profile", "paper")
  #expect(status.code == 0 && status.output.contains("dinov3_vitb16_pretrain"))
}

@Test func badImagesAreRefusedAndNothingIsLeft() throws {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("segbench-\(UUID().uuidString)")
  defer { try? FileManager.default.removeItem(at: folder) }
  let dataset = folder.appendingPathComponent("dataset")
  #expect(try segbench("dataset", "phantom", "lits", dataset.path, "--cases", "5").code == 0)
  #expect(try segbench("dataset", "verify", dataset.path).code == 0)
  let images = try FileManager.default.contentsOfDirectory(atPath: dataset.appendingPathComponent("imagesTr").path)
    .sorted()
  let labels = try FileManager.default.contentsOfDirectory(atPath: dataset.appendingPathComponent("labelsTr").path)
    .sorted()
  let image = dataset.appendingPathComponent("imagesTr/\(images[0])")
  var volume = try NIfTI.readImage(image)
  volume.voxels[7] = .nan
  try NIfTI.write(volume, to: image)
  try Data().write(to: dataset.appendingPathComponent("imagesTr/\(images[1])"))
  try FileManager.default.removeItem(at: dataset.appendingPathComponent("labelsTr/\(labels[2])"))
  let verdict = try segbench("dataset", "verify", dataset.path)
  #expect(verdict.code == 2)
  for name in [images[0], images[1], labels[2]] { #expect(verdict.errors.contains(name), "\(verdict.errors)") }
  let output = folder.appendingPathComponent("plan")
  let plan = try segbench("plan", dataset.path, "--output", output.path)
  #expect(plan.code == 2)
  #expect(!FileManager.default.fileExists(atPath: output.appendingPathComponent("nnUNetPlans.json").path))
}
