import Files
import Foundation

/// A table's files: Markdown, CSV and JSON side by side.
public enum ReportFiles {
  /// Writes `<identifier>.md`, `.csv` and `.json` into a folder, each whole or not at all, and returns them.
  public static func write(_ report: TableReport, to folder: URL) throws -> [URL] {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return try [("md", report.markdown()), ("csv", report.csv()), ("json", report.json())].map { ending, text in
      let url = folder.appendingPathComponent("\(report.identifier).\(ending)")
      try AtomicFile.write(Data(text.utf8), to: url)
      return url
    }
  }
}
