import CTorchPlugin
import Tensors

/// Updates and reductions.
extension TorchBackend {
  package func adamW(
    _ values: Tensor, gradient: Tensor, firstMoment: Tensor, secondMoment: Tensor, _ step: AdamWStep
  ) {
    var constants = segtorch_adamw(
      rate: step.rate, decay: step.weightDecay, beta1: step.beta1, beta2: step.beta2, epsilon: step.epsilon,
      gradient_scale: step.gradientScale, step: Int64(step.step))
    withViews([values, gradient, firstMoment, secondMoment]) { views in
      require { $0.adamw(views, views + 1, views + 2, views + 3, &constants) }
    }
  }

  package func sgd(_ values: Tensor, gradient: Tensor, velocity: Tensor, _ step: SGDStep) {
    var constants = segtorch_sgd(
      rate: step.rate, decay: step.weightDecay, momentum: step.momentum, gradient_scale: step.gradientScale,
      nesterov: step.nesterov ? 1 : 0)
    withViews([values, gradient, velocity]) { views in require { $0.sgd(views, views + 1, views + 2, &constants) } }
  }

  package func lerp(_ target: Tensor, towards source: Tensor, weight: Double) {
    withViews([target, source]) { views in require { $0.lerp(views, views + 1, weight) } }
  }

  package func sumOfSquares(_ tensors: [Tensor]) -> Double {
    var sum = 0.0
    withViews(tensors) { views in require { $0.sum_of_squares(views, Int32(tensors.count), &sum) } }
    return sum
  }

  package func overlapCounts(logits: Tensor, labels: Tensor, regions: RegionTable?, threshold: Float) -> Tensor {
    // The plugin reads the table as the region losses have it.
    let table = OperationCode(segtorch_region_dice, regions.map { [0] + $0.integers } ?? [])
    return table.withOperation { table in
      withViews([logits, labels]) { views in
        made(.int32) { $0.overlap_counts(views, views + 1, regions == nil ? nil : table, Double(threshold), &$1) }
      }
    }
  }

  package func resizedLabels(_ labels: Tensor, height: Int, width: Int) -> Tensor {
    withViews([labels]) { views in made(.int32) { $0.resized_labels(views, Int64(height), Int64(width), &$1) } }
  }

  package func greatestOffDiagonal(_ matrix: Tensor) -> Tensor {
    withViews([matrix]) { views in made(.int32) { $0.greatest_off_diagonal(views, &$1) } }
  }

  package func entropy(_ distributions: Tensor) -> Double {
    var mean = 0.0
    withViews([distributions]) { views in require { $0.entropy(views, &mean) } }
    return mean
  }

  package func sinkhornKnopp(_ problem: SinkhornKnoppProblem) -> any BalancedTargets { TorchTargets(problem, self) }
}

/// Sinkhorn-Knopp on the device: only the prototypes' factors are kept between the rounds.
private final class TorchTargets: BalancedTargets {
  private let backend: TorchBackend
  private let problem: SinkhornKnoppProblem
  private let state: OpaquePointer
  /// All samples' logits, when they are few.
  private let kept: Tensor?

  init(_ problem: SinkhornKnoppProblem, _ backend: TorchBackend) {
    (self.problem, self.backend) = (problem, backend)
    var state: OpaquePointer?
    backend.require { $0.sinkhorn_begin(backend.number, Int64(problem.prototypes), problem.temperature, &state) }
    self.state = state!
    let size = max(1, problem.keptElements / problem.prototypes)
    kept = problem.samples <= size ? Tape.withoutRecording { problem.logits(0..<problem.samples) } : nil
    for _ in 0..<problem.rounds {
      for first in stride(from: 0, to: problem.samples, by: size) {
        let logits = logits(first..<min(first + size, problem.samples))
        backend.withViews([logits]) { views in backend.require { $0.sinkhorn_add(self.state, views) } }
      }
      backend.require { $0.sinkhorn_end_round(self.state) }
    }
  }

  deinit { backend.plugin.table.sinkhorn_release(state) }

  private func logits(_ samples: Range<Int>) -> Tensor {
    guard let kept else { return Tape.withoutRecording { problem.logits(samples) } }
    let columns = problem.prototypes
    return Tensor(
      sharing: kept.storage, offset: kept.offset + samples.lowerBound * columns, shape: [samples.count, columns],
      kept.elementType)
  }

  func targets(_ samples: Range<Int>) -> Tensor {
    backend.withViews([logits(samples)]) { views in
      backend.made(.float32) { $0.sinkhorn_targets(state, views, &$1) }
    }
  }
}
