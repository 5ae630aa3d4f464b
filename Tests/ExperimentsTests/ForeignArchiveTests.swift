import Evaluation
import Experiments
import Files
import Foundation
import Imaging
import Pretraining
import Recipes
import Testing

/// Archives whose seals fit and whose content is wrong: each wrong field is found or refused with a sentence, and none ends
/// the process.
@Suite(.serialized) struct ForeignArchiveTests {
  /// A run of a row, unpacked, and its record.
  private final class Unpacked {
    let place: TemporaryWorkspace
    let folder: URL
    let record: RunRecord
    var identity: String { record.description.identity }
    var run: URL { folder.appendingPathComponent("runs/\(identity)") }
    var verification: ArchiveVerification {
      ArchiveVerification(unpacked: folder, runner: Runner(workspace: place.workspace))
    }

    init() throws {
      place = try TemporaryWorkspace()
      let runner = Runner(workspace: place.workspace)
      record = try runner.run(place.row("1-random-init-640"), seed: 0)
      folder = place.workspace.root.appendingPathComponent("unpacked")
      let archive = place.workspace.root.appendingPathComponent("row.segbench")
      _ = try Archive.pack([runner.folder(record.description.identity)], of: place.workspace, to: archive)
      _ = try Archive.unpack(archive, to: folder)
    }

    /// What verifying says of the record with a change; nil when it calls everything sound.
    func complaint(_ change: (inout RunRecord) -> Void) throws -> String? {
      var changed = record
      change(&changed)
      try changed.write(to: run.appendingPathComponent("run.h5"))
      do {
        let verified = try verification.verify(identity)
        return verified.findings.first { $0.verdict == .broken }.map { "\($0.what): \($0.detail)" }
      } catch let error as any InputError { return error.description }
    }
  }

