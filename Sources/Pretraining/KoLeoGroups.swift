import Tensors

/// KoLeo within groups of a batch's images, whatever parts the batch is computed in: the published code's groups are the
/// images of one GPU.
package struct KoLeoGroups {
  /// Images in a group: a divisor of the batch.
  private let size: Int
  /// Images in a part.
  private let partSize: Int
  /// Where groups reach over parts: the loss of the whole batch and its gradient by every part's class tokens.
  private var batch: (loss: Double, slopes: [Tensor])?

  /// What a part contributes to the loss.
  package struct Term {
    /// The loss itself, the mean over its share of the groups and the sum over the large views.
    package let value: Double
    /// What has the loss's gradient by this part's class tokens, times the number of parts, which are averaged.
    package let differentiable: Tensor
  }

  /// - Parameters:
  ///   - size: images in a group, a divisor of the batch.
  ///   - partSize: images in a part, a divisor of the batch.
  ///   - classTokens: of all parts, `[2 · partSize, width]` each, view by view, without a recording; called where groups reach
  ///     over parts.
  package init(size: Int, partSize: Int, parts: Int, classTokens: (_ part: Int) throws -> Tensor) rethrows {
    self.size = size
    self.partSize = partSize
    guard partSize % size != 0 else { return }
    let tokens = try (0..<parts).map { Parameter("class tokens \($0)", try classTokens($0)) }
    let views = MultiCropViews.globalCount
    let (loss, gradients) = Tape.gradients {
      let whole = (0..<views).map { view in
        concatenate(tokens.map { $0.value.sliced(axis: 0, (view * partSize)..<((view + 1) * partSize)) }, axis: 0)
      }
      return Self.loss(concatenate(whole, axis: 0), images: parts * partSize, group: size)
    }
    let slopes = tokens.map { gradients[$0]! * Double(parts) }
    batch = (loss.scalarValue, slopes)
  }

  /// - Parameter classTokens: `[2 · partSize, width]` of one part, view by view.
  package func loss(_ classTokens: Tensor, part: Int) -> Term {
    if let batch {
      return Term(value: batch.loss, differentiable: (classTokens * batch.slopes[part]).sum())
    }
    let loss = Self.loss(classTokens, images: partSize, group: size)
    return Term(value: loss.scalarValue, differentiable: loss)
  }

  /// The mean over the groups, summed over the views.
  private static func loss(_ tokens: Tensor, images: Int, group: Int) -> Tensor {
    let starts = stride(from: 0, to: MultiCropViews.globalCount * images, by: group)
    let losses = starts.map { KoLeoLoss.loss(tokens.sliced(axis: 0, $0..<($0 + group))) }
    let sum = losses.dropFirst().reduce(losses[0]) { $0 + $1 }
    return images == group ? sum : sum / Double(images / group)
  }
}
