import Files
import Foundation
import Recipes

/// Recipes that were asked for together: a table's rows, or recipes that were named.
public struct RecipeGroup: Sendable {
  /// The table's path below the recipes' root; "" for recipes without one.
  public let table: String
  public let title: String
  public let recipes: [ResolvedRecipe]

  public init(table: String = "", title: String = "", recipes: [ResolvedRecipe]) {
    self.table = table
    self.title = title
    self.recipes = recipes
  }
}

/// What it takes to make some tables: data prepared once, pretraining stages in their order, runs that rows share once, and
/// reports last. A value: one process walks through it, another hands it to a scheduler.
public struct RunGraph: Sendable {
  public enum Work: Sendable {
    /// Brings together what these recipes learn from or are scored on; they share a dataset.
    case preparation([ResolvedRecipe])
    /// Trains, or scores.
    case run(ResolvedRecipe, seed: UInt64)
    /// Writes a table's report, by the table's path.
    case report(String)
  }

  public struct Job: Sendable {
    public let title: String
    public let work: Work
    /// The jobs that must have succeeded, by their places in `jobs`; of a report, those that must have ended.
    public let needs: [Int]
    /// What the user must provide that is not there.
    public let lacks: [MissingInput]
    /// Whether the run was asked for, and is not here only because another starts from it.
    public let isAsked: Bool
    /// Equal for equal work: of runs what makes them one before their identity is known.
    public let key: String
    /// Whether it starts even where what it needs has failed.
    public var startsAnyway: Bool { if case .report = work { true } else { false } }
  }

  /// Each stands behind what it needs.
  public private(set) var jobs: [Job] = []

  /// - Parameters:
  ///   - seeds: in place of the recipes' own.
  ///   - reports: whether the tables' reports are jobs too.
  public init(_ groups: [RecipeGroup], seeds: [UInt64]?, workspace: Workspace, reports: Bool = false) {
    let asked = groups.flatMap { group in
      group.recipes.flatMap { recipe in recipe.recipe.seeds(inPlace: seeds).map { (recipe: recipe, seed: $0) } }
    }
    let lacking = asked.map { workspace.missingInputs(of: $0.recipe) }
    var preparations = Preparations()
    for ((recipe, _), lacks) in zip(asked, lacking) where lacks.isEmpty { preparations.add(recipe) }
    for (key, recipes) in preparations.all {
      jobs.append(
        Job(
          title: "data of \(recipes[0].dataText)", work: .preparation(recipes), needs: [], lacks: [], isAsked: false,
          key: key))
    }
    var places: [String: Int] = [:]
    for (index, job) in jobs.enumerated() { places[job.key] = index }
    for ((recipe, seed), lacks) in zip(asked, lacking) {
      add(recipe, seed: seed, lacks: lacks, isAsked: true, &places)
    }
    guard reports else { return }
    for group in groups where !group.table.isEmpty && !jobs.contains(where: { $0.key == "report \(group.table)" }) {
      let runs = group.recipes.flatMap { recipe in
        recipe.recipe.seeds(inPlace: seeds).compactMap { places[recipe.runKey(seed: $0)] }
      }
      jobs.append(
        Job(
          title: "report of \(group.table)", work: .report(group.table), needs: Array(Set(runs)).sorted(), lacks: [],
          isAsked: false, key: "report \(group.table)"))
    }
  }

  /// Adds a run after those that it starts from, unless it is there.
  private mutating func add(
    _ recipe: ResolvedRecipe, seed: UInt64, lacks: [MissingInput], isAsked: Bool, _ places: inout [String: Int]
  ) {
    let key = recipe.runKey(seed: seed)
    if let place = places[key] {
      if isAsked && !jobs[place].isAsked {
        let known = jobs[place]
        jobs[place] = Job(
          title: known.title, work: known.work, needs: known.needs, lacks: known.lacks, isAsked: true, key: key)
      }
      return
    }
    var needs: [Int] = []
    // Where something is missing, nothing is begun that would come before it.
    if lacks.isEmpty {
      if let data = recipe.dataKey { needs.append(places[data]!) }
      if let start = recipe.pretraining {
        let seed = start.recipe.seeds[0]
        add(start, seed: seed, lacks: [], isAsked: false, &places)
        needs.append(places[start.runKey(seed: seed)]!)
      }
    }
    places[key] = jobs.count
    jobs.append(
      Job(
        title: "\(recipe.recipe.title), seed \(seed)", work: .run(recipe, seed: seed), needs: needs, lacks: lacks,
        isAsked: isAsked, key: key))
  }

  /// A short name for a job's key.
  static func digest(of key: String) -> String { String(Digest.sha256(of: key).prefix(24)) }

  /// Its preparations alone.
  public var preparations: RunGraph {
    keeping { if case .preparation = $0.work { true } else { false } }
  }

  /// The graph of some of its jobs, which need what is left of what they needed.
  func keeping(_ isKept: (Job) throws -> Bool) rethrows -> RunGraph {
    let kept = try jobs.indices.filter { try isKept(jobs[$0]) }
    var graph = self
    graph.jobs = kept.map { index in
      let job = jobs[index]
      return Job(
        title: job.title, work: job.work, needs: job.needs.compactMap { kept.firstIndex(of: $0) }, lacks: job.lacks,
        isAsked: job.isAsked, key: job.key)
    }
    return graph
  }

  /// What the asked runs lack, each thing once.
  public var missingInputs: [MissingInput] {
    var missing: [MissingInput] = []
    for input in jobs.flatMap(\.lacks) where !missing.contains(input) { missing.append(input) }
    return missing.sorted { $0.path < $1.path }
  }
}

/// The recipes that share their data, in the order in which they came.
private struct Preparations {
  private(set) var all: [(key: String, recipes: [ResolvedRecipe])] = []

  mutating func add(_ recipe: ResolvedRecipe) {
    if let start = recipe.pretraining { add(start) }
    guard let key = recipe.dataKey else { return }
    guard let place = all.firstIndex(where: { $0.key == key }) else {
      all.append((key, [recipe]))
      return
    }
    let text = recipe.preparationText
    if !all[place].recipes.contains(where: { $0.preparationText == text }) { all[place].recipes.append(recipe) }
  }
}

extension ResolvedRecipe {
  /// What makes two runs one, before their identity is known.
  func runKey(seed: UInt64) -> String {
    // Where files are decides no result, and yet which files they are; titles are words.
    identityText(seed: seed)
      + values.filter { !$0.affectsResult && !["title", "description"].contains($0.key) }
      .map { "\($0.key): \($0.text)\n" }.joined()
  }

  /// The name that submissions have for it.
  func runDigest(seed: UInt64) -> String { RunGraph.digest(of: runKey(seed: seed)) }

  /// The values whose keys begin so.
  private func texts(_ prefix: String) -> String {
    values.filter { $0.key.hasPrefix(prefix) }.map { "\($0.key): \($0.text)\n" }.joined()
  }

  /// What recipes share that are prepared by one job; nil for a recipe that needs no data on disk.
  fileprivate var dataKey: String? {
    if recipe.scored != nil { return texts("dataset.") }
    if case .slices? = recipe.images { return texts("images.") }
    return nil
  }

  /// What preparing the data depends on beside the dataset.
  fileprivate var preparationText: String {
    recipe.scored == nil ? "" : texts("plan.") + texts("predictions.") + texts("evaluation.")
  }
}
