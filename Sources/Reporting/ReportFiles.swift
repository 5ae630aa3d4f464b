import Files
import Foundation

/// A table's files: Markdown, CSV and JSON side by side.
public enum ReportFiles {
  /// Writes `<identifier>.md`, `.csv` and `.json` into a folder, each whole or not at all, and returns them.
  public static func write(_ report: TableReport, to folder: URL) throws -> [URL] {
    try write(
      report.identifier, [("md", report.markdown()), ("csv", report.csv()), ("json", report.json())], to: folder)
  }

  /// The same for the claims.
  public static func write(_ report: ClaimsReport, to folder: URL) throws -> [URL] {
    try write("claims", [("md", report.markdown()), ("csv", report.csv()), ("json", report.json())], to: folder)
  }

  private static func write(_ name: String, _ texts: [(ending: String, text: String)], to folder: URL) throws -> [URL] {
    try makeFolder(folder)
    return try texts.map { ending, text in
      let url = folder.appendingPathComponent("\(name).\(ending)")
      try AtomicFile.write(Data(text.utf8), to: url)
      return url
    }
  }
}