  @Test func everyWrongFieldIsFound() throws {
    let unpacked = try Unpacked()
    #expect(try unpacked.complaint { _ in } == nil)
    let identity = unpacked.identity
    let other = String(repeating: "a", count: 64)
    typealias Change = (inout RunRecord) -> Void
    let changes: [(name: String, says: String, change: Change)] = [
      ("title", "record", { $0.description.title = "the best" }),
      ("kind", "record", { $0.description.kind = "pretraining" }),
      ("profile", "record", { $0.description.profile = "paper" }),
      ("seed", "identity", { $0.description.seed = 1 }),
      ("negative seed", "seed", { $0.description.seed = -1 }),
      ("data", "identity", { $0.description.dataDigest = other }),
      ("no digest", "SHA-256", { $0.description.dataDigest = "x" }),
      ("initial weights", "identity", { $0.description.initialWeightsDigest = other }),
      ("folds", "identity", { $0.description.splitsDigest = other }),
      ("predictions of others", "identity", { $0.description.predictionsDigest = other }),
      ("weights", "weights", { $0.description.weightsDigest = other }),
      ("identity", "calls itself", { $0.description.identity = String(repeating: "b", count: 40) }),
      ("extent", "cases", { $0.description.extent?.validationCases = 7 }),
      ("itself", "starts from itself", { $0.description.dependencies = [identity] }),
      ("a path", "no identity", { $0.description.dependencies = [identity + "/x"] }),
      ("above", "no identity", { $0.description.dependencies = ["../../../../etc"] }),
      ("two runs", "at most", { $0.description.dependencies = [identity, identity] }),
      ("absent run", "not there", { $0.description.dependencies = [String(repeating: "c", count: 40)] }),
      ("engine", "identity", { $0.provenance.engineVersion = "0.1.0" }),
      ("recipe", "", { $0.recipe = "kind: segmentation\n" }),
      ("no metrics", "no metrics", { $0.metrics = nil }),
      ("long curves", "epochs", { $0.curves = .training($0.curves.epochs + $0.curves.epochs, classes: []) }),
      ("no curves", "curves", { $0.curves = .none }),
      ("infinite loss", "training loss", { $0.curves.setFirst(\.trainingLoss, .infinity) }),
      ("no validation loss", "validation loss", { $0.curves.setFirst(\.validationLoss, nil) }),
      (
        "pseudo-Dice", "pseudo-Dice",
        { $0.curves.setFirst(\.classDice, [1.5] + $0.curves.epochs[0].classDice.dropFirst()) }
      ),
      (
        "no quotient of counts", "pseudo-Dice",
        { $0.curves.setFirst(\.classDice, [1e-86] + $0.curves.epochs[0].classDice.dropFirst()) }
      ),
      (
        "mean's last bit", "mean pseudo-Dice of epoch 1",
        { $0.curves.setFirst(\.pseudoDice, $0.curves.epochs[0].pseudoDice.map { $0 == 0 ? 1e-86 : $0.nextUp }) }
      ),
      ("mean pseudo-Dice", "mean pseudo-Dice of epoch 1", { $0.curves.setFirst(\.pseudoDice, 0.9375) }),
      ("smoothed", "smoothed pseudo-Dice of epoch 1", { $0.curves.setFirst(\.smoothedPseudoDice, 0.9375) }),
      ("negative epoch", "seconds of entry 1", { $0.curves.setFirst(\.seconds, -1) }),
      ("training's seconds", "those of its epochs", { $0.description.seconds["train"] = 1e6 }),
      ("negative seconds", "seconds of \"predict\"", { $0.description.seconds["predict"] = -1 }),
      ("other phase", "\"nap\"", { $0.description.seconds["nap"] = 1 }),
      ("lacking phase", "\"evaluate\"", { $0.description.seconds["evaluate"] = nil }),
      ("no threads", "0 threads", { $0.provenance.threads = 0 }),
      ("instruction set", "instruction set", { $0.provenance.instructionSet = "quantum" }),
      ("no version", "engine version", { $0.provenance.engineVersion = "9" }),
      ("later version", "identity", { $0.provenance.engineVersion = "99.0.0" }),
      ("commit", "git commit", { $0.provenance.gitCommit = "main" }),
      ("processor", "processor", { $0.provenance.processor = "\u{1b}[2J" }),
      ("library", "OpenBLAS", { $0.provenance.libraries["OpenBLAS"] = "" }),
      ("system", "operating system", { $0.provenance.operatingSystem = String(repeating: "x", count: 1001) }),
      ("patch", "patch", { $0.description.extent?.patch = [0, 80] }),
      ("images", "-1 cases or images", { $0.description.extent?.images = -1 }),
      ("terminal", "control", { $0.description.title += "\u{1b}[2J" }),
      ("fewer classes", "other classes", { $0.metrics!.setClasses($0.metrics!.classes.count - 1) }),
      ("more classes", "other classes", { $0.metrics!.setClasses($0.metrics!.classes.count + 1) }),
      ("no class", "other classes", { $0.metrics!.setClasses(0) }),
      ("class's name", "other classes", { $0.metrics!.classes[0].name = "other" }),
      ("class's label", "label", { $0.metrics!.classes[0].label = 1 << 40 }),
      ("one label twice", "one label", { $0.metrics!.classes[0].label = $0.metrics!.classes[1].label }),
      ("DSC", "DSC", { $0.metrics!.measured[0].classes[0].dsc = 1 }),
      ("DSC beyond 1", "metrics/dsc", { $0.metrics!.measured[0].classes[0].dsc = 1.5 }),
      ("NSD", "metrics/nsd", { $0.metrics!.measured[0].classes[0].nsd = .infinity }),
      ("HD95", "metrics/hd95", { $0.metrics!.measured[0].classes[0].hd95 = -1 }),
      ("reference", "reference's voxels", { $0.metrics!.measured[0].classes[0].referenceVoxels += 1 }),
      ("prediction", "prediction voxels", { $0.metrics!.measured[0].classes[0].predictionVoxels = .min }),
      ("diagonal", "diagonal", { $0.metrics!.measured[0].diagonal = .nan }),
      ("digest", "predictions", { $0.metrics!.predictionDigests[0] = other }),
      ("blind", "predictor", { $0.metrics!.setPredictors { _ in 0.5 } }),
      ("averaging", "averaging", { $0.metrics!.averaging.absent = .zero }),
    ]
    for (name, says, change) in changes {
      let found = try unpacked.complaint(change)
      #expect(found != nil, "\(name) passed")
      #expect(says.isEmpty || found?.contains(says) == true, "\(name): \(found ?? "")")
    }
    for name in [
      "", ".", "..", "../../x", "/etc/passwd", "a/b", "a\\b", "a\nb", "\u{9b}2J", String(repeating: "x", count: 250),
    ] {
      let found = try unpacked.complaint { $0.metrics!.measured[0].name = name }
      #expect(found?.contains("a case is called") == true, "\(name): \(found ?? "")")
    }
  }

