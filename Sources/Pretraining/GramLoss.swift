import Tensors

/// Keeps the similarities between a student's patches like those of an earlier model, the Gram teacher (Siméoni et al.,
/// "DINOv3", 2025, section 4.2; the paper's equation (2)).
public enum GramLoss {
  /// What the squared differences of an image's P x P matrices come to.
  public enum Normalization: String, Sendable, CaseIterable {
    /// Their mean over the P x P places: DINOv3's code.
    case mean
    /// Their sum, the squared Frobenius norm: the paper's equation (2). It grows with P².
    case frobenius
  }

  /// ‖X_S X_Sᵀ - X_G X_Gᵀ‖² over each image's patches scaled to length 1, then the mean over the images.
  /// - Parameters:
  ///   - student: patch tokens `[N, P, width]`.
  ///   - teacher: the Gram teacher's of the same places, `[N, P, width']`; no gradient flows into them.
  public static func loss(student: Tensor, teacher: Tensor, _ normalization: Normalization) -> Tensor {
    let (count, places) = (student.shape[0], student.shape[1])
    precondition(
      student.rank == 3 && teacher.rank == 3 && Array(teacher.shape.prefix(2)) == [count, places],
      "Gram matrices of \(student.shape) and \(teacher.shape)")
    let unit = student.normalized()
    let target = Tape.withoutRecording {
      let unit = teacher.detached.normalized()
      return matrixProduct(unit, unit, transposeB: true)
    }
    let difference = matrixProduct(unit, unit, transposeB: true) - target
    let sum = (difference * difference).sum() / Double(count)
    return normalization == .frobenius ? sum : sum / Double(places * places)
  }
}
