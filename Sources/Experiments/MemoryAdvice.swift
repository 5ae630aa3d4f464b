import Recipes
import Synchronization
import Tensors

/// What takes less memory, by what is being done: part of the sentence with which a process ends that is refused memory.
public enum MemoryAdvice: Sendable {
  /// Phantoms of a recipe.
  case generating
  case preparing
  case training
  case pretraining
  case predicting
  case evaluating
  case curating
  /// A command's own options, such as "a smaller --size".
  case options(String)

  private static let current = Mutex<MemoryAdvice?>(nil)

  /// From now on, until other advice is given.
  public func give() {
    Self.current.withLock { $0 = self }
    EngineMemory.advise(text)
  }

  /// While `body` runs; what was advised before is advised again after it.
  func during<Result>(_ body: () throws -> Result) rethrows -> Result {
    let before = Self.current.withLock { $0 }
    give()
    defer { before?.give() }
    return try body()
  }

  private var text: String {
    switch self {
    case .generating: "of a recipe's keys, a smaller dataset.phantom.size takes less"
    case .preparing:
      "preparing holds whole scans: of a recipe's keys, a smaller dataset.phantom.size takes less, and of scans of one's own "
        + "larger voxels"
    case .training:
      "of a recipe's keys, a smaller plan.batch_size, plan.configuration (2d_N) or network width takes less, or "
        + "training.recompute: true"
    case .pretraining:
      "of a recipe's keys, a smaller self_distillation.micro_batch_size, self_distillation.crops.sizes, "
        + "self_distillation.head.prototypes or network.vit.width takes less"
    case .predicting:
      "predicting holds the logits of a slice and a tile's activations: of a recipe's keys, a smaller plan.configuration "
        + "(2d_N) or network width takes less, and smaller slices (dataset.phantom.size)"
    case .evaluating:
      "scoring holds whole label maps: of a recipe's keys, a smaller dataset.phantom.size takes less"
    case .curating:
      "of a recipe's keys, a smaller images.slice_size or images.volumes_per_shard takes less, and of phantoms a smaller size"
    case .options(let words): "\(words) takes less"
    }
  }
}
