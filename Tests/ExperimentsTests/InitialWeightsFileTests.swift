import Experiments
import Files
import Foundation
import Networks
import Recipes
import Testing

/// What a run learns from a file of weights does not depend on where in the file they stand.
@Suite struct InitialWeightsFileTests {
  private func arrays(seed: UInt64, width: Int = 96) -> [String: StoredTensor] {
    let form = VisionTransformerConfiguration(width: width, depth: 4, heads: 3, patch: 8, layerScale: 1)
    let encoder = VisionTransformer(form, Initializer(seed: seed))
    return WeightLayout.dinov3.mapping(for: encoder).arrays(of: encoder.parameters)
  }

  private func prefixed(_ arrays: [String: StoredTensor], _ prefix: String) -> [String: StoredTensor] {
    Dictionary(uniqueKeysWithValues: arrays.map { (prefix + $0.key, $0.value) })
  }

  private func trained(
    _ arrays: [String: StoredTensor], _ name: String, _ work: TemporaryWorkspace, model: String? = nil
  ) throws -> String {
    try Safetensors.write(arrays, to: work.workspace.userData!.appendingPathComponent("\(name).safetensors"))
    let choice = model.map { ", model: \($0)" } ?? ""
    let row = try work.row(
      "2-dinov3-640",
      [
        "initial_weights={from: file, path: \(name).safetensors, layout: dinov3\(choice)}", "training.epochs=1",
        "training.steps_per_epoch=1",
      ])
    return try Runner(workspace: work.workspace).run(row, seed: 0).description.weightsDigest
  }

  @Test func aWrapperChangesNothingAndTheTeacherIsMeant() throws {
    let work = try TemporaryWorkspace(withUserData: true)
    let (teacher, student) = (arrays(seed: 1), arrays(seed: 2))
    let plain = try trained(teacher, "plain", work)
    var three = prefixed(student, "student.backbone.")
    three.merge(prefixed(teacher, "teacher.module.backbone.")) { $1 }
    three.merge(prefixed(student, "gram_teacher.backbone.")) { $1 }
    #expect(try trained(prefixed(teacher, "model._orig_mod."), "wrapped", work) == plain)
    #expect(try trained(three, "three", work) == plain)
    let other = try trained(three, "other", work, model: "student")
    #expect(try other == trained(student, "student", work) && other != plain)
  }

  @Test func whatDoesNotFitIsOneSentence() throws {
    let work = try TemporaryWorkspace(withUserData: true)
    func complaint(_ arrays: [String: StoredTensor]) -> String {
      do {
        _ = try trained(arrays, "w", work)
        return "nothing"
      } catch let error as any InputError { return error.description } catch { return "no input error: \(error)" }
    }
    let larger = complaint(arrays(seed: 1, width: 192))
    #expect(larger.contains("width 192, 4 blocks and patch 8") && larger.contains("has width 96"), "\(larger)")
    let hugging = complaint(["embeddings.patch_embeddings.weight": StoredTensor(shape: [4], floats: [0, 0, 0, 0])])
    #expect(hugging.contains("[width, channels, patch, patch]"), "\(hugging)")
  }
}
