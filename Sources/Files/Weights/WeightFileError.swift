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
      return "\(path) is refused: it asks for \(name), which weights do not need and which could run code"
        + "\(Self.remedy(name))."
    case .mismatch(let path, let layout, let missing, let unexpected, let wrong):
      let parts = [("missing", missing), ("unexpected", unexpected), ("wrong", wrong)]
        .filter { !$0.1.isEmpty }.map { "\($0.0): \(Self.listed($0.1))" }
      return "\(path) does not hold the weights of this network in the layout \"\(layout)\"; "
        + parts.joined(separator: "; ") + "."
    }
  }

  /// How many keys of one kind a message names.
  private static let greatestListed = 12

  private static func listed(_ keys: [String]) -> String {
    let rest = keys.count - greatestListed
    guard rest > 0 else { return keys.joined(separator: ", ") }
    return keys.prefix(greatestListed).joined(separator: ", ") + " and \(rest) more"
  }

  /// What to do about a file that holds more than `torch.load(weights_only=True)` would read.
  private static func remedy(_ name: String) -> String {
    let parts = name.split(separator: ".")
    guard parts.count > 1, !name.contains(" "), !["posix", "os", "nt", "sys", "subprocess"].contains(parts[0]),
      name != "builtins.eval", name != "builtins.exec"
    else { return "" }
    if let last = parts.last, last.first?.isUppercase == true, !["argparse", "pathlib"].contains(parts[0]) {
      return "; it may be a whole pickled module: where it can be loaded and is trusted, save its weights alone with "
        + "torch.save(model.state_dict(), \"weights.pth\")"
    }
    return
      "; where it can be loaded and is trusted, save its weights alone with torch.save(state_dict, \"weights.pth\")"
  }
}
