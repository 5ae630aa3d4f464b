import Evaluation
import Files
import Foundation

/// All that a finished run knows about itself: what `run.h5` holds.
public struct RunRecord: Sendable {
  /// What the run was, in plain values.
  public struct Description: Codable, Sendable {
    public var identity: String
    public var title: String
    public var kind: String
    public var profile: String
    public var seed: Int
    /// SHA-256 over the dataset's files.
    public var dataDigest: String
    /// SHA-256 of the initial weights' file; empty when they were random.
    public var initialWeightsDigest: String
    /// Identities of the runs this one started from.
    public var dependencies: [String]
    /// SHA-256 of the user's folds (`Splits.digest`); nil when they are nnU-Net's.
    public var splitsDigest: String?
    /// SHA-256 over the files that another tool predicted (`PredictedFolder.digest`); nil when the run predicted itself.
    public var predictionsDigest: String?
    /// SHA-256 of the trained weights' file; empty when nothing was trained.
    public var weightsDigest: String
    /// Seconds by phase, such as "train", "predict".
    public var seconds: [String: Double]
    /// The recipe's path below the recipes' root; "" where it is not known.
    public var recipePath = ""
    /// Nil in a record that no run of ours wrote.
    public var extent: RunExtent?
    /// The pretrainings before this run, the nearest first.
    public var startingRuns: [StartingRun] = []

    public init(
      identity: String, title: String, kind: String, profile: String, seed: Int, dataDigest: String,
      initialWeightsDigest: String, dependencies: [String], weightsDigest: String, seconds: [String: Double]
    ) {
      self.identity = identity
      self.title = title
      self.kind = kind
      self.profile = profile
      self.seed = seed
      self.dataDigest = dataDigest
      self.initialWeightsDigest = initialWeightsDigest
      self.dependencies = dependencies
      self.weightsDigest = weightsDigest
      self.seconds = seconds
    }
  }

  /// What a predictor that knows only positions scores, `[case][class]`, as `Metrics.dsc` and `Metrics.nsd`.
  public struct PositionScores: Sendable {
    public let rule: PositionRule
    public var dsc: [[Double]]
    public var nsd: [[Double]]

    public init(rule: PositionRule, dsc: [[Double]], nsd: [[Double]]) {
      self.rule = rule
      self.dsc = dsc
      self.nsd = nsd
    }
  }

  /// Per-case, per-class metrics of the validation cases as they were measured, before any rule of averaging; NaN where
  /// undefined.
  public struct Metrics: Sendable {
    public var cases: [String]
    /// Label value and name of each foreground class.
    public var classes: [(label: Int, name: String)]
    /// `[case][class]`, fractions: 0 where one of reference and prediction has the class, NaN where none has.
    public var dsc: [[Double]]
    public var nsd: [[Double]]
    /// Millimetres.
    public var hd95: [[Double]]
    /// `[case][class]`.
    public var referenceVoxels: [[Int]]
    public var predictionVoxels: [[Int]]
    /// Of each case's image, in millimetres.
    public var diagonals: [Double]
    /// The recipe's rules of the means when it ran; the values serve every other as well.
    public var averaging: Averaging
    /// SHA-256 of each case's predicted file.
    public var predictionDigests: [String]
    /// One for each rule, in the rules' order.
    public var positionPredictors: [PositionScores]

    public init(
      cases: [String], classes: [(label: Int, name: String)], dsc: [[Double]], nsd: [[Double]], hd95: [[Double]],
      referenceVoxels: [[Int]], predictionVoxels: [[Int]], diagonals: [Double], averaging: Averaging = Averaging(),
      predictionDigests: [String], positionPredictors: [PositionScores]
    ) {
      self.cases = cases
      self.classes = classes
      self.dsc = dsc
      self.nsd = nsd
      self.hd95 = hd95
      self.referenceVoxels = referenceVoxels
      self.predictionVoxels = predictionVoxels
      self.diagonals = diagonals
      self.averaging = averaging
      self.predictionDigests = predictionDigests
      self.positionPredictors = positionPredictors
    }
  }

