import Files

/// A file of weights that cannot be read, or that does not fit the network.
public enum WeightFileError: InputError, Equatable {
  /// The file is damaged, or of a kind that is not read.
  case unreadable(path: String, problem: String)
  /// The file cannot hold what was to be written.
  case unwritable(path: String, problem: String)
  /// The file asks for code or objects that weights do not need; `name` is what it asks for.
  case refused(path: String, name: String)
  /// The file's arrays are not those that the layout has for the network.
  case mismatch(path: String, layout: String, missing: [String], unexpected: [String], wrong: [String])

  public var description: String {
    switch self {
    case .unreadable(let path, let problem):
      return "\(path) cannot be read as weights: \(problem)."
    case .unwritable(let path, let problem):
      return "\(path) cannot be written: \(problem)."
    case .refused(let path, let name):
      return "\(path) is refused: it asks for \(name), which weights do not need and which could run code."
    case .mismatch(let path, let layout, let missing, let unexpected, let wrong):
      let parts = [("missing", missing), ("unexpected", unexpected), ("wrong", wrong)]
        .filter { !$0.1.isEmpty }.map { "\($0.0): \($0.1.joined(separator: ", "))" }
      return "\(path) does not hold the weights of this network in the layout \"\(layout)\"; "
        + parts.joined(separator: "; ") + "."
    }
  }
}
