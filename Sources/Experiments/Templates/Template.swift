import Files
import Foundation
import Recipes

/// Files that a study, a recipe or a network begins with, and what is left to do.
public struct Template {
  /// By path below the workspace's root.
  public let files: [(path: String, text: String)]
  /// What to do next, a line each.
  public let next: [String]

  /// Writes the files.
  /// - Returns: where they lie.
  /// - Throws: `TemplateError` when one of them is there, or would lie outside `root` through a link; `FileError`.
  public func write(below root: URL) throws -> [URL] {
    let root = root.standardizedFileURL.resolvingSymlinksInPath()
    let urls = files.map { root.appendingPathComponent($0.path) }
    for (file, url) in zip(files, urls) {
      var status = stat()
      guard lstat(url.path, &status) != 0 else {
        throw TemplateError("\(file.path) is there already; choose another name, or remove it first")
      }
      // The deepest folder on the way that there is.
      var folder = url.deletingLastPathComponent()
      while lstat(folder.path, &status) != 0 { folder = folder.deletingLastPathComponent() }
      guard status.st_mode & S_IFMT == S_IFDIR || status.st_mode & S_IFMT == S_IFLNK else {
        throw TemplateError("\(file.path) cannot be: \(folder.path) is not a folder; choose another name")
      }
      guard (folder.resolvingSymlinksInPath().path + "/").hasPrefix(root.path + "/") else {
        throw TemplateError("\(file.path) would lie outside \(root.path), to which a link leads; choose another name")
      }
    }
    for (file, url) in zip(files, urls) {
      try makeFolder(url.deletingLastPathComponent())
      try AtomicFile.write(Data(file.text.utf8), to: url)
    }
    return urls
  }
}

/// A name or a place that no template can have.
public struct TemplateError: InputError {
  public let description: String

  init(_ description: String) { self.description = description }
}