  public var description: Description
  /// The resolved recipe, as YAML.
  public var recipe: String
  public var provenance: Provenance
  /// Per-epoch values by name, such as "training loss"; every curve as long as the epochs that ran.
  public var curves: [(name: String, values: [Double])]
  /// Nil for a pretraining run.
  public var metrics: Metrics?

  public init(
    description: Description, recipe: String, provenance: Provenance, curves: [(name: String, values: [Double])],
    metrics: Metrics?
  ) {
    self.description = description
    self.recipe = recipe
    self.provenance = provenance
    self.curves = curves
    self.metrics = metrics
  }

  /// Writes the record; the file appears whole or not at all.
  public func write(to url: URL) throws {
    try HDF5File.create(url, sealed: true) { file in
      try file.setAttribute("format", of: "/", to: RunRecord.format)
      try file.setAttribute("version", of: "/", to: RunRecord.version)
      try write(into: file, below: "")
    }
  }

  /// Writes the record's parts into a file, below "" or a path that ends in a slash.
  func write(into file: HDF5File, below group: String) throws {
    try file.write(text: Self.text(of: description), to: group + "description")
    try file.write(text: recipe, to: group + "recipe")
    try file.write(text: Self.text(of: provenance), to: group + "provenance")
    try file.createGroup(group + "curves")
    for curve in curves {
      try file.write(curve.values, shape: [curve.values.count], to: group + "curves/\(curve.name)")
    }
    try file.write(texts: curves.map(\.name), to: group + "curve names")
    guard let metrics else { return }
    let below = group + "metrics/"
    let shape = [metrics.cases.count, metrics.classes.count]
    try file.write(texts: metrics.cases, to: below + "cases")
    try file.write(metrics.classes.map(\.label), shape: [metrics.classes.count], to: below + "labels")
    try file.write(texts: metrics.classes.map(\.name), to: below + "classes")
    try file.write(metrics.dsc.flatMap { $0 }, shape: shape, to: below + "dsc")
    try file.write(metrics.nsd.flatMap { $0 }, shape: shape, to: below + "nsd")
    try file.write(metrics.hd95.flatMap { $0 }, shape: shape, to: below + "hd95")
    try file.write(metrics.referenceVoxels.flatMap { $0 }, shape: shape, to: below + "reference voxels")
    try file.write(metrics.predictionVoxels.flatMap { $0 }, shape: shape, to: below + "prediction voxels")
    try file.write(metrics.diagonals, shape: [metrics.cases.count], to: below + "image diagonal mm")
    try file.write(text: metrics.averaging.absent.rawValue, to: below + "absent")
    try file.write(text: metrics.averaging.missingDistance.rawValue, to: below + "hd95 missing")
    for predictor in metrics.positionPredictors {
      try file.write(predictor.dsc.flatMap { $0 }, shape: shape, to: below + "\(predictor.rule.rawValue) dsc")
      try file.write(predictor.nsd.flatMap { $0 }, shape: shape, to: below + "\(predictor.rule.rawValue) nsd")
    }
    try file.write(texts: metrics.predictionDigests, to: below + "prediction sha256")
  }

  private static func text(of value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }

  private static let format = "segbench run"
  private static let version = 3

  /// Reads a record.
  /// - Throws: `RunRecordError` when the file is of another format or version, or is damaged.
  public static func read(_ url: URL) throws -> RunRecord {
    let file = try HDF5File(readingSealed: url)
    guard (try? file.attribute("format", of: "/")) == format else { throw RunRecordError.notARecord(url.path) }
    let version = try file.attribute("version", of: "/", as: Int.self).first ?? 0
    guard version == Self.version else {
      throw RunRecordError.otherVersion(path: url.path, found: version, expected: Self.version)
    }
    return try read(from: file, below: "")
  }

