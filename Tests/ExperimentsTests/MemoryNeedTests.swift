import Experiments
import Foundation
import Recipes
import TestSupport
import Testing

/// What trainings take at least: never more than the machines have that they are meant for.
@Suite struct MemoryNeedTests {
  private func need(_ path: String, _ profile: String, _ overrides: [String] = []) throws -> MemoryNeed {
    MemoryNeed(
      try RecipeLibrary(root: shippedRecipes).resolve(path, profile: profile, overrides: overrides).recipe.task)
  }

  private static var shipped: [String] {
    get throws {
      let paths = try #require(FileManager.default.enumerator(atPath: shippedRecipes.path)).compactMap { $0 as? String }
      return paths.filter { path in
        path.hasSuffix(".yaml")
          && ["table1/", "table2/", "table3/", "pretraining/"].contains { path.hasPrefix("meddinov3/" + $0) }
      }.sorted()
    }
  }

  @Test func noShippedRecipeIsRefusedWithoutNeed() throws {
    let paths = try Self.shipped
    try #require(paths.count > 10)
    for path in paths {
      let small = try need(path, "phantom").bytes
      #expect(small > 0 && small < Double(4 << 30), "\(path) of phantom: \(small)")
      // A U-Net of the plan's own form counts as nothing. What the published trainings fit into: a graphics card's 80 GB.
      let large = try need(path, "paper").bytes
      #expect(large < 80e9, "\(path) of paper: \(large)")
    }
  }

  @Test func keysThatTakeTheMostAreNamed() throws {
    let row = "meddinov3/table1/1-random-init-640.yaml"
    let wide = try need(row, "phantom", ["network.vit.width=8192", "network.vit.heads=64"])
    let text = try #require(wide.shortage(of: 22 << 30)).description
    #expect(text.contains("network.vit.width") && !text.contains("plan.batch_size") && text.contains("22.0 GiB"))
    let many = try need(row, "phantom", ["plan.batch_size=4096", "plan.configuration=2d_640"])
    #expect(try #require(many.shortage(of: 22 << 30)).description.contains("plan.batch_size"))
    #expect(try need(row, "paper").bytes > 1e9)
    #expect(try need(row, "phantom").shortage(of: 4 << 30) == nil)
  }

  @Test func theMachineSaysWhatItHas() {
    let memory = MachineMemory.current()
    #expect(memory.available > 0 && memory.available <= memory.total && memory.total < 1 << 50)
    #expect(MachineMemory.mappedBytes > 1 << 20)
  }
}
