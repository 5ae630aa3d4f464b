import Experiments
import Files
import Foundation
import Recipes
import TestSupport
import Testing

/// The encoder that the repository ships: that it is the one which its recipe trains.
@Suite struct ReleasedWeightsTests {
  private static let folder = shippedRecipes.appendingPathComponent("meddinov3/released")

  /// What `sha256sum` writes: a digest and a name on each line.
  private static func digests() throws -> [String: String] {
    let text = try String(contentsOf: folder.appendingPathComponent("textured-encoder.sha256"), encoding: .utf8)
    let pairs = text.split(separator: "\n").map { line in
      let words = line.split(separator: " ")
      return (String(words[1]), String(words[0]))
    }
    return Dictionary(uniqueKeysWithValues: pairs)
  }

  @Test func theShippedFileIsTheOneThatWasTrained() throws {
    let file = Self.folder.appendingPathComponent("textured-encoder.safetensors")
    #expect(try Digest.sha256(ofFileAt: file) == Self.digests()["textured-encoder.safetensors"])
  }

  /// The training of an hour, stopped after its first snapshot: the same bits as those of the training that made the file.
  @Test func itsFirstIterationsGiveTheSameBits() throws {
    let place = try TemporaryWorkspace()
    let recipe = try RecipeLibrary(root: place.workspace.recipes).resolve(
      "meddinov3/pretraining/natural-images.yaml", profile: "textured")
    func snapshot() -> URL? {
      let runs = (try? FileManager.default.subpathsOfDirectory(atPath: place.workspace.runs.path)) ?? []
      return runs.first { $0.hasSuffix("snapshots/4.safetensors") }.map(place.workspace.runs.appendingPathComponent)
    }
    let runner = Runner(workspace: place.workspace, isCancelled: { snapshot() != nil })
    #expect(throws: CancellationError.self) { _ = try runner.run(recipe, seed: 0) }
    #expect(try Digest.sha256(ofFileAt: #require(snapshot())) == Self.digests()["4.safetensors"])
  }
}