  /// Of a pretraining, too, and of what a later program records nothing is claimed.
  @Test func wrongCurvesOfAPretrainingAreFound() throws {
    let place = try TemporaryWorkspace()
    let runner = Runner(workspace: place.workspace)
    let recipe = try #require(place.row("2-dinov3-640").pretraining)
    let record = try runner.run(recipe, seed: recipe.recipe.seeds[0])
    let folder = place.workspace.root.appendingPathComponent("unpacked")
    let archive = place.workspace.root.appendingPathComponent("a.segbench")
    let identity = record.description.identity
    _ = try Archive.pack([runner.folder(identity)], of: place.workspace, to: archive)
    _ = try Archive.unpack(archive, to: folder)
    func finding(_ change: (inout RunRecord) -> Void) throws -> VerifiedRun.Finding? {
      var changed = record
      change(&changed)
      try changed.write(to: folder.appendingPathComponent("runs/\(identity)/run.h5"))
      return try ArchiveVerification(unpacked: folder, runner: runner).verify(identity).findings.first
    }
    #expect(try finding { _ in }?.verdict == .sound)
    let changes: [(says: String, change: (inout RunRecord) -> Void)] = [
      ("view loss", { $0.curves.setRecord { $0.viewLoss = .nan } }),
      ("iteration 3", { $0.curves.setRecord { $0.iterations = 3 } }),
      ("not those of a pretraining", { $0.curves = .none }),
      ("leave", { $0.curves = .pretraining($0.curves.records + $0.curves.records.suffix(1)) }),
      ("\"train\"", { $0.description.seconds = [:] }),
    ]
    for (says, change) in changes {
      let found = try finding(change)
      #expect(found?.verdict == .broken && found?.detail.contains(says) == true, "\(says): \(found?.detail ?? "")")
    }
    let later = try finding { $0.provenance.engineVersion = "99.0.0" }
    #expect(later?.verdict == .unchecked && later?.detail.contains("later than this program's") == true)
  }

  /// What takes longer than it may is named: each piece of the work by itself.
  @Test func everyPieceOfWorkHasALimitOfTime() throws {
    let unpacked = try Unpacked()
    let said = Said()
    let limits = TimeLimits(factor: 1e-12) { said.add($0) }
    let verification = ArchiveVerification(
      unpacked: unpacked.folder, runner: Runner(workspace: unpacked.place.workspace), limits: limits)
    #expect(try verification.verify(unpacked.identity).isSound)
    let name = "of run \(unpacked.identity.prefix(10))"
    for work in [
      "reading the record", "comparing the cases", "hashing weights.safetensors", "generating the phantoms",
      "scoring the predictions",
    ] {
      #expect(said.contains("\(work) \(name) took longer than"), "\(work)")
    }
  }

  /// A training case, scored with its own reference as the prediction; a case less; a case twice.
  @Test func onlyTheFoldThatWasLeftOutIsScored() throws {
    let unpacked = try Unpacked()
    let files = try FileManager.default.subpathsOfDirectory(atPath: unpacked.place.workspace.generated.path).sorted()
    let own = Set(try #require(unpacked.record.metrics).cases)
    let label = try #require(
      files.first { path in
        path.contains("labelsTr/") && path.hasSuffix(".nii.gz")
          && !own.contains(URL(fileURLWithPath: path).lastPathComponent.replacingOccurrences(of: ".nii.gz", with: ""))
      })
    let source = unpacked.place.workspace.generated.appendingPathComponent(label)
    let name = source.lastPathComponent.replacingOccurrences(of: ".nii.gz", with: "")
    try FileManager.default.copyItem(
      at: source, to: unpacked.run.appendingPathComponent("predictions/\(name).nii.gz"))
    let digest = try Digest.sha256(ofContentOf: source)
    func score(_ record: inout RunRecord) {
      record.metrics!.measured[0].name = name
      record.metrics!.predictionDigests[0] = digest
      for index in record.metrics!.classes.indices {
        record.metrics!.measured[0].classes[index].dsc = 1
        record.metrics!.measured[0].classes[index].nsd = 1
      }
    }
    #expect(try unpacked.complaint(score)?.contains("it was learned from") == true)
    // Without the list of the dataset's files, once the dataset is there.
    try FileManager.default.removeItem(at: unpacked.run.appendingPathComponent("data.sha256"))
    #expect(try unpacked.complaint(score)?.contains("it was learned from") == true)
    let fewer = try unpacked.complaint { record in
      var metrics = record.metrics!
      metrics.measured.removeLast()
      metrics.predictionDigests.removeLast()
      metrics.priors = metrics.priors.map {
        PredictorScores(
          name: $0.name, scores: ScoreTable(classes: $0.scores.classes, cases: $0.scores.cases.dropLast()))
      }
      record.metrics = metrics
    }
    #expect(fewer?.contains("is not scored") == true, "\(fewer ?? "")")
    if own.count > 1 {
      let twice = try unpacked.complaint { $0.metrics!.measured[1].name = $0.metrics!.measured[0].name }
      #expect(twice?.contains("twice") == true, "\(twice ?? "")")
    }
  }

