import Files
import Foundation

/// The files of a report: what is written where the user says, and compared with what is there.
public struct ReportFiles {
  /// What the files are called, before their endings.
  public let name: String
  /// Each with its ending, in the order in which they are compared.
  private var texts: [(ending: ReportCells.Form, text: String)]
  /// Each with its path in the folder.
  private var pictures: [(path: String, picture: PNGImage)] = []

  public init(_ name: String, markdown: String, csv: String? = nil, json: String? = nil) {
    self.name = name
    texts = [(.markdown, markdown)]
    if let csv { texts.append((.csv, csv)) }
    if let json { texts.append((.json, json)) }
  }

  public init(_ report: TableReport) {
    self.init(report.identifier, markdown: report.markdown(), csv: report.csv(), json: report.json())
  }

  public init(_ report: ClaimsReport) {
    self.init("claims", markdown: report.markdown(), csv: report.csv(), json: report.json())
  }

  public init(_ report: DeviationsReport) {
    self.init("deviations", markdown: report.markdown(), csv: report.csv(), json: report.json())
  }

  /// - Parameter path: `<name>.png`, `<name>-<what>.png`, or a file in the folder `<name>/`.
  public mutating func add(_ picture: PNGImage, at path: String) { pictures.append((path, picture)) }

  /// The files' paths in their folder.
  public var paths: [String] { texts.map { path($0.ending) } + pictures.map(\.path) }

  private func path(_ form: ReportCells.Form) -> String { "\(name).\(form.rawValue)" }

  // MARK: - Writing

  /// Writes the files into a folder, each whole or not at all, and returns them.
  /// - Parameter allowMissing: whether a result that is there may give way to a missing one.
  /// - Throws: `LostResults` when results would be lost, and nothing is written; `FileError`, `DiskFailure`.
  public func write(to folder: URL, allowMissing: Bool = false) throws -> [URL] {
    let lost = allowMissing ? [] : try lostCells(in: folder)
    guard lost.isEmpty else { throw LostResults(folder: folder.path, cells: lost) }
    try makeFolder(folder)
    let urls = paths.map { folder.appendingPathComponent($0) }
    for (url, text) in zip(urls, texts.map(\.text)) { try AtomicFile.write(Data(text.utf8), to: url) }
    for (url, picture) in zip(urls.dropFirst(texts.count), pictures.map(\.picture)) {
      try makeFolder(url.deletingLastPathComponent())
      try picture.write(to: url)
    }
    return urls
  }

  /// The cells of the folder's files that hold a result where these files have none. The folder's CSV says what results
  /// there are; its Markdown or JSON where it has no CSV.
  func lostCells(in folder: URL) throws -> [CellDifference] {
    for form in [ReportCells.Form.csv, .markdown, .json] {
      guard let text = texts.first(where: { $0.ending == form })?.text,
        let before = try committed(form, in: folder), let old = ReportCells(before, form), !old.cells.isEmpty,
        let new = ReportCells(text, form)
      else { continue }
      return old.lost(in: new).map { CellDifference(path(form), $0.place, $0.value, nil) }
    }
    return []
  }

  // MARK: - Comparing

  /// Where these files differ from a folder's, wall times and dates aside: every cell, every line beside the tables, every
  /// picture's pixels.
  /// - Throws: `FileError` when there is no such folder, or a file cannot be read.
  public func differences(from folder: URL) throws -> [CellDifference] {
    _ = try FolderListing(folder)
    var found: [CellDifference] = []
    for (form, text) in texts {
      guard let before = try committed(form, in: folder) else {
        found.append(CellDifference(path(form), nil, nil, "the whole file"))
        continue
      }
      guard let old = ReportCells(before, form), let new = ReportCells(text, form) else {
        found.append(CellDifference(path(form), nil, "no \(form.rawValue)", "the whole file"))
        continue
      }
      found += old.differences(from: new).map { CellDifference(path(form), $0.place, $0.old, $0.new) }
    }
    for (path, picture) in pictures {
      let url = folder.appendingPathComponent(path)
      if !FileManager.default.fileExists(atPath: url.path) {
        found.append(CellDifference(path, nil, nil, "a picture"))
      } else if (try? PNGImage.read(url)) != picture {
        found.append(CellDifference(path, nil, "another picture", "this picture"))
      }
    }
    let shown = Set(pictures.map(\.path))
    return try found
      + committedPictures(in: folder).filter { !shown.contains($0) }
      .map { CellDifference($0, nil, "a picture", nil) }
  }

