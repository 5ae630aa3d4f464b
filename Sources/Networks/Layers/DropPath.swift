import Random
import Tensors

/// Stochastic depth (Huang et al. 2016): in training, some images of the batch skip a residual branch, and the others'
/// branches grow so that the expectation stays.
public struct DropPath: Sendable, Equatable {
  /// How the images that skip are chosen.
  public enum Selection: String, Sendable, CaseIterable {
    /// Each image by itself with probability `rate`; the others' branches are multiplied by 1 / (1 - rate).
    case independent
    /// Of N images exactly k = max(⌊N (1 - rate)⌋, 1) keep the branch, multiplied by N / k: what DINOv3's code does. A batch
    /// of 2 with a rate of 0.2 thus drops every other branch.
    case subset
  }

  public let rate: Double
  public let selection: Selection

  public init(rate: Double, selection: Selection = .independent) {
    precondition(rate >= 0 && rate < 1, "a drop path rate of \(rate) is not in [0, 1)")
    self.rate = rate
    self.selection = selection
  }

  public static let none = DropPath(rate: 0)

  /// The factor for each image's branch, `[N]`; nil when nothing is dropped.
  /// - Parameter share: where the N rows are those of some images of a batch, each in as many views: the factors are drawn for
  ///   the whole batch.
  package func keep(
    _ count: Int, _ elementType: ElementType, _ random: consuming CounterRandom?, share: BatchShare? = nil
  ) -> Tensor? {
    guard rate > 0, let random else { return nil }
    guard let share else { return Tensor(factors(count, random), shape: [count]).converted(to: elementType) }
    let views = count / share.images.count
    let all = factors(views * share.total, random)
    return Tensor(share.rows(views: views).map { all[$0] }, shape: [count]).converted(to: elementType)
  }

  private func factors(_ count: Int, _ random: consuming CounterRandom) -> [Float] {
    var factors = [Float](repeating: 0, count: count)
    switch selection {
    case .independent:
      for index in 0..<count where !random.chance(rate) { factors[index] = Float(1 / (1 - rate)) }
    case .subset:
      let kept = max(Int(Double(count) * (1 - rate)), 1)
      var order = Array(0..<count)
      random.shuffle(&order)
      for index in order.prefix(kept) { factors[index] = Float(Double(count) / Double(kept)) }
    }
    return factors
  }
}