  /// Small files that would become large: a prediction on another grid, phantoms beyond any table's, zeros compressed.
  @Test func sizesAreBoundedBeforeWork() throws {
    let unpacked = try Unpacked()
    let name = try #require(unpacked.record.metrics).cases[0]
    let file = unpacked.run.appendingPathComponent("predictions/\(name).nii.gz")
    let sound = try Data(contentsOf: file)
    let shape = [1, 1, 7]
    let header = NIfTIHeader(shape: shape, spacing: [1, 1, 1])
    try NIfTI.write(Volume(shape: shape, voxels: [Int16](repeating: 0, count: 7), header: header), to: file)
    let grid = try unpacked.complaint { $0.metrics!.predictionDigests[0] = try! Digest.sha256(ofContentOf: file) }
    #expect(grid?.contains("voxels [z, y, x]") == true, "\(grid ?? "")")
    try sound.write(to: file)

    // A run of the same files under a recipe of large phantoms, with the identity that follows.
    let library = RecipeLibrary(root: unpacked.place.workspace.recipes)
    var record = unpacked.record
    let lines = record.recipe.split(separator: "\n", omittingEmptySubsequences: false)
    record.recipe = lines.map { line in
      line.contains("size: [48, 48, 8]")
        ? line.replacingOccurrences(of: "[48, 48, 8]", with: "[1024, 1024, 1024]") : String(line)
    }.joined(separator: "\n")
    #expect(record.recipe != unpacked.record.recipe)
    let recipe = try library.read(resolvedText: record.recipe)
    let text =
      ["engine \(record.provenance.engineVersion)", recipe.identityText(seed: 0)]
      + ["input \(record.description.dataDigest)", "input "]
    let identity = String(Digest.sha256(of: text.joined(separator: "\n")).prefix(40))
    record.description.identity = identity
    let folder = unpacked.folder.appendingPathComponent("runs/\(identity)")
    try FileManager.default.copyItem(at: unpacked.run, to: folder)
    try record.write(to: folder.appendingPathComponent("run.h5"))
    try Data(record.recipe.utf8).write(to: folder.appendingPathComponent("recipe.yaml"))
    let before = try FileManager.default.subpathsOfDirectory(atPath: unpacked.place.workspace.generated.path).count
    let findings = try unpacked.verification.verify(identity).findings
    #expect(findings.last?.what == "metrics" && findings.last?.verdict == .unchecked, "\(findings)")
    #expect(findings.last?.detail.contains("1024 x 1024 x 1024") == true, "\(findings)")
    let after = try FileManager.default.subpathsOfDirectory(atPath: unpacked.place.workspace.generated.path).count
    #expect(before == after)
  }

