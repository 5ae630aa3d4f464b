import Foundation

/// What lies in a folder, by names that can be used as text; hidden files are left out.
public struct FolderListing: Sendable {
  /// The names, sorted.
  public private(set) var names: [String] = []
  /// The names that cannot be used, in the order of their bytes.
  public private(set) var problems: [FileNameError] = []

  /// Lists a folder.
  /// - Throws: `FileError`, `DiskFailure` when it cannot be listed.
  public init(_ folder: URL) throws {
    guard let stream = opendir(folder.path) else { throw FileError.ofReading(folder.path) }
    defer { closedir(stream) }
    var found: [[UInt8]] = []
    errno = 0
    while let entry = readdir(stream) {
      let bytes = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
      if bytes.first != UInt8(ascii: ".") { found.append(bytes) }
      errno = 0
    }
    guard errno == 0 else { throw FileError.ofReading(folder.path) }
    // Two spellings of one word are equal to Swift, and would stand for one file.
    var seen: [String: String] = [:]
    for bytes in found.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      guard let name = String(validating: bytes, as: UTF8.self) else {
        problems.append(.notUTF8(folder: folder.path, name: String(visible: bytes)))
        continue
      }
      if name.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) {
        problems.append(.control(folder: folder.path, name: name.visible))
      } else if let other = seen.updateValue(name, forKey: name) {
        problems.append(.oneWord(folder: folder.path, names: [other, name].map(\.spelled)))
      } else {
        names.append(name)
      }
    }
    names.sort()
  }

  /// Lists a folder; nil where there is none, or none that may be listed.
  /// - Throws: `DiskFailure`: a disk that does not answer is no empty folder.
  public static func ifReadable(_ folder: URL) throws -> FolderListing? {
    do { return try FolderListing(folder) } catch is FileError { return nil }
  }

  /// The names in a folder, sorted.
  /// - Throws: `FileError` when it cannot be listed, `FileNameError` for the first name that cannot be used.
  public static func names(in folder: URL) throws -> [String] {
    let listing = try FolderListing(folder)
    if let problem = listing.problems.first { throw problem }
    return listing.names
  }
}

/// A file's name that cannot be used as text.
public enum FileNameError: InputError, Equatable {
  case notUTF8(folder: String, name: String)
  case control(folder: String, name: String)
  /// Two names that differ in how their accents are stored.
  case oneWord(folder: String, names: [String])

  public var description: String {
    switch self {
    case .notUTF8(let folder, let name):
      "\(folder): the name \"\(name)\" (other bytes than ASCII's are written \\xNN) is not UTF-8; rename the file."
    case .control(let folder, let name):
      "\(folder): the name \"\(name)\" holds a control character, written as an escape here; rename the file."
    case .oneWord(let folder, let names):
      "\(folder): \"\(names[0])\" and \"\(names[1])\" are two spellings of one name in Unicode (composed and decomposed); "
        + "rename one of the two."
    }
  }
}
