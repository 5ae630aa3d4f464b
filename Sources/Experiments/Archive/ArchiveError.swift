import Files

/// What can be wrong with an archive whose bytes are as they were packed.
public enum ArchiveError: InputError {
  case unsound(String, String)
  /// A run of an archive, by its identity, and what is wrong with what its record says.
  case unsoundRun(String, String)
  case otherFile(path: String, name: String)
  case missingFile(String)
  case nothingToReplay(String)
  case onlyPredictions(String)
  case nothingToPredict(String)
  case notEmpty(String)

  public var description: String {
    switch self {
    case .unsound(let path, let problem): "\(path) is no sound archive: \(problem)"
    case .unsoundRun(let identity, let problem):
      "run \(identity.prefix(40)) of the archive is not sound: \(problem); nothing of it was used"
    case .otherFile(let path, let name):
      "\(path): \(name) is not the file that was packed (its SHA-256 differs from the manifest's)"
    case .missingFile(let path): "\(path) is missing: a run without it cannot be packed"
    case .nothingToReplay(let path): "\(path) holds no run with that identity"
    case .onlyPredictions(let what):
      "\(what) holds predictions of another tool and no training to run again; segbench archive verify takes the metrics "
        + "from them again"
    case .nothingToPredict(let problem): "nothing was predicted again: \(problem)"
    case .notEmpty(let path): "\(path) is not empty: name another folder"
    }
  }
}
