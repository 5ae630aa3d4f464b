import Experiments
import Files
import Foundation
import Imaging
import TestSupport
import Testing

/// A dataset of five small phantoms, with its first case's files.
private struct Phantoms {
  let folder: URL
  let dataset: URL
  let image: URL
  let label: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("segbench-\(UUID().uuidString)")
    dataset = folder.appendingPathComponent("dataset")
    let made = try segbench(["dataset", "phantom", "lits", dataset.path, "--cases", "5", "--size", "32,32,8"])
    #expect(made.code == 0, "\(made.errors)")
    image = try Self.first("imagesTr", of: dataset)
    label = try Self.first("labelsTr", of: dataset)
  }

  private static func first(_ name: String, of dataset: URL) throws -> URL {
    let folder = dataset.appendingPathComponent(name)
    return folder.appendingPathComponent(
      try #require(FileManager.default.contentsOfDirectory(atPath: folder.path).sorted().first))
  }

  func remove() { try? FileManager.default.removeItem(at: folder) }
}

@Suite("Bad input, against the built command") struct BadInputTests {
  enum Damage: String, CaseIterable, CustomTestStringConvertible {
    case emptyImage, cutImage, noNIfTI, nan, strayLabel, otherShape, missingLabel, missingImage, cutLabel
    var testDescription: String { rawValue }

