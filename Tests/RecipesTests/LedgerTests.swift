import Experiments
import Foundation
import Recipes
import TestSupport
import Testing

/// The study's ledger of deviations, against its recipes.
@Suite struct LedgerTests {
  private let library = RecipeLibrary(root: shippedRecipes)

  private func ledger() throws -> [Deviation] { try library.deviations("meddinov3/deviations.yaml") }

  /// Every recipe of the study, trainings and pretrainings.
  private func recipes() throws -> [String] {
    try ["table1", "table2", "table3", "pretraining"].flatMap { folder in
      let names = try FileManager.default.contentsOfDirectory(
        atPath: shippedRecipes.appendingPathComponent("meddinov3/\(folder)").path)
      return names.filter { $0.hasSuffix(".yaml") }.sorted().map { "meddinov3/\(folder)/\($0)" }
    }
  }

  /// What differs between the paper's and the code's form of a recipe at the paper's scale: keys with other values, and keys
  /// that only one of them has.
  private func differences(_ recipe: String) throws -> Set<String> {
    func values(_ fidelity: Recipe.Fidelity) throws -> [String: String] {
      let resolved = try library.resolve(recipe, profile: "paper", fidelity: fidelity)
      return Dictionary(uniqueKeysWithValues: resolved.values.map { ($0.key, $0.text) })
    }
    let (paper, code) = (try values(.paper), try values(.code))
    return Set(paper.keys).union(code.keys).filter { paper[$0] != code[$0] && $0 != "fidelity" }
  }

  private func carries(_ key: String, _ differing: some Sequence<String>) -> Bool {
    differing.contains { $0 == key || $0.hasPrefix(key + ".") }
  }

  /// `--fidelity` changes every key of every entry that says so, in the recipe that the entry names or in some recipe of the
  /// study.
  @Test func fidelitySwitchesWhatTheLedgerSays() throws {
    let all = try Dictionary(uniqueKeysWithValues: recipes().map { ($0, try differences($0)) })
    let entries = try ledger()
    #expect(entries.count >= 31 && Set(entries.map(\.topic)).count == entries.count)
    var switched = 0
    for entry in entries {
      #expect(![entry.topic, entry.reason, entry.paper.value, entry.code.value].contains(""))
      guard case .fidelity(let shown) = entry.change else { continue }
      switched += 1
      #expect(entry.standard != .neither, "\(entry.topic)")
      #expect(shown.map { all[$0] != nil } ?? true, "\(entry.topic): \(shown ?? "")")
      for key in entry.keys {
        let places = shown.map { [$0] } ?? Array(all.keys)
        #expect(places.contains { carries(key, all[$0] ?? []) }, "\(entry.topic): \(key) does not change")
      }
    }
    #expect(switched >= 14)
  }

  /// Nothing differs between the two that no entry tells of.
  @Test func whatDiffersIsInTheLedger() throws {
    let keys = try ledger().filter { if case .fidelity = $0.change { true } else { false } }.flatMap(\.keys)
    for recipe in try recipes() {
      for key in try differences(recipe) {
        #expect(keys.contains { carries($0, [key]) }, "\(recipe): no entry has \(key)")
      }
    }
  }

  /// Without being told, a recipe follows the code.
  @Test func theCodeIsTheDefault() throws {
    for recipe in try recipes() {
      let code = try library.resolve(recipe, profile: "paper", fidelity: .code)
      #expect(try library.resolve(recipe, profile: "paper").canonicalText == code.canonicalText)
    }
    for entry in try ledger() {
      if case .fidelity = entry.change { #expect(entry.standard == .code, "\(entry.topic)") }
    }
  }
}