  /// Reads the parts that `write(into:below:)` wrote.
  /// - Throws: `RunRecordError.damaged`, `HDF5Error`.
  static func read(from file: HDF5File, below group: String) throws -> RunRecord {
    let decoder = JSONDecoder()
    func decode<Value: Decodable>(_ type: Value.Type, _ name: String) throws -> Value {
      do { return try decoder.decode(type, from: Data(file.readText(group + name).utf8)) } catch is DecodingError {
        throw RunRecordError.damaged(path: file.path, part: group + name)
      }
    }
    var record = RunRecord(
      description: try decode(Description.self, "description"), recipe: try file.readText(group + "recipe"),
      provenance: try decode(Provenance.self, "provenance"),
      curves: try file.readTexts(group + "curve names").map {
        ($0, try file.read(group + "curves/\($0)", as: Double.self).values)
      }, metrics: nil)
    guard file.exists(group + "metrics") else { return record }
    let below = group + "metrics/"
    let cases = try file.readTexts(below + "cases")
    let labels = try file.read(below + "labels", as: Int.self).values
    let names = try file.readTexts(below + "classes")
    let digests = try file.readTexts(below + "prediction sha256")
    guard labels.count == names.count else { throw RunRecordError.damaged(path: file.path, part: below + "classes") }
    guard digests.count == cases.count else {
      throw RunRecordError.damaged(path: file.path, part: below + "prediction sha256")
    }
    func table<Value: HDF5Element>(_ name: String, of type: Value.Type) throws -> [[Value]] {
      let values = try file.read(below + name, as: type).values
      guard values.count == cases.count * labels.count else {
        throw RunRecordError.damaged(path: file.path, part: below + name)
      }
      return cases.indices.map { Array(values[($0 * labels.count)..<(($0 + 1) * labels.count)]) }
    }
    func table(_ name: String) throws -> [[Double]] { try table(name, of: Double.self) }
    func rule<Rule: RawRepresentable>(_ name: String, _ type: Rule.Type) throws -> Rule where Rule.RawValue == String {
      guard let rule = Rule(rawValue: try file.readText(below + name)) else {
        throw RunRecordError.damaged(path: file.path, part: below + name)
      }
      return rule
    }
    let diagonals = try file.read(below + "image diagonal mm", as: Double.self).values
    guard diagonals.count == cases.count else {
      throw RunRecordError.damaged(path: file.path, part: below + "image diagonal mm")
    }
    record.metrics = Metrics(
      cases: cases, classes: zip(labels, names).map { ($0, $1) }, dsc: try table("dsc"), nsd: try table("nsd"),
      hd95: try table("hd95"), referenceVoxels: try table("reference voxels", of: Int.self),
      predictionVoxels: try table("prediction voxels", of: Int.self), diagonals: diagonals,
      averaging: Averaging(
        absent: try rule("absent", Averaging.AbsentClass.self),
        missingDistance: try rule("hd95 missing", Averaging.MissingDistance.self)),
      predictionDigests: digests,
      positionPredictors: try PositionRule.allCases.map {
        PositionScores(rule: $0, dsc: try table("\($0.rawValue) dsc"), nsd: try table("\($0.rawValue) nsd"))
      })
    return record
  }
}

/// What can be wrong with a `run.h5`.
public enum RunRecordError: InputError {
  case notARecord(String)
  case otherVersion(path: String, found: Int, expected: Int)
  case damaged(path: String, part: String)

  public var description: String {
    switch self {
    case .notARecord(let path): "\(path) is not a run's record: run.h5 of a run folder is wanted"
    case .otherVersion(let path, let found, let expected):
      "\(path) has format version \(found), but this segbench reads version \(expected): run it again with --fresh, or use the segbench that wrote it"
    case .damaged(let path, let part):
      "\(path) is damaged: \"\(part)\" cannot be read; segbench run makes it again from the last checkpoint"
    }
  }
}
