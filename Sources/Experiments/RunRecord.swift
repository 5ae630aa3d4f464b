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
    /// SHA-256 of the trained weights' file.
    public var weightsDigest: String
    /// Seconds by phase, such as "train", "predict".
    public var seconds: [String: Double]

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

  /// Per-case, per-class metrics of the validation cases; NaN where undefined.
  public struct Metrics: Sendable {
    public var cases: [String]
    /// Label value and name of each foreground class.
    public var classes: [(label: Int, name: String)]
    /// `[case][class]`, fractions.
    public var dsc: [[Double]]
    public var nsd: [[Double]]
    /// Millimetres.
    public var hd95: [[Double]]
    /// SHA-256 of each case's predicted file.
    public var predictionDigests: [String]
    /// What a predictor that knows only positions (`PositionPrior`) scores, `[case][class]`.
    public var positionPriorDSC: [[Double]]
    public var positionPriorNSD: [[Double]]

    public init(
      cases: [String], classes: [(label: Int, name: String)], dsc: [[Double]], nsd: [[Double]], hd95: [[Double]],
      predictionDigests: [String], positionPriorDSC: [[Double]], positionPriorNSD: [[Double]]
    ) {
      self.cases = cases
      self.classes = classes
      self.dsc = dsc
      self.nsd = nsd
      self.hd95 = hd95
      self.predictionDigests = predictionDigests
      self.positionPriorDSC = positionPriorDSC
      self.positionPriorNSD = positionPriorNSD
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
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    let descriptionText = String(decoding: try encoder.encode(description), as: UTF8.self)
    let provenanceText = String(decoding: try encoder.encode(provenance), as: UTF8.self)
    try HDF5File.create(url) { file in
      try file.setAttribute("format", of: "/", to: RunRecord.format)
      try file.setAttribute("version", of: "/", to: RunRecord.version)
      try file.write(text: descriptionText, to: "description")
      try file.write(text: recipe, to: "recipe")
      try file.write(text: provenanceText, to: "provenance")
      try file.createGroup("curves")
      for curve in curves {
        try file.write(curve.values, shape: [curve.values.count], to: "curves/\(curve.name)")
      }
      try file.write(texts: curves.map(\.name), to: "curve names")
      if let metrics {
        let shape = [metrics.cases.count, metrics.classes.count]
        try file.write(texts: metrics.cases, to: "metrics/cases")
        try file.write(metrics.classes.map(\.label), shape: [metrics.classes.count], to: "metrics/labels")
        try file.write(texts: metrics.classes.map(\.name), to: "metrics/classes")
        try file.write(metrics.dsc.flatMap { $0 }, shape: shape, to: "metrics/dsc")
        try file.write(metrics.nsd.flatMap { $0 }, shape: shape, to: "metrics/nsd")
        try file.write(metrics.hd95.flatMap { $0 }, shape: shape, to: "metrics/hd95")
        try file.write(metrics.positionPriorDSC.flatMap { $0 }, shape: shape, to: "metrics/position prior dsc")
        try file.write(metrics.positionPriorNSD.flatMap { $0 }, shape: shape, to: "metrics/position prior nsd")
        try file.write(texts: metrics.predictionDigests, to: "metrics/prediction sha256")
      }
    }
  }

  private static let format = "segbench run"
  private static let version = 1

  /// Reads a record.
  /// - Throws: `RunRecordError` when the file is of another format or version, or is damaged.
  public static func read(_ url: URL) throws -> RunRecord {
    let file = try HDF5File(reading: url)
    guard (try? file.attribute("format", of: "/")) == format else { throw RunRecordError.notARecord(url.path) }
    let version = try file.attribute("version", of: "/", as: Int.self).first ?? 0
    guard version == Self.version else {
      throw RunRecordError.otherVersion(path: url.path, found: version, expected: Self.version)
    }
    let decoder = JSONDecoder()
    func decode<Value: Decodable>(_ type: Value.Type, _ name: String) throws -> Value {
      do { return try decoder.decode(type, from: Data(file.readText(name).utf8)) } catch is DecodingError {
        throw RunRecordError.damaged(path: url.path, part: name)
      }
    }
    var record = RunRecord(
      description: try decode(Description.self, "description"), recipe: try file.readText("recipe"),
      provenance: try decode(Provenance.self, "provenance"),
      curves: try file.readTexts("curve names").map { ($0, try file.read("curves/\($0)", as: Double.self).values) },
      metrics: nil)
    guard file.exists("metrics") else { return record }
    let cases = try file.readTexts("metrics/cases")
    let labels = try file.read("metrics/labels", as: Int.self).values
    let names = try file.readTexts("metrics/classes")
    guard labels.count == names.count else { throw RunRecordError.damaged(path: url.path, part: "metrics/classes") }
    func table(_ name: String) throws -> [[Double]] {
      let values = try file.read("metrics/\(name)", as: Double.self).values
      guard values.count == cases.count * labels.count else {
        throw RunRecordError.damaged(path: url.path, part: "metrics/\(name)")
      }
      return cases.indices.map { Array(values[($0 * labels.count)..<(($0 + 1) * labels.count)]) }
    }
    record.metrics = Metrics(
      cases: cases, classes: zip(labels, names).map { ($0, $1) }, dsc: try table("dsc"), nsd: try table("nsd"),
      hd95: try table("hd95"), predictionDigests: try file.readTexts("metrics/prediction sha256"),
      positionPriorDSC: try table("position prior dsc"), positionPriorNSD: try table("position prior nsd"))
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
      "\(path) has format version \(found), but this segbench reads version \(expected): run it again, or use the segbench that wrote it"
    case .damaged(let path, let part):
      "\(path) is damaged: \"\(part)\" cannot be read; remove the run folder and run it again"
    }
  }
}
