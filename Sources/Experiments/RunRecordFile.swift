import Evaluation
import Files
import Foundation

/// `run.h5`.
extension RunRecord {
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
    let columns = curves.columns
    for column in columns {
      try file.write(column.values, shape: [column.values.count], to: group + "curves/\(column.name)")
    }
    try file.write(texts: columns.map(\.name), to: group + "curve names")
    guard let metrics else { return }
    let below = group + "metrics/"
    let shape = [metrics.measured.count, metrics.classes.count]
    func write<Value: HDF5Element>(_ name: String, _ value: (ClassMetrics) -> Value) throws {
      try file.write(metrics.measured.flatMap { $0.classes.map(value) }, shape: shape, to: below + name)
    }
    try file.write(texts: metrics.cases, to: below + "cases")
    try file.write(metrics.classes.map(\.label), shape: [metrics.classes.count], to: below + "labels")
    try file.write(texts: metrics.classes.map(\.name), to: below + "classes")
    // An undefined value is NaN in the file.
    try write("dsc") { $0.dsc ?? .nan }
    try write("nsd") { $0.nsd ?? .nan }
    try write("hd95") { $0.hd95 ?? .nan }
    try write("reference voxels", \.referenceVoxels)
    try write("prediction voxels", \.predictionVoxels)
    try file.write(metrics.measured.map(\.diagonal), shape: [metrics.cases.count], to: below + "image diagonal mm")
    try file.write(text: metrics.averaging.absent.rawValue, to: below + "absent")
    try file.write(text: metrics.averaging.missingDistance.rawValue, to: below + "hd95 missing")
    for predictor in metrics.priors {
      for score in Score.allCases {
        let values = predictor.scores.values(score).flatMap { $0.map { $0 ?? .nan } }
        try file.write(values, shape: shape, to: below + "\(predictor.name) \(score.rawValue.lowercased())")
      }
    }
    try file.write(texts: metrics.predictionDigests, to: below + "prediction sha256")
  }

  private static func text(of value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }

  private static let format = "segbench run"
  private static let version = 4
  /// Millimetres that no image of anybody reaches.
  private static let greatestDistance = 1e9

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
    let columns = try file.readTexts(group + "curve names").map {
      ($0, try file.read(group + "curves/\($0)", as: Double.self).values)
    }
    guard let curves = RunCurves(columns: columns) else {
      throw RunRecordError.damaged(path: file.path, part: group + "curves")
    }
    var record = RunRecord(
      description: try decode(Description.self, "description"), recipe: try file.readText(group + "recipe"),
      provenance: try decode(Provenance.self, "provenance"), curves: curves, metrics: nil)
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
    func require(_ isSound: Bool, _ name: String) throws {
      guard isSound else { throw RunRecordError.damaged(path: file.path, part: below + name) }
    }
    /// Undefined, or within the range of a score.
    func scores(_ name: String, _ range: ClosedRange<Double> = 0...1) throws -> [[Double?]] {
      let scores = try table(name, of: Double.self).map { $0.map(\.ifDefined) }
      try require(scores.allSatisfy { $0.allSatisfy { $0.map(range.contains) ?? true } }, name)
      return scores
    }
    func counts(_ name: String) throws -> [[Int]] {
      let counts = try table(name, of: Int.self)
      try require(counts.allSatisfy { $0.allSatisfy { (0...1 << 48).contains($0) } }, name)
      return counts
    }
    func rule<Rule: RawRepresentable>(_ name: String, _ type: Rule.Type) throws -> Rule where Rule.RawValue == String {
      guard let rule = Rule(rawValue: try file.readText(below + name)) else {
        throw RunRecordError.damaged(path: file.path, part: below + name)
      }
      return rule
    }
    let diagonals = try file.read(below + "image diagonal mm", as: Double.self).values
    try require(labels.allSatisfy { (1...Int(Int16.max)).contains($0) }, "labels")
    try require(
      diagonals.count == cases.count && diagonals.allSatisfy { (0...greatestDistance).contains($0) },
      "image diagonal mm")
    let (dsc, nsd, hd95) = (try scores("dsc"), try scores("nsd"), try scores("hd95", 0...greatestDistance))
    let (referenceVoxels, predictionVoxels) = (try counts("reference voxels"), try counts("prediction voxels"))
    record.metrics = Metrics(
      classes: zip(labels, names).map { ($0, $1) },
      measured: cases.indices.map { row in
        CaseMetrics(
          name: cases[row],
          classes: labels.indices.map { column in
            ClassMetrics(
              dsc: dsc[row][column], nsd: nsd[row][column], hd95: hd95[row][column],
              referenceVoxels: referenceVoxels[row][column], predictionVoxels: predictionVoxels[row][column])
          }, diagonal: diagonals[row])
      },
      averaging: Averaging(
        absent: try rule("absent", Averaging.AbsentClass.self),
        missingDistance: try rule("hd95 missing", Averaging.MissingDistance.self)),
      predictionDigests: digests,
      priors: try PriorRule.allCases.map { rule in
        let (dsc, nsd) = (try scores("\(rule.rawValue) dsc"), try scores("\(rule.rawValue) nsd"))
        return PredictorScores(
          name: rule.rawValue,
          scores: ScoreTable(
            classes: names, cases: cases.indices.map { CaseScores(name: cases[$0], dsc: dsc[$0], nsd: nsd[$0]) }))
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
    case .notARecord(let path): "\(path) is not a run's record: give the run.h5 of a run folder"
    case .otherVersion(let path, let found, let expected):
      "\(path) has format version \(found), but this segbench reads version \(expected): run it again with --fresh, or use the segbench that wrote it"
    case .damaged(let path, let part):
      "\(path) is damaged: \"\(part)\" cannot be read, or holds what no run leaves; segbench run makes it again from the last checkpoint"
    }
  }
}
