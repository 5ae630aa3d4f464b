/// What can be wrong with an HDF5 file, one of its datasets or one of its attributes.
public enum HDF5Error: InputError, Equatable {
  /// The file is not HDF5, is cut short, or is open elsewhere for writing.
  case unopenable(path: String)
  /// The file carries no `HDF5Seal` where one is required.
  case unsealed(path: String)
  /// The file's bytes are not those that were sealed.
  case changed(path: String)
  /// The file has no object, or no attribute, of that name.
  case missing(path: String, name: String)
  /// An object of that name is there already.
  case taken(path: String, name: String)
  /// The object is of another kind or element type than the one asked for.
  case wrongType(path: String, name: String, found: String, expected: String)
  /// The extents do not fit what was asked for.
  case wrongShape(path: String, name: String, found: [Int], problem: String)
  /// A group has a name that is not UTF-8; it is written with escapes.
  case nameIsNoText(path: String, group: String, name: String)
  /// HDF5 refused the operation: damaged bytes, an unknown compression.
  case failed(path: String, name: String, operation: String)

  public var description: String {
    switch self {
    case .unopenable(let path):
      return "\(path) cannot be opened as an HDF5 file: it is not one, or it is damaged or cut short."
    case .unsealed(let path):
      return "\(path) carries no seal: it is no file that segbench made, or one that an older segbench made."
    case .changed(let path):
      return
        "\(path) was changed, damaged or cut short after it was written: its bytes do not have the SHA-256 that it "
        + "carries; nothing of it was read."
    case .missing(let path, let name): return "\(path) has no \"\(name)\"."
    case .taken(let path, let name): return "\(path) already has \"\(name)\"."
    case .wrongType(let path, let name, let found, let expected):
      return "\(path): \"\(name)\" is \(found); expected \(expected)."
    case .wrongShape(let path, let name, let found, let problem):
      return "\(path): \"\(name)\" of shape \(found) \(problem)."
    case .nameIsNoText(let path, let group, let name):
      return
        "\(path): the name \"\(name)\" in the group \"\(group)\" (other bytes than ASCII's are written \\xNN) is not UTF-8."
    case .failed(let path, let name, let operation):
      return "\(path): \"\(name)\" cannot be \(operation): damaged bytes or an unknown compression."
    }
  }
}