  @Test func filesLongerThanTheArchiveAreNotUnpacked() throws {
    let place = try TemporaryWorkspace()
    let archive = place.workspace.root.appendingPathComponent("zeros.segbench")
    let zeros = [UInt8](repeating: 0, count: 8 << 20)
    let path = "runs/\(String(repeating: "0", count: 40))/weights.safetensors"
    try HDF5File.create(archive, sealed: true) { file in
      try file.setAttribute("format", of: "/", to: "segbench archive")
      try file.setAttribute("version", of: "/", to: 2)
      try file.write(
        zeros, shape: [zeros.count], to: path.replacingOccurrences(of: "/weights", with: "/files/weights"),
        chunk: [zeros.count], deflate: 9)
      try file.write(texts: ["\(Digest.sha256(of: Data(zeros)))  \(path)"], to: "manifest")
    }
    do {
      _ = try Archive.unpack(archive, to: place.workspace.root.appendingPathComponent("out"))
      Issue.record("it was unpacked")
    } catch { #expect("\(error)".contains("longer than itself"), "\(error)") }
  }

  /// Chains that bite their tails, or do not end.
  @Test func chainsOfRunsEnd() throws {
    let place = try TemporaryWorkspace()
    let runner = Runner(workspace: place.workspace)
    let verification = ArchiveVerification(unpacked: place.workspace.root, runner: runner)
    func name(_ index: Int) -> String { String(repeating: "0", count: 37) + "\(100 + index)" }
    func write(_ index: Int, from: [String]) throws {
      let folder = place.workspace.root.appendingPathComponent("runs/\(name(index))")
      try makeFolder(folder)
      try RunRecord(
        description: .init(
          identity: name(index), title: "t", kind: "pretraining", profile: "quick", seed: 0, dataDigest: "",
          initialWeightsDigest: "", dependencies: from, weightsDigest: "", seconds: [:]),
        recipe: "kind: pretraining\n", provenance: .current(root: folder), curves: .none, metrics: nil
      ).write(to: folder.appendingPathComponent("run.h5"))
    }
    func complaint() -> String {
      do {
        _ = try verification.verify(name(0))
        return ""
      } catch { return "\(error)" }
    }
    for length in [1, 2, 3] {
      for index in 0..<length { try write(index, from: [name((index + 1) % length)]) }
      #expect(complaint().contains("starts from itself"), "a circle of \(length): \(complaint())")
    }
    let archive = place.workspace.root.appendingPathComponent("a.segbench")
    #expect(throws: ArchiveError.self) {
      try Archive.pack([runner.folder(name(0))], of: place.workspace, to: archive)
    }
    for index in 0..<60 { try write(index, from: [name(index + 1)]) }
    try write(60, from: [])
    #expect(complaint().contains("more than 16 pretrainings"), "\(complaint())")
  }
}

extension RunCurves {
  /// Gives the first epoch of a supervised training another value.
  fileprivate mutating func setFirst<Value>(_ value: WritableKeyPath<CurvePoint, Value>, _ other: Value) {
    guard case .training(var points, let classes) = self else { return }
    points[0][keyPath: value] = other
    self = .training(points, classes: classes)
  }

  /// Changes a pretraining's first record.
  fileprivate mutating func setRecord(_ change: (inout PretrainingRecord) -> Void) {
    guard case .pretraining(var records) = self else { return }
    change(&records[0])
    self = .pretraining(records)
  }
}

extension RunRecord.Metrics {
  /// As many classes, the further ones without a voxel.
  fileprivate mutating func setClasses(_ count: Int) {
    func fitted<Value>(_ row: [Value], _ value: (Int) -> Value) -> [Value] {
      row.prefix(count) + (min(row.count, count)..<count).map(value)
    }
    classes = fitted(classes) { (label: 100 + $0, name: "further \($0)") }
    for row in measured.indices {
      measured[row].classes = fitted(measured[row].classes) { _ in
        ClassMetrics(dsc: nil, nsd: nil, hd95: nil, referenceVoxels: 0, predictionVoxels: 0)
      }
    }
    setPredictors { $0 < $1.count ? $1[$0] : nil }
  }

  /// Gives the predictors without a network other scores in the classes that there are now.
  private mutating func setPredictors(_ value: (_ class: Int, _ before: [Double?]) -> Double?) {
    priors = priors.map { predictor in
      PredictorScores(
        name: predictor.name,
        scores: ScoreTable(
          classes: classes.map(\.name),
          cases: predictor.scores.cases.map { item in
            CaseScores(
              name: item.name, dsc: classes.indices.map { value($0, item.dsc) },
              nsd: classes.indices.map { value($0, item.nsd) })
          }))
    }
  }

  fileprivate mutating func setPredictors(_ value: (_ class: Int) -> Double?) {
    setPredictors { index, _ in value(index) }
  }
}
