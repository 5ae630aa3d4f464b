import Experiments
import Foundation
import Recipes

/// A recipes' folder made for one test and removed with it.
final class TemporaryLibrary {
  let folder: URL
  var root: URL { folder.appendingPathComponent("Recipes") }
  var library: RecipeLibrary { RecipeLibrary(root: root) }

  init(_ files: [String: String] = [:]) throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("recipes-\(UUID().uuidString)")
    try FileManager.default.createDirectory(
      at: folder.appendingPathComponent("Recipes"), withIntermediateDirectories: true)
    for (path, text) in files { try write(text, to: path) }
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  /// What a reader says of one of the files; "nothing" when it takes it.
  func complaint(of read: (RecipeLibrary) throws -> Void) -> String {
    do {
      try read(library)
      return "nothing"
    } catch {
      return "\(error)"
    }
  }

  func write(_ text: String, to path: String) throws { try write(Data(text.utf8), to: path) }

  func write(_ data: Data, to path: String) throws {
    let url = root.appendingPathComponent(path)
    try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try data.write(to: url)
  }

  /// Every value a segmentation needs, one key on a line so that tests can replace one.
  static let base = """
    kind: segmentation
    title: A row
    dataset:
      name: amos22
      source: folder
      folder: datasets/amos22
    plan:
      configuration: 2d_640
    network:
      kind: primus
      vit:
        width: 768
        depth: 12
        heads: 12
        patch_size: 16
        input_channels: 3
        mlp_ratio: 4
        storage_tokens: 0
        layer_norm_epsilon: 1e-6
        rope_base: 100
        qkv_bias: true
        mask_k_bias: false
        layer_scale: 1e-5
        drop_path: 0.2
      decoder:
        multi_scale: true
        blocks: [2, 5, 8, 11]
    initial_weights:
      from: random
    training:
      epochs: 1000
      steps_per_epoch: 250
      validation_steps: 50
      gradient_clip: 12
      foreground_oversampling: 0.33
      augmentation: nnu-net-default
      optimizer:
        kind: adamw
        learning_rate: 3e-4
        encoder_learning_rate: 1e-4
        betas: [0.9, 0.98]
        weight_decay: 5e-2
      schedule:
        kind: polynomial
        power: 1
    evaluation:
      fold: 0
      tile_step: 0.5
      gaussian: true
      mirroring: true
      nsd:
        kind: monai
        tolerance_mm: 1

    """

  /// What goes wrong when `file` is resolved, as the user reads it; "nothing" if nothing does.
  func complaint(
    _ file: String = "row.yaml", profile: String? = nil, overrides: [String] = []
  ) -> String {
    do {
      _ = try library.resolve(file, profile: profile, overrides: overrides)
      return "nothing"
    } catch {
      return "\(error)"
    }
  }
}

extension SegmentationRecipe {
  /// The network's settings, which must be Primus's.
  var primus: PrimusSettings { network.kind as! PrimusSettings }
}

extension OptimizerSettings {
  /// AdamW's two betas; nil for another optimiser.
  var betas: [Double]? { if case .adamW(let first, let second, _) = algorithm { [first, second] } else { nil } }
}

/// Repeatable random numbers for tests (SplitMix64).
struct Numbers: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
