import Files

/// What is wrong with the runs or pictures that a report was asked for.
public enum ReportError: InputError, Equatable {
  /// The short identities of two runs of one row that scored different cases or classes.
  case differentCases(String, String)
  /// Two sides of a comparison that scored different cases or classes.
  case incomparable(String, String)
  /// Two rows or sides whose means treat absent classes by different rules.
  case differentAveraging(String, String)
  /// A picture's volumes do not lie on one grid: what, and both shapes.
  case differentShapes(String, [Int], [Int])
  /// A slice outside the volume: the slice, and the number of slices.
  case noSuchSlice(Int, Int)

  public var description: String {
    switch self {
    case .differentCases(let first, let second):
      "runs \(first) and \(second) scored different cases or classes, so one row can't hold both; "
        + "run the row again for all its seeds with the same data set and split"
    case .incomparable(let first, let second):
      "\(first) and \(second) scored different cases or classes: only runs on the same data set and split compare"
    case .differentAveraging(let first, let second):
      "\(first) and \(second) average by different rules (evaluation.absent, evaluation.hd95_missing): "
        + "give both the same, as with --set evaluation.absent=exclude --set evaluation.hd95_missing=exclude; nothing runs again"
    case .differentShapes(let what, let found, let expected):
      "the \(what) has shape \(found) and the image \(expected) (slices, rows, columns); a picture needs one grid"
    case .noSuchSlice(let slice, let count):
      "slice \(slice) was asked for; the volume has slices 0 to \(count - 1)"
    }
  }
}
