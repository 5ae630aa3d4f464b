import Files
import Foundation

/// Why a division of cases into folds cannot be used.
public struct SplitsError: InputError, Equatable {
  public let description: String
  public init(_ description: String) { self.description = description }
}

/// The division of a dataset's cases into folds, each with training and validation cases.
public struct Splits: Sendable, Equatable {
  /// One fold: the names of its cases, sorted.
  public struct Fold: Sendable, Equatable {
    public var train: [String]
    public var validation: [String]
    public init(train: [String], validation: [String]) {
      self.train = train
      self.validation = validation
    }
  }

  public var folds: [Fold]

  /// Files with more folds than this are refused.
  public static let greatestFoldCount = 1000

  /// SHA-256 of the folds' content, whatever the spacing of the file they came from.
  public var digest: String { Digest.sha256(of: json.text()) }

  public init(folds: [Fold]) { self.folds = folds }

  /// nnU-Net's default: scikit-learn's KFold over the sorted names, shuffled by NumPy's generator seeded 12345.
  /// - Throws: `SplitsError` when there are fewer cases than folds, or a name occurs twice.
  public init(cases: [String], folds count: Int = 5, seed: UInt32 = 12345) throws {
    // Code-point order, as NumPy sorts text.
    let names = cases.sorted { $0.unicodeScalars.lexicographicallyPrecedes($1.unicodeScalars) }
    guard Set(names).count == names.count else {
      throw SplitsError(
        "A case name occurs twice; names must differ.")
    }
    guard count >= 2 else {
      throw SplitsError(
        "\(count) folds were asked for; at least 2 are needed.")
    }
    guard names.count >= count else {
      throw SplitsError(
        "\(names.count) \(names.count == 1 ? "case" : "cases") cannot be divided into nnU-Net's \(count) folds; add labelled "
          + "cases until there are \(count), or name folds of your own with the recipe's `evaluation.splits`: a "
          + "splits_final.json below SEGBENCH_DATA, [{\"train\": [names], \"val\": [names]}].")
    }
    var random = NumPyRandom(seed: seed)
    let order = random.permutation(names.count)
    var start = 0
    folds = (0..<count).map { fold in
      let size = names.count / count + (fold < names.count % count ? 1 : 0)
      let chosen = Set(order[start..<(start + size)])
      start += size
      let indices = names.indices
      return Fold(
        train: indices.filter { !chosen.contains(UInt32($0)) }.map { names[$0] },
        validation: indices.filter { chosen.contains(UInt32($0)) }.map { names[$0] })
    }
  }

  /// One fold, in which the first `count` cases by name learn and all others are scored.
  /// - Throws: `SplitsError` when no case is left.
  public init(training count: Int, of cases: [String]) throws {
    let names = cases.sorted { $0.unicodeScalars.lexicographicallyPrecedes($1.unicodeScalars) }
    guard count > 0, count < names.count else {
      throw SplitsError(
        "evaluation.training_cases is \(count), but there are \(names.count) labelled cases, of which at least one has to "
          + "be left to be scored.")
    }
    folds = [Fold(train: Array(names.prefix(count)), validation: Array(names.dropFirst(count)))]
  }

  /// Reads a `splits_final.json`: a list of objects with the keys `train` and `val`.
  /// - Parameter cases: the dataset's cases; every name in the file must be one of them.
  public init(contentsOf url: URL, cases: [String]) throws {
    let path = url.path
    let document = try JSONValue.read(url)
    guard let entries = document.array, !entries.isEmpty else {
      throw SplitsError(
        "\(path): a list of folds is needed, each {\"train\": [...], \"val\": [...]}; found \(document.kind).")
    }
    guard entries.count <= Self.greatestFoldCount else {
      throw SplitsError("\(path): it has \(entries.count) folds; up to \(Self.greatestFoldCount) are read.")
    }
    let known = Set(cases)
    folds = try entries.enumerated().map { index, entry in
      func names(_ key: String) throws -> [String] {
        guard let names = entry[key]?.strings, !names.isEmpty else {
          throw SplitsError(
            "\(path): fold \(index) needs \"\(key)\" with a list of at least one case name.")
        }
        if let unknown = names.first(where: { !known.contains($0) }) {
          throw SplitsError(
            "\(path): fold \(index) has \"\(unknown)\" under \"\(key)\", which is no case of the dataset.")
        }
        guard Set(names).count == names.count else {
          throw SplitsError(
            "\(path): fold \(index) has a case twice under \"\(key)\"; each may occur once.")
        }
        return names
      }
      let fold = Fold(train: try names("train"), validation: try names("val"))
      if let both = fold.validation.first(where: Set(fold.train).contains) {
        throw SplitsError(
          "\(path): fold \(index) has \"\(both)\" under both \"train\" and \"val\"; a case may be in one.")
      }
      return fold
    }
  }

  /// The text of `splits_final.json`.
  public var json: JSONValue {
    .array(folds.map { .object([.init("train", JSONValue($0.train)), .init("val", JSONValue($0.validation))]) })
  }

  /// Writes `splits_final.json`.
  public func write(to url: URL) throws {
    try AtomicFile.write(Data(json.text().utf8), to: url)
  }
}
