import Files

/// How two volumes' grids differ.
public enum GridDifference: Sendable, Equatable {
  case shape, spacing, direction, origin
  /// Only one of the headers says how its axes lie in the patient.
  case unstatedOrientation
}

extension NIfTIHeader {
  /// How this grid differs from another, by the rule that every command uses: what nnU-Net's `verify_dataset_integrity`
  /// compares. Voxels belong together by their place in the arrays; nnU-Net refuses other shapes, and between an image
  /// and its label map other spacings, and warns of other directions and origins.
  ///
  /// Spacings and directions agree to 1e-5, origins to a thousandth of a voxel. An axis that a two-dimensional file does
  /// not have is not compared.
  public func differences(from other: NIfTIHeader) -> [GridDifference] {
    var found: [GridDifference] = []
    if shape != other.shape { found.append(.shape) }
    let axes = min(axisCount, other.axisCount)
    let isSpaced = (0..<axes).allSatisfy { axis in
      let (a, b) = (spacing[2 - axis], other.spacing[2 - axis])
      return abs(a - b) <= 1e-8 + 1e-5 * abs(b)
    }
    if !isSpaced { found.append(.spacing) }
    let isStated = [orientation, other.orientation].map { $0 != .unstated }
    guard isStated[0] && isStated[1] else { return found + (isStated[0] == isStated[1] ? [] : [.unstatedOrientation]) }
    let (mine, its) = (affine, other.affine)
    let isTurned = (0..<axes).contains { axis in
      let (a, b) = (Self.unitAxis(axis, of: mine), Self.unitAxis(axis, of: its))
      return !(0..<3).allSatisfy { abs(a[$0] - b[$0]) <= 1e-6 + 1e-5 * abs(b[$0]) }
    }
    if isTurned { found.append(.direction) }
    let voxel = (0..<axes).map { spacing[2 - $0] }.min()!
    let isMoved = !(0..<axes).allSatisfy { axis in
      let (a, b) = (mine[axis][3] * millimetres, its[axis][3] * other.millimetres)
      return abs(a - b) <= 1e-3 * voxel + 1e-5 * abs(b)
    }
    if isMoved { found.append(.origin) }
    return found
  }

  /// Warnings of where this file's grid lies otherwise than another's of the same shape.
  /// - Parameters:
  ///   - paths: of this file and of the other.
  ///   - use: what follows, such as "they are scored voxel by voxel".
  public func warnings(
    of differences: [GridDifference], from other: NIfTIHeader, paths: (this: String, other: String), use: String
  ) -> [FileWarning] {
    func text(_ header: NIfTIHeader) -> String {
      (0..<header.axisCount).map { "\(header.spacing[2 - $0])" }.joined(separator: " x ") + " mm"
    }
    func warning(_ topic: String, _ found: String) -> FileWarning {
      FileWarning(.geometry, topic: topic, path: paths.this, detail: "\(found); \(use)")
    }
    return differences.compactMap { difference in
      switch difference {
      case .shape: return nil
      case .spacing:
        return warning(
          "files with other voxel sizes than what they belong to",
          "its voxels measure \(text(self)), those of \(paths.other) \(text(other))")
      case .direction:
        let (mine, its) = (axisNames, other.axisNames)
        return warning(
          "files whose axes run in other directions than those of what they belong to",
          mine == its
            ? "its axes are turned against those of \(paths.other)"
            : "its axes run to \(mine), those of \(paths.other) to \(its)")
      case .origin:
        return warning(
          "files with another origin than what they belong to", "its origin is not that of \(paths.other)")
      case .unstatedOrientation:
        return warning(
          "files without an orientation, beside ones with it (or the other way round)",
          orientation == .unstated
            ? "its header states no orientation (both form codes are 0), that of \(paths.other) does"
            : "its header states an orientation, that of \(paths.other) none (both form codes are 0)")
      }
    }
  }

  /// What is odd about the header itself and how it is taken all the same.
  public func geometryWarnings(path: String) -> [FileWarning] {
    var found: [FileWarning] = []
    func add(_ topic: String, _ detail: String) {
      found.append(FileWarning(.geometry, topic: topic, path: path, detail: detail))
    }
    func text(_ values: [Double]) -> String { values.map { "\($0)" }.joined(separator: " x ") }
    let stored = (0..<axisCount).map { field(.pixdim, $0 + 1) }
    let taken = Array(sizes[..<axisCount])
    if stored != taken {
      add(
        "files whose voxel sizes (pixdim) are 0 or negative",
        "its voxel sizes (pixdim) are \(text(stored)); \(text(taken)) is taken, as nnU-Net's readers do (absolute "
          + "values, 1 for 0)")
    }
    let codes = (sform: field(.sformCode), qform: field(.qformCode))
    if (codes.sform > 0 && sform == nil) || (codes.qform > 0 && qform == nil) {
      add(
        "files whose orientation holds numbers that are not finite",
        "its \(codes.sform > 0 && sform == nil ? "sform" : "qform") holds numbers that are not finite; it is left out")
    }
    if let sform {
      let lengths = (0..<axisCount).map { Self.axisLength($0, of: sform) }
      if zip(lengths, taken).contains(where: { !(abs($0 - $1) <= 1e-3 * $1) }) {
        add(
          "files whose sform has other scales than their voxel sizes (pixdim)",
          "the axes of its sform measure \(text(lengths.map { ($0 * 1e6).rounded() / 1e6 })), its voxel sizes (pixdim) "
            + "\(text(taken)); the voxel sizes are used, as nnU-Net does")
      }
    }
    if let sform, let qform {
      let other = (0..<axisCount).contains { axis in
        let (a, b) = (Self.unitAxis(axis, of: sform), Self.unitAxis(axis, of: qform))
        return !(0..<3).allSatisfy { abs(a[$0] - b[$0]) <= 1e-3 }
          || !(abs(sform[axis][3] - qform[axis][3]) <= 0.01 * taken[axis])
      }
      if other {
        add(
          "files whose sform and qform disagree",
          "its sform and its qform disagree; the \(orientation == .sform ? "sform" : "qform") is used, as ITK does")
      }
    }
    return found
  }
}
