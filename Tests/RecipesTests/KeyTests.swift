import Foundation
import Recipes
import TestSupport
import Testing

/// A network as a version of the program has it.
private struct Small: NetworkKind {
  static let name = "small"
  @Key("small", "its parts") var small: Parts

  struct Parts: RecipeSection {
    @Key("width", 1...9, "channels") var width: Int
    @Key("steps", .list(1...9), "its steps") var steps: [Step]
  }

  struct Step: RecipeSection {
    @Key("size", 1...9, "how large") var size: Int
  }
}

/// The same network as a later version has it: with one key of each type more, which has a default or may be left out.
private struct SmallLater: NetworkKind {
  static let name = "small"
  @Key("small", "its parts") var small: Parts
  @Key("extras", "what came later", since: "9.0.0") var extras: Extras

  struct Parts: RecipeSection {
    @Key("width", 1...9, "channels") var width: Int
    @Key("steps", .list(1...9), "its steps") var steps: [Step]
    @Key("depth", 1...9, default: 2, "how deep", since: "9.0.0") var depth: Int
    @Key("rate", .closed(0, 1), default: 0.5, "how fast", since: "9.0.0") var rate: Double
    @Key("gated", default: true, "whether it has a gate", since: "9.0.0") var gated: Bool
    @Key("way", default: .up, "which way", since: "9.0.0") var way: Way
    @Key("sides", .list(2, of: 1...9), default: [3, 4], "both sides", since: "9.0.0") var sides: [Int]
    @Key("name", .name, "a name", since: "9.0.0") var word: String?
  }

  struct Step: RecipeSection {
    @Key("size", 1...9, "how large") var size: Int
    @Key("share", .closed(0, 1), default: 1, "how often", since: "9.0.0") var share: Double
  }

  /// Keys of a section that is new as a whole.
  struct Extras: RecipeSection {
    @Key("count", 0...9, default: 0, "how many") var count: Int
  }

  enum Way: String, KeyChoice {
    case up, down
  }
}

/// The declarations of keys: what a reader fills, and what identities make of keys that came later.
@Suite struct KeyTests {
  private static let network = "network:\n  kind: small\n  small: {width: 3, steps: [{size: 1}, {size: 2}]}\n"

  private func resolved(_ kind: any NetworkKind.Type, _ settings: [String] = []) throws -> ResolvedRecipe {
    let base = TemporaryLibrary.base
    let (start, end) = (base.range(of: "network:\n")!.lowerBound, base.range(of: "initial_weights:\n")!.lowerBound)
    let text = base.replacingCharacters(in: start..<end, with: Self.network)
      .replacingOccurrences(of: "    encoder_learning_rate: 1e-4\n", with: "")
    let folder = try TemporaryLibrary(["row.yaml": text])
    return try RecipeLibrary(root: folder.root, networks: [kind]).resolve("row.yaml", overrides: settings)
  }

  /// Left out, or given as the default is.
  @Test(arguments: [
    [], ["network.small.depth=2"], ["network.small.rate=0.5", "network.small.gated=true"],
    ["network.small.sides=[3, 4]", "network.small.way=up"], ["network.extras={count: 0}"],
    ["network.small.steps=[{size: 1, share: 1}, {size: 2, share: 1.0}]"],
  ])
  func aLaterKeyLeavesIdentitiesAsTheyAre(settings: [String]) throws {
    let (before, after) = (try resolved(Small.self), try resolved(SmallLater.self, settings))
    #expect(before.identityText(seed: 3) == after.identityText(seed: 3))
    // It is a value like others everywhere else.
    #expect(after.canonicalText.contains("network.small.depth: 2\nnetwork.small.gated: true\n"))
    #expect(after.canonicalText.contains("network.extras.count: 0\n") && after.yamlText.contains("share: 1.0"))
  }

  @Test(arguments: [
    ("network.small.depth=3", "network.small.depth: 3\n"), ("network.small.rate=0.25", "network.small.rate: 0.25\n"),
    ("network.small.gated=false", "network.small.gated: false\n"), ("network.small.way=down", "small.way: down\n"),
    ("network.small.sides=[3, 5]", "network.small.sides: [3, 5]\n"), ("network.small.name=x", "small.name: x\n"),
    ("network.extras.count=1", "network.extras.count: 1\n"),
    ("network.small.steps=[{size: 1}, {size: 2, share: 0.5}]", "steps: [{size: 1}, {share: 0.5, size: 2}]\n"),
  ])
  func aLaterKeyWithAnotherValueMakesAnotherIdentity(setting: String, line: String) throws {
    let (before, after) = (try resolved(Small.self), try resolved(SmallLater.self, [setting]))
    #expect(after.identityText(seed: 3).contains(line))
    let more = Set(after.identityText(seed: 3).split(separator: "\n"))
      .subtracting(before.identityText(seed: 3).split(separator: "\n"))
    #expect(more.count == 1, "\(more)")
  }

  @Test func everyTypeIsRead() throws {
    let settings = [
      "network.small.way=down", "network.small.sides=[5, 6]", "network.small.name=x", "network.extras.count=7",
    ]
    let kind = try #require(resolved(SmallLater.self, settings).recipe.segmentation?.network.kind as? SmallLater)
    #expect(kind.small.width == 3 && kind.small.depth == 2 && kind.small.rate == 0.5 && kind.small.gated)
    #expect(kind.small.way == .down && kind.small.sides == [5, 6] && kind.small.word == "x" && kind.extras.count == 7)
    #expect(kind.small.steps.map(\.size) == [1, 2] && kind.small.steps.map(\.share) == [1, 1])
    let other = try #require(resolved(SmallLater.self).recipe.segmentation?.network.kind as? SmallLater)
    #expect(other.small.word == nil && other != kind)
    try #expect(other == resolved(SmallLater.self).recipe.segmentation?.network.kind as? SmallLater)
  }

  /// The engine's own enumerations are read by their names.
  @Test(arguments: ["monai", "deepmind"]) func whoseSurfaces(name: String) throws {
    let recipe = try resolved(Small.self, ["evaluation.nsd.kind=\(name)"]).recipe
    #expect(recipe.scored?.scoring.surfaceDice == (name == "monai" ? .monai : .deepMind))
  }

  @Test func versionsAreCompared() {
    let versions: [EngineVersion] = ["0.4.0", "0.4.1", "0.10.0", "1.0.0"]
    #expect(versions == versions.shuffled().sorted() && EngineVersion.ofIdentities == "0.4.0")
    #expect(versions.map(\.description) == ["0.4.0", "0.4.1", "0.10.0", "1.0.0"])
  }
}
