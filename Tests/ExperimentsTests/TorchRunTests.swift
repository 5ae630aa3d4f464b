import Experiments
import Foundation
import Recipes
import TestSupport
import Tensors
import Testing

/// Whole short runs on PyTorch's CPU beside the CPU engine's: one of each method, and one that starts from the three stages of
/// pretraining.
@Suite(.serialized, .enabled(if: Torch.isThere, "no plugin is built: make torch-plugin")) struct TorchRunTests {
  private static let rows = [
    "table2/amos22-nnu-net", "table2/lits-segformer", "table2/btcv-dino-u-net", "table3/4-stages-1-2-3",
  ]

  private func recipe(_ row: String, _ place: TemporaryWorkspace, _ overrides: [String]) throws -> ResolvedRecipe {
    try RecipeLibrary(root: place.workspace.recipes).resolve(
      "meddinov3/\(row)", profile: "quick", overrides: ["dataset.phantom.size=[64, 64, 8]"] + overrides)
  }

  /// An epoch of one step each, so that the curve has every step's loss.
  @Test(arguments: rows) func twentyStepsHaveTheCPUsCurve(row: String) throws {
    func run(on device: Device) throws -> (record: RunRecord, start: RunRecord?) {
      let place = try TemporaryWorkspace()
      let recipe = try recipe(row, place, ["training.steps_per_epoch=1", "training.epochs=20"])
      return try device {
        let runner = Runner(workspace: place.workspace)
        let record = try runner.run(recipe, seed: 0)
        return (record, try recipe.pretraining.flatMap { try runner.finishedRun($0, seed: $0.recipe.seeds[0]) })
      }
    }
    let (expected, found) = (try run(on: .cpu), try run(on: Torch.device.get()))
    #expect(found.record.curves.epochs.count == 20)
    // nnU-Net's rate and momentum make of rounding what they will: its coarsest maps have 4 pixels here, over which instance norm
    // divides. The first two steps keep to 1e-4, the twentieth is 2e-3 away (1e-4 already with one thread in place of two on the
    // CPU). That its gradients are the same, in double precision to 1e-11, is TorchNetworkTests'.
    let losses = (found.record.curves.epochs.map(\.trainingLoss), expected.record.curves.epochs.map(\.trainingLoss))
    let close = row.hasSuffix("nnu-net") ? 2 : 20
    expectNear(Array(losses.0.prefix(close)), Array(losses.1.prefix(close)), 1e-4, "loss")
    expectNear(losses.0, losses.1, 1e-2, "loss")
    if let start = found.start, let other = expected.start {
      for (name, values) in start.curves.columns where name.lowercased().contains("loss") {
        expectNear(values, try #require(other.curves.columns.first { $0.name == name }).values, 1e-4, name)
      }
    }
    // Another device is another run, and says what computed it.
    #expect(found.record.description.identity != expected.record.description.identity)
    #expect(found.record.provenance.device == "torch" && expected.record.provenance.device == nil)
    #expect(
      found.record.provenance.libraries["PyTorch"] != nil && expected.record.provenance.libraries["PyTorch"] == nil)
    #expect(found.record.provenance.basis.text.contains("PyTorch"))
  }

  private func expectNear(_ found: [Double], _ expected: [Double], _ tolerance: Double, _ name: String) {
    #expect(found.count == expected.count)
    for (step, (found, expected)) in zip(found, expected).enumerated() where found != expected {
      // What is undefined is so on both.
      if found.isNaN && expected.isNaN { continue }
      #expect(abs(found - expected) <= tolerance * abs(expected), "\(name), step \(step + 1): \(found) and \(expected)")
    }
  }

  /// Stopped and gone on with, or with parts computed again in place of kept: the same bits.
  @Test(arguments: rows) func aStoppedOrRecomputedRunHasTheSameBits(row: String) throws {
    let device = try Torch.device.get()
    let overrides = ["training.steps_per_epoch=3", "training.epochs=2"]
    func digests(_ record: RunRecord) -> [String] {
      [record.description.weightsDigest] + (record.metrics?.predictionDigests ?? [])
        + record.curves.epochs.map { "\($0.trainingLoss)" }
    }
    let (whole, broken, recomputed) = (try TemporaryWorkspace(), try TemporaryWorkspace(), try TemporaryWorkspace())
    let expected = try device { try Runner(workspace: whole.workspace).run(recipe(row, whole, overrides), seed: 0) }
    let (stopped, sessions) = try device {
      try broken.run(recipe(row, broken, overrides), questions: { 3 * $0 })
    }
    #expect(sessions > 1 && digests(stopped) == digests(expected))
    let again = try device {
      try Runner(workspace: recomputed.workspace).run(
        recipe(row, recomputed, overrides + ["training.recompute=true"]), seed: 0)
    }
    #expect(digests(again) == digests(expected))
  }
}
