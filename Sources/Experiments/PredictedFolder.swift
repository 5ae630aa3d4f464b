import Files
import Foundation

/// The label maps of some cases in a folder that another tool wrote.
struct PredictedFolder {
  struct PredictedFile {
    let name: String
    let url: URL
    /// SHA-256 of the content: of the file, decompressed where it is a `.gz`.
    let digest: String
  }

  let folder: URL
  /// One a case, sorted by the case's name.
  let files: [PredictedFile]

  /// One digest for all of them: of the list of their names and digests. Other files of the folder don't count.
  var digest: String { FileDigests.combined(files.map { ($0.url.lastPathComponent, $0.digest) }) }

  /// - Parameter cases: the cases whose label maps, `<case>.nii.gz` or `<case>.nii`, must be there; others may be.
  /// - Throws: `PredictedFolderError`, and `FileError` for a file that cannot be read.
  init(_ folder: URL, cases: [String]) throws {
    guard isDirectory(folder) else { throw PredictedFolderError.notAFolder(folder.path) }
    let names = cases.sorted()
    let found = names.map { name in
      (name, [".nii.gz", ".nii"].map { folder.appendingPathComponent(name + $0) }.filter(exists))
    }
    let missing = found.filter { $0.1.isEmpty }.map(\.0)
    guard missing.isEmpty else { throw PredictedFolderError.missing(folder.path, missing, of: names.count) }
    if let (name, _) = found.first(where: { $0.1.count > 1 }) { throw PredictedFolderError.twice(folder.path, name) }
    self.folder = folder
    files = try found.map { name, urls in
      PredictedFile(name: name, url: urls[0], digest: try Digest.sha256(ofContentOf: urls[0]))
    }
  }
}

/// Why a folder of predictions can't be scored, or not yet.
enum PredictedFolderError: InputError, Equatable {
  case notAFolder(String)
  /// The folder, the cases without a label map, and how many cases should have one.
  case missing(String, [String], of: Int)
  case twice(String, String)
  case changed(String)

  var description: String {
    switch self {
    case .notAFolder(let path):
      "\(path) is no folder: predictions.folder must name one, with a label map CASE.nii.gz for each case that is scored"
    case .missing(let folder, let names, let count):
      "\(folder) lacks \(names.count) of the \(count) cases that the recipe's fold leaves out for scoring: it needs "
        + names.prefix(8).map { "\($0).nii.gz" }.joined(separator: ", ") + (names.count > 8 ? ", ..." : "")
    case .twice(let folder, let name): "\(folder) has both \(name).nii and \(name).nii.gz: leave one of them"
    case .changed(let path): "\(path) changed while it was scored: run the recipe again when the tool has finished"
    }
  }
}
