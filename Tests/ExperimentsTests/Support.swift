import Experiments
import Foundation
import Recipes
import Synchronization
import TestSupport
import Testing

/// A temporary workspace with the shipped recipes.
final class TemporaryWorkspace {
  let workspace: Workspace

  /// - Parameter withUserData: whether there is a folder of the user's, `user` below the root.
  init(withUserData: Bool = false) throws {
    let root = FileManager.default.temporaryDirectory.appendingPathComponent("segbench-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
    try FileManager.default.copyItem(at: shippedRecipes, to: root.appendingPathComponent("Recipes"))
    let userData = withUserData ? root.appendingPathComponent("user") : nil
    if let userData { try FileManager.default.createDirectory(at: userData, withIntermediateDirectories: true) }
    workspace = Workspace(root: root, userData: userData)
  }

  deinit { try? FileManager.default.removeItem(at: workspace.root) }

  /// Table 1's row with the shortest training that still has epochs and steps.
  func row(_ name: String, _ overrides: [String] = []) throws -> ResolvedRecipe {
    try RecipeLibrary(root: workspace.recipes).resolve(
      "meddinov3/table1/\(name).yaml", profile: "quick",
      overrides: ["training.steps_per_epoch=3", "dataset.phantom.size=[48, 48, 8]"] + overrides)
  }

  /// The prepared cases by their paths, each with the number of its file, which changes when it is made again.
  func preparedCases() throws -> [String: Int] {
    let cases = workspace.prepared.appendingPathComponent("cases")
    let files = try FileManager.default.subpathsOfDirectory(atPath: cases.path).filter { $0.hasSuffix(".h5") }
    return try Dictionary(
      uniqueKeysWithValues: files.map { path in
        let attributes = try FileManager.default.attributesOfItem(atPath: cases.appendingPathComponent(path).path)
        return (path, attributes[.systemFileNumber] as? Int ?? -1)
      })
  }

  /// Runs a recipe in as many sessions as it takes, each stopped after so many questions whether it should, and returns how
  /// many they were.
  func run(_ recipe: ResolvedRecipe, questions: (_ session: Int) -> Int) throws -> (record: RunRecord, sessions: Int) {
    for session in 1..<30 {
      let allowed = questions(session)
      let asked = Mutex(0)
      let runner = Runner(
        workspace: workspace,
        isCancelled: {
          asked.withLock {
            $0 += 1
            return $0 > allowed
          }
        })
      do { return (try runner.run(recipe, seed: 0), session) } catch is CancellationError {}
    }
    throw TooManySessions()
  }

  private struct TooManySessions: Error {}
}
