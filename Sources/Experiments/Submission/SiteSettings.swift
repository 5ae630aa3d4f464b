import Files
import Foundation
import Recipes

/// What jobs ask a cluster for, and how its nodes are made ready: a small YAML file of the site, or the command line.
public struct SiteSettings: Sendable, Equatable {
  public var partition: String?
  public var account: String?
  public var qos: String?
  public var constraint: String?
  /// The longest time of a job, as Slurm takes it.
  public var time: String?
  /// Memory of a job, as Slurm takes it.
  public var memory: String?
  public var cpusPerRun: Int?
  public var gpusPerRun: Int?
  /// How many jobs of an array, or of the local engine, are at work at once.
  public var arrayLimit: Int?
  /// How many seconds before its time is over a job is told to save.
  public var saveSeconds = 120
  /// The program on the nodes; nil for the one that submits.
  public var program: String?
  /// Lines of bash that a job runs first, such as `module load`.
  public var setup: [String] = []
  /// In place of the above for jobs that train nothing: preparations and reports.
  public var preparation = Preparation()

  public struct Preparation: Sendable, Equatable {
    public var partition: String?
    public var time: String?
    public var memory: String?
    public var cpus: Int?

    public init() {}
  }

  public init() {}

  /// The file's name in the workspace's root, where no other is named.
  public static let fileName = "site.yaml"

  /// Reads a site's file.
  /// - Parameter name: what messages call it.
  /// - Throws: `SiteError`, `YAMLError`.
  public init(contentsOf url: URL, name: String) throws {
    let document = try YAMLReader().read(url, name: name)
    guard let entries = document.entries else {
      throw SiteError("\(name): a site's file is a mapping of \(Key.names), such as `partition: gpu`")
    }
    for entry in entries {
      guard let key = Key(rawValue: entry.key) else {
        throw SiteError(unknown: entry, among: Key.allCases.map(\.rawValue))
      }
      try set(key, SiteValue(entry))
    }
  }

  private enum Key: String, CaseIterable {
    case partition, account, qos, constraint, time, memory
    case cpusPerRun = "cpus_per_run"
    case gpusPerRun = "gpus_per_run"
    case arrayLimit = "array_limit"
    case saveSeconds = "save_seconds"
    case program, setup, preparation

    static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }
  }

  private enum PreparationKey: String, CaseIterable {
    case partition, time, memory, cpus
  }

  private mutating func set(_ key: Key, _ value: SiteValue) throws {
    switch key {
    case .partition: partition = try value.line()
    case .account: account = try value.line()
    case .qos: qos = try value.line()
    case .constraint: constraint = try value.line()
    case .time: time = try value.time()
    case .memory: memory = try value.memory()
    case .cpusPerRun: cpusPerRun = try value.integer(1...4096)
    case .gpusPerRun: gpusPerRun = try value.integer(0...64)
    case .arrayLimit: arrayLimit = try value.integer(1...100_000)
    case .saveSeconds: saveSeconds = try value.integer(10...3600)
    case .program: program = try value.line()
    case .setup: setup = try value.lines()
    case .preparation:
      for entry in try value.entries() {
        guard let key = PreparationKey(rawValue: entry.key) else {
          throw SiteError(unknown: entry, among: PreparationKey.allCases.map(\.rawValue))
        }
        let value = SiteValue(entry)
        switch key {
        case .partition: preparation.partition = try value.line()
        case .time: preparation.time = try value.time()
        case .memory: preparation.memory = try value.memory()
        case .cpus: preparation.cpus = try value.integer(1...4096)
        }
      }
    }
  }

  // MARK: - Values

  /// Whether Slurm takes the text as a span of time: minutes, [[hours:]minutes:]seconds, days-hours[:minutes[:seconds]].
  public static func isTime(_ text: String) -> Bool {
    text.wholeMatch(of: #/[0-9]{1,9}(:[0-9]{1,2}){0,2}|[0-9]{1,5}-[0-9]{1,2}(:[0-9]{1,2}){0,2}|UNLIMITED/#) != nil
  }

  /// Whether Slurm takes the text as an amount of memory: megabytes, or a number with K, M, G or T.
  public static func isMemory(_ text: String) -> Bool { text.wholeMatch(of: #/[0-9]{1,12}[KMGT]?/#) != nil }

  /// Whether a text can stand on a line of a script.
  public static func isLine(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.count <= 1000
      && !text.unicodeScalars.contains {
        $0.value < 0x20 || (0x7F...0x9F).contains($0.value) || $0.value == 0x2028 || $0.value == 0x2029
      }
  }
}

/// A value of a site's file, with the words for what is wrong with it.
private struct SiteValue {
  let key: String
  let node: YAMLNode

  init(_ entry: YAMLEntry) {
    key = entry.key
    node = entry.value
  }

  private func wrong(_ right: String) -> SiteError {
    SiteError("\(node.origin.position): `\(key)` needs \(right), not \(YAMLWriter.inline(node))")
  }

  func line() throws -> String {
    guard case .text(let text) = node.content, SiteSettings.isLine(text) else { throw wrong("a text on one line") }
    return text
  }

  func lines() throws -> [String] {
    guard case .list(let items) = node.content else { throw wrong("a list of lines") }
    return try items.map { item in
      guard case .text(let text) = item.content, SiteSettings.isLine(text) else { throw wrong("a list of lines") }
      return text
    }
  }

  func integer(_ range: ClosedRange<Int>) throws -> Int {
    guard case .integer(let number) = node.content, range.contains(number) else {
      throw wrong("a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  func time() throws -> String {
    guard let text = plain, SiteSettings.isTime(text) else { throw wrong("a time such as 2-00:00:00 or 90 (minutes)") }
    return text
  }

  func memory() throws -> String {
    guard let text = plain, SiteSettings.isMemory(text) else { throw wrong("an amount such as 64G") }
    return text
  }

  func entries() throws -> [YAMLEntry] {
    guard let entries = node.entries else { throw wrong("a mapping") }
    return entries
  }

  private var plain: String? {
    switch node.content {
    case .text(let text): text
    case .integer(let number): "\(number)"
    default: nil
    }
  }
}

/// A mistake in a site's file.
public struct SiteError: InputError {
  public let description: String

  init(_ description: String) { self.description = description }

  init(unknown entry: YAMLEntry, among known: [String]) {
    let nearest = nearestName(to: entry.key, among: known).map { "; did you mean `\($0)`?" } ?? ""
    description =
      "\(entry.keyOrigin.position): there is no key `\(entry.key)`\(nearest) (there is \(known.joined(separator: ", ")))"
  }
}