  /// The pictures in a folder that a report of this name made.
  private func committedPictures(in folder: URL) throws -> [String] {
    func files(_ path: String) throws -> [String] {
      try FolderListing.ifReadable(folder.appendingPathComponent(path))?.names ?? []
    }
    return
      try
      (files("").filter { $0 == "\(name).png" || $0 == Self.curves(name) }
      + files(name).filter { $0.hasSuffix(".png") }.map { "\(name)/\($0)" })
  }

  /// The name of the picture of a table's learning curves.
  static func curves(_ name: String) -> String { "\(name)-curves.png" }

  /// Files of more bytes are no report's.
  private static let greatestSize = 256 << 20

  /// A file of the folder; nil when it is not there.
  private func committed(_ form: ReportCells.Form, in folder: URL) throws -> String? {
    let url = folder.appendingPathComponent(path(form))
    guard FileManager.default.fileExists(atPath: url.path) else { return nil }
    let size = try fileSize(url)
    guard size <= Self.greatestSize else {
      throw FileError.unreadable(
        path: url.path, reason: "it has \(size) bytes, and a report at most \(Self.greatestSize)")
    }
    return String(decoding: try Data(ofFileAt: url), as: UTF8.self)
  }
}

/// A cell of a report that is otherwise than the one in a folder.
public struct CellDifference: Sendable, Equatable, CustomStringConvertible {
  public let file: String
  /// Such as `row 1, amos22`; empty for a whole file.
  public let row: String
  public let column: String
  /// What the folder has; nil where it has nothing.
  public let committed: String?
  /// What the report says now; nil where it says nothing.
  public let now: String?

  init(_ file: String, _ place: ReportCells.Place?, _ committed: String?, _ now: String?) {
    self.file = file
    row = place.map { [$0.section, $0.row].filter { !$0.isEmpty }.joined(separator: ", ") } ?? ""
    column = place?.column ?? ""
    self.committed = committed
    self.now = now
  }

  public var description: String {
    let place = [file, row, column].filter { !$0.isEmpty }.joined(separator: ", ")
    // Of long texts what differs, with some words before it.
    let same = zip(committed ?? "", now ?? "").prefix { $0 == $1 }.count
    return "\(place): committed \(Self.shown(committed, from: same - 40)), now \(Self.shown(now, from: same - 40))"
  }

  /// On one line and not too long.
  static func shown(_ value: String?, from start: Int = 0) -> String {
    guard let value, !value.isEmpty else { return "nothing" }
    let line = value.split(whereSeparator: \.isNewline).joined(separator: " ")
    let most = 160
    guard line.count > most else { return line }
    let end = line.dropFirst(start <= 0 ? 0 : min(start, line.count - most))
    return (end.count < line.count ? "…" : "") + end.prefix(most) + (end.count > most ? "…" : "")
  }
}

/// Results that writing a report would have lost: exit code 1, since nothing is wrong with the command.
public struct LostResults: Error, CustomStringConvertible {
  public let folder: String
  public let cells: [CellDifference]

  public var description: String {
    """
    nothing was written: \(folder) has results that the report lacks now (--allow-missing writes it all the same)
    \(cells.map { "  \($0.file), \($0.row), \($0.column): \(CellDifference.shown($0.committed))" }.joined(separator: "\n"))
    """
  }
}
