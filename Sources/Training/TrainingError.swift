import Files

/// Why a training cannot go on.
public enum TrainingError: Error, CustomStringConvertible, Equatable {
  /// The loss became infinite or not a number.
  case divergedLoss(epoch: Int, step: Int, validating: Bool, loss: Double)
  /// The gradient became infinite or not a number while the loss was sound.
  case divergedGradient(epoch: Int, step: Int)

  public var description: String {
    switch self {
    case .divergedLoss(let epoch, let step, let validating, let loss):
      let place = "\(validating ? "validation " : "")step \(step) of epoch \(epoch)"
      return "The loss became \(loss) in \(place); a lower learning rate may help. The last checkpoint is untouched."
    case .divergedGradient(let epoch, let step):
      return "The gradient is no longer finite in step \(step) of epoch \(epoch); a lower learning rate may help. "
        + "The last checkpoint is untouched."
    }
  }
}

/// A checkpoint that does not belong to the training that reads it.
public enum CheckpointError: InputError, Equatable {
  /// It is an HDF5 file, but no checkpoint of this kind.
  case notACheckpoint(path: String, expected: String)
  /// It was written by another configuration.
  case otherConfiguration(path: String, found: String, expected: String)
  /// One of its arrays is missing or has another shape, or it has one that the network lacks.
  case otherNetwork(path: String, problem: String)
  /// Its counters contradict each other.
  case inconsistent(path: String, problem: String)

  public var description: String {
    switch self {
    case .notACheckpoint(let path, let expected):
      return "\(path) is not a checkpoint of a \(expected)."
    case .otherConfiguration(let path, let found, let expected):
      return "\(path) belongs to the configuration \(found), not to \(expected); remove it to start anew."
    case .otherNetwork(let path, let problem):
      return "\(path) holds another network's weights: \(problem)."
    case .inconsistent(let path, let problem):
      return "\(path) is not a sound checkpoint: \(problem)."
    }
  }
}