    fileprivate func apply(to phantoms: Phantoms) throws {
      switch self {
      case .emptyImage: try Data().write(to: phantoms.image)
      case .cutImage: try Data(Data(contentsOf: phantoms.image).prefix(700)).write(to: phantoms.image)
      case .noNIfTI: try Data("GIF89a and nothing else".utf8).write(to: phantoms.image)
      case .nan:
        var volume = try NIfTI.readImage(phantoms.image)
        for index in volume.voxels.indices { volume.voxels[index] = .nan }
        try NIfTI.write(volume, to: phantoms.image)
      case .strayLabel:
        var volume = try NIfTI.readLabels(phantoms.label)
        volume.voxels[volume.voxels.count / 2] = 77
        try NIfTI.write(volume, to: phantoms.label)
      case .otherShape:
        let other = phantoms.folder.appendingPathComponent("other")
        #expect(
          try segbench(["dataset", "phantom", "lits", other.path, "--cases", "1", "--size", "48,40,12"]).code == 0)
        let labels = other.appendingPathComponent("labelsTr")
        let name = try #require(FileManager.default.contentsOfDirectory(atPath: labels.path).first)
        try Data(contentsOf: labels.appendingPathComponent(name)).write(to: phantoms.label)
      case .missingLabel: try FileManager.default.removeItem(at: phantoms.label)
      case .missingImage: try FileManager.default.removeItem(at: phantoms.image)
      case .cutLabel: try Data(Data(contentsOf: phantoms.label).prefix(120)).write(to: phantoms.label)
      }
    }
  }

  @Test(arguments: Damage.allCases)
  func everyCommandRefusesItInOneSentence(damage: Damage) throws {
    let phantoms = try Phantoms()
    defer { phantoms.remove() }
    let plan = phantoms.folder.appendingPathComponent("plan")
    #expect(try segbench(["plan", phantoms.dataset.path, "--output", plan.path]).code == 0)
    try damage.apply(to: phantoms)
    let plans = plan.appendingPathComponent("nnUNetPlans.json")
    let again = phantoms.folder.appendingPathComponent("again")
    let prepared = phantoms.folder.appendingPathComponent("prepared")
    let name = phantoms.label.lastPathComponent.replacingOccurrences(of: ".nii.gz", with: "")
    for command in [
      ["dataset", "verify", phantoms.dataset.path], ["plan", phantoms.dataset.path, "--output", again.path],
      ["preprocess", phantoms.dataset.path, "--plans", plans.path, "--output", prepared.path],
    ] {
      let result = try segbench(command)
      #expect(result.code == 2, "\(command[0]): \(result.errors)")
      #expect(result.output.isEmpty)
      #expect(result.errors.contains("segbench: ") && result.errors.contains(name), "\(command[0]): \(result.errors)")
      #expect(!result.errors.contains("Fatal"))
    }
    // Of the case in question nothing is left, nor any half-written file.
    let left =
      ((try? FileManager.default.subpathsOfDirectory(atPath: prepared.path)) ?? [])
      + ((try? FileManager.default.subpathsOfDirectory(atPath: again.path)) ?? [])
    #expect(!left.contains { $0.contains(name) || $0.contains(".partial") || $0.hasSuffix(".json") }, "\(left)")
  }

  @Test func aTypoInARecipeIsPlaced() throws {
    try withTemporaryHome { home in
      let recipe = home.appendingPathComponent("Recipes/typo.yaml")
      try Data("inherits: [meddinov3/table1/1-random-init-640.yaml]\ntraining:\n  epocs: 3\n".utf8).write(to: recipe)
      for command in [["run", "Recipes/typo.yaml"], ["explain", "Recipes/typo.yaml"]] {
        let result = try segbench(command, home: home)
        #expect(result.code == 2)
        #expect(
          result.errors.contains("Recipes/typo.yaml:3:3") && result.errors.contains("`training.epochs`"),
          "\(result.errors)")
      }
      #expect(!FileManager.default.fileExists(atPath: home.appendingPathComponent("runs").path))
    }
  }

  /// A row of predictions made elsewhere, in a table of its own: what is missing is named at once, and the table shows it.
  @Test func predictionsThatAreNotThereAreNamed() throws {
    let home = FileManager.default.temporaryDirectory.appendingPathComponent("segbench-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: home) }
    try FileManager.default.createDirectory(at: home, withIntermediateDirectories: true)
    try FileManager.default.copyItem(
      at: repository.appendingPathComponent("Recipes"), to: home.appendingPathComponent("Recipes"))
    func write(_ text: String, _ name: String) throws {
      try Data(text.utf8).write(to: home.appendingPathComponent("Recipes/\(name)"))
    }
    try write(
      "kind: predictions\ntitle: Theirs\ninherits: [meddinov3/protocol.yaml, datasets/lits.yaml]\n"
        + "predictions: {folder: theirs}\n", "theirs.yaml")
    try write(
      "title: Mine\nrows:\n  - labels: [Another program]\n    recipes: {lits: theirs.yaml}\n", "mine.yaml")
    let run = try segbench(["run", "Recipes/mine.yaml", "--profile", "quick"], home: home)
    #expect(run.code == 2 && run.errors.contains("theirs (the folder of predicted label maps"), "\(run.errors)")
    let status = try segbench(["status", "Recipes/mine.yaml", "--profile", "quick"], home: home)
    #expect(
      status.code == 0 && status.output.contains("missing   Theirs, seed 0: nothing to train"), "\(status.output)")
    let report = try segbench(
      ["report", "Recipes/mine.yaml", "--profile", "quick", "--output", "Results/quick"], home: home)
    #expect(
      report.code == 0 && report.output.contains("| Another program | missing"), "\(report.output)\(report.errors)")
    #expect(report.output.contains("segbench run Recipes/theirs.yaml --profile quick"))
    #expect(FileManager.default.fileExists(atPath: home.appendingPathComponent("Results/quick/mine.json").path))
    // In place of a paper's rows or beside them.
    try write(
      "title: Both\npublished: meddinov3/published.yaml\ntable: table2\nrows:\n  - published: nnu-net\n"
        + "    recipes: {lits: meddinov3/table2/lits-nnu-net.yaml}\n  - labels: [Another program]\n"
        + "    recipes: {lits: theirs.yaml}\n", "both.yaml")
    let both = try segbench(["report", "both", "--profile", "quick"], home: home)
    #expect(both.code == 0 && both.output.contains("Another program"), "\(both.errors)")
    let compare = try segbench(["compare", "Recipes/theirs.yaml", "Recipes/theirs.yaml"], home: home)
    #expect(compare.code == 2 && compare.errors.contains("no finished run"), "\(compare.errors)")
  }

  @Test func aRunOfAnotherVersionIsRefused() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("segbench-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try HDF5File.create(folder.appendingPathComponent("run.h5"), sealed: true) { file in
      try file.setAttribute("format", of: "/", to: "segbench run")
      try file.setAttribute("version", of: "/", to: 999)
    }
    let phantoms = try Phantoms()
    defer { phantoms.remove() }
    let output = folder.appendingPathComponent("output")
    for command in [
      ["predict", "--run", folder.path, "--output", output.path, phantoms.image.path],
      ["compare", folder.path, folder.path], ["archive", "pack", folder.path, "--output", output.path],
    ] {
      let result = try segbench(command)
      #expect(result.code == 2)
      #expect(result.errors.contains("999") && result.errors.contains("version 4"), "\(result.errors)")
      #expect(!FileManager.default.fileExists(atPath: output.path))
    }
  }

  @Test(arguments: [
    (["archive", "verify", "/nonexistent"], "no such file"), (["archive", "verify", "README.md"], "no seal"),
    (["archive", "replay", "README.md"], "no seal"), (["archive", "pack", "zz", "--output", "x"], "no run"),
    (["compare", "ffff", "ffff"], "no run"), (["report", "table9"], "claims"),
    (["report", "Recipes/none.yaml"], "no table file of that name"),
    (["report", "Recipes/meddinov3/table1/1-random-init-640.yaml"], "is no table: a table's file has `rows`"),
    (["compare", "Recipes/none.yaml", "published:table1"], "none.yaml"),
  ])
  func mistakesWithArchivesAndComparisons(words: [String], mention: String) throws {
    let result = try segbench(words)
    #expect(result.code == 2)
    #expect(result.errors.contains(mention), "\(result.errors)")
  }

  @Test func claimsAndDeviationsAreReported() throws {
    try withTemporaryHome { home in
      let claims = try segbench(["report", "claims", "--profile", "quick"], home: home)
      #expect(claims.code == 0, "\(claims.errors)")
      #expect(claims.output.contains("Two key refinements") && claims.output.contains("not run"))
      #expect(!FileManager.default.fileExists(atPath: home.appendingPathComponent("Results").path))
      let deviations = try segbench(["report", "deviations"], home: home)
      #expect(deviations.code == 0 && deviations.output.contains("| KoLeo"))
    }
  }

  /// Weights of a training that came apart, finite themselves: no figure can be drawn of what they make.
  @Test func weightsThatMakeNoNumbersAreNamed() throws {
    try withTemporaryFolder { folder in
      let fixtures = repository.appendingPathComponent("Tests/NetworksTests/Fixtures")
      let file = try WeightFile(contentsOf: fixtures.appendingPathComponent("small_dinov3.pth"))
      let name = try #require(file.tensors.keys.sorted().first { $0.contains("patch_embed") && $0.hasSuffix("weight") })
      var tensors = file.tensors
      let floats = try #require(tensors[name]?.floats())
      tensors[name] = StoredTensor(shape: tensors[name]!.shape, floats: floats.map { _ in 3e38 })
      let weights = folder.appendingPathComponent("w.safetensors")
      try WeightFile.write(tensors, metadata: ["encoder.heads": "2"], to: weights)
      let image = folder.appendingPathComponent("i.png")
      try PNGImage(width: 64, height: 64, channels: 1, pixels: (0..<4096).map { UInt8($0 / 16 % 256) }).write(to: image)
      for figure in ["1", "3", "4"] {
        let drawn = try segbench(
          "figure", "meddinov3/\(figure)", "--profile", "quick", "--image", image.path, "--weights", weights.path,
          "--size",
          "64")
        #expect(drawn.code == 2 && drawn.errors.contains("not finite"), "\(figure): \(drawn)")
      }
    }
  }
}
