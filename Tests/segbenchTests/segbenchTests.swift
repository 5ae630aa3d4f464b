import Files
import Foundation
import Imaging
import Testing

private let firstRow = "Recipes/meddinov3/table1/1-random-init-640.yaml"

@Test(arguments: [
  (["rum"], "did you mean run?"), (["run"], "usage: segbench run"),
  (["explain", firstRow, "--profil", "paper"], "--profile"),
  (["explain", firstRow, "--profile", "laptop"], "phantom"),
  (["explain", firstRow, "--set", "training.epoch=3"], "epochs"),
  (["explain", firstRow, "--set", "training.epochs=many"], "whole number"),
  (["explain", "Recipes/none.yaml"], "none.yaml"),
  (["report", "table9"], "table1"), (["dataset"], "phantom"), (["dataset", "phantom", "amos23", "/tmp/x"], "amos22"),
  (["dataset", "import", "amos", "/tmp/x", "/tmp/segbench-none"], "did you mean amos22?"),
  (["dataset", "import", "lits", "/nonexistent", "/tmp/segbench-none"], "/nonexistent"),
  (["dataset", "import", "lits", "/nonexistent"], "usage: segbench dataset import"),
  (["weights"], "inspect, convert"), (["weights", "inspect", "/nonexistent.pth"], "/nonexistent.pth"),
  (["weights", "inspect", "Tests/NetworksTests/Fixtures/planted.pth"], "posix.system"),
  (
    ["weights", "convert", "Tests/NetworksTests/Fixtures/small_dinov3.pth", "/tmp/segbench-none.pth"],
    ".safetensors or .h5"
  ),
  (["features", "--weights", "w.pth", "--image", "i.png"], "--output"),
  (["plan", "/nonexistent", "--output", "/tmp/segbench-none"], "/nonexistent"),
  (["predict", "--run", "zz", "--output", "o", "i"], "i"),
])
func mistakesGetOneSentenceAndExitCodeTwo(words: [String], mention: String) throws {
  let process = try segbench(words)
  #expect(process.code == 2)
  #expect(process.output.isEmpty)
  #expect(process.errors.contains(mention), "\(process.errors)")
  #expect(!process.errors.contains("Fatal"))
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

/// The usage line names every option that the help explains, the required ones without brackets.
@Test func aUsageNamesEveryOption() throws {
  let list = try segbench("help").output
  let commands = list.split(separator: "\n").filter { $0.hasPrefix("  ") }.map {
    $0.dropFirst(2).components(separatedBy: "  ")[0].split(separator: " ").map(String.init)
  }
  #expect(commands.count >= 20)
  for command in commands {
    let lines = try segbench(["help"] + command).output.split(separator: "\n").map(String.init)
    let usage = try #require(lines.first { $0.hasPrefix("usage: segbench ") })
    for line in lines where line.hasPrefix("  --") {
      let title = line.dropFirst(2).components(separatedBy: "  ")[0]
      let isRequired = title.hasSuffix(" (required)")
      let option = isRequired ? String(title.dropLast(" (required)".count)) : title
      #expect(usage.contains(isRequired ? " \(option)" : "[\(option)]"), "\(usage)")
    }
  }
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

/// A miniature of BTCV as it is published goes in, is verified, and comes out as the data path needs it.
@Test func publishedDatasetsAreImported() throws {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("segbench-\(UUID().uuidString)")
  defer { try? FileManager.default.removeItem(at: folder) }
  let phantom = folder.appendingPathComponent("phantom")
  #expect(
    try segbench("dataset", "phantom", "btcv", phantom.path, "--cases", "5", "--size", "32,32,8").code == 0)
  let source = folder.appendingPathComponent("RawData/Training")
  for (from, to, word) in [("imagesTr", "img", "img"), ("labelsTr", "label", "label")] {
    let target = source.appendingPathComponent(to)
    try FileManager.default.createDirectory(at: target, withIntermediateDirectories: true)
    for name in try FileManager.default.contentsOfDirectory(atPath: phantom.appendingPathComponent(from).path) {
      let number = name.dropFirst(3).prefix(4)
      try FileManager.default.copyItem(
        at: phantom.appendingPathComponent("\(from)/\(name)"),
        to: target.appendingPathComponent("\(word)\(number).nii.gz"))
    }
  }
  let destination = folder.appendingPathComponent("btcv")
  let imported = try segbench(
    "dataset", "import", "btcv", folder.appendingPathComponent("RawData").path, destination.path)
  #expect(imported.code == 0 && imported.output == destination.path + "\n", "\(imported.errors)")
  #expect(imported.errors.contains("note: The paper has 50 labelled cases; 5 are here."))
  #expect(try segbench("dataset", "verify", destination.path).code == 0)
  #expect(try segbench("plan", destination.path, "--output", folder.appendingPathComponent("plan").path).code == 0)
  let again = try segbench("dataset", "import", "nnunet", destination.path, destination.path)
  #expect(again.code == 2 && again.errors.contains("something of that name already"))
  let copy = folder.appendingPathComponent("copy")
  #expect(try segbench("dataset", "import", "nnunet", destination.path, copy.path, "--copy").code == 0)
  let first = copy.appendingPathComponent("imagesTr/img0001_0000.nii.gz").path
  #expect(try FileManager.default.attributesOfItem(atPath: first)[.type] as? FileAttributeType == .typeRegular)
}

@Test func weightsAreInspectedConvertedAndSeen() throws {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("segbench-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  let published = "Tests/NetworksTests/Fixtures/small_dinov3.pth"
  let inspected = try segbench("weights", "inspect", published)
  #expect(inspected.code == 0 && inspected.output.contains("layout dinov3: width 16, 2 blocks, 2 heads, patch 4"))
  #expect(inspected.output.contains("cls_token  F32 [1, 1, 16]"))
  let json = try segbench("weights", "inspect", published, "--json")
  #expect(json.output.contains("\"name\" : \"cls_token\""))

  let image = folder.appendingPathComponent("scan.nii.gz")
  try NIfTI.write(
    Volume(
      shape: [2, 12, 16], voxels: (0..<384).map { Float($0 % 97) * 11 - 500 },
      header: NIfTIHeader(shape: [2, 12, 16], spacing: [1, 1, 1])), to: image)
  var seen: [[Float]] = []
  for (index, name) in ["", "own.h5", "hf.safetensors"].enumerated() {
    var weights = published
    if !name.isEmpty {
      weights = folder.appendingPathComponent(name).path
      let naming = name == "own.h5" ? "segbench" : "hugging-face"
      #expect(try segbench("weights", "convert", published, weights, "--names", naming).code == 0)
    }
    let output = folder.appendingPathComponent("features\(index).h5")
    let result = try segbench(
      "features", "--weights", weights, "--image", image.path, "--output", output.path, "--slice", "1", "--blocks",
      "0,1")
    #expect(result.code == 0, "\(result.errors)")
    let (shape, values) = try HDF5File(reading: output).read("block1", as: Float.self)
    #expect(shape == [3, 4, 16])
    seen.append(values)
  }
  #expect(seen[0] == seen[1] && seen[0] == seen[2])
  let bad = try segbench(
    "features", "--weights", published, "--image", image.path, "--output", "o.h5", "--size", "10")
  #expect(bad.code == 2 && bad.errors.contains("12 would"))
}
