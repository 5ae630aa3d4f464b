import Files
import Foundation
import Recipes

/// What has run of some recipes, how far unfinished runs are, what is missing, and how long the rest will take.
public struct Status: Encodable, Sendable {
  public enum State: String, Encodable, Sendable, CaseIterable {
    case done, unfinished
    case waiting = "to run"
    /// Data or weights are not there.
    case missing
  }

  /// One recipe with one seed.
  public struct Run: Encodable, Sendable {
    public let title: String
    public let recipe: String
    public let seed: UInt64
    public let kind: String
    public let state: State
    /// Nil where what the run starts from is not there yet.
    public let identity: String?
    /// What it took; nil unless it is done.
    public let seconds: Double?
    /// What is left of its training; nil where that is not known.
    public let estimatedSeconds: Double?
    /// Steps that an unfinished training has kept, and of how many.
    public let doneSteps: Int?
    public let steps: Int?
    /// What it learns from or is scored on.
    public let data: String
    /// The section in which the run stands already; nil in the first.
    public let sharedWith: String?
  }

  /// The runs of a table, or of recipes that were named.
  public struct Section: Encodable, Sendable {
    public let name: String
    public let title: String
    public var runs: [Run]
  }

  public struct Missing: Encodable, Sendable {
    public let path: String
    public let meaning: String
  }

  public private(set) var sections: [Section] = []
  public private(set) var missing: [Missing] = []
  public let userData: String?
  /// Operations in a second, from which times are estimated, and whether finished runs reached them.
  public let rate: Double
  public let rateIsMeasured: Bool

  /// - Parameter sections: recipes under the names and titles that they are listed below; "" for none.
  public init(
    of sections: [(name: String, title: String, recipes: [ResolvedRecipe])], seeds: [UInt64]?, runner: Runner
  ) throws {
    var found: [(name: String, title: String, runs: [Found])] = []
    for section in sections {
      let runs = try section.recipes.flatMap { recipe in
        try recipe.recipe.seeds(inPlace: seeds).flatMap { try Self.chain(recipe, seed: $0, runner) }
      }
      found.append((section.name, section.title, runs))
    }
    let measured = WorkEstimate.rate(
      of: found.flatMap(\.runs).compactMap { run in
        run.recipe.recipe.segmentation.flatMap { recipe in run.record.map { (recipe, $0) } }
      })
    rate = measured ?? WorkEstimate.probedRate()
    rateIsMeasured = measured != nil
    userData = runner.workspace.userData?.path
    var seen: [String: String] = [:]
    for (name, title, runs) in found {
      var section = Section(name: name, title: title, runs: [])
      for run in runs {
        let earlier = seen[run.key]
        // What rows start from is listed once; a row is named in every table that has it.
        if let earlier, earlier.isEmpty || run.isStart || section.has(run) { continue }
        section.runs.append(run.described(rate: rate, sharedWith: earlier))
        if earlier == nil { seen[run.key] = name }
      }
      self.sections.append(section)
    }
    for input in found.flatMap(\.runs).flatMap(\.absent) where !missing.contains(where: { $0.path == input.path }) {
      missing.append(Missing(path: input.path, meaning: input.meaning))
    }
  }

  /// Every run once.
  public var runs: [Run] { sections.flatMap(\.runs).filter { $0.sharedWith == nil } }

  /// A heading and a line for each run of a section, the totals, and what is missing.
  /// - Parameter showsData: whether each line says what the run learns from.
  public func lines(showsData: Bool = false) -> [String] {
    var lines: [String] = []
    for section in sections {
      if !section.name.isEmpty { lines += (lines.isEmpty ? [] : [""]) + ["\(section.name): \(section.title)"] }
      for run in section.runs { lines.append(run.line + (showsData ? "; \(run.data)" : "")) }
    }
    let source = rateIsMeasured ? "what the finished runs reached" : "half of this machine's matrix product rate"
    lines += ["", totals, "Times at \(Int(rate / 1e9)) GF/s: \(source)."]
    if !missing.isEmpty {
      let place = userData.map { "below SEGBENCH_DATA (\($0))" } ?? "below SEGBENCH_DATA, which is not set"
      lines += ["", "Missing \(place):"] + missing.map { "  \($0.path): \($0.meaning)" }
    }
    return lines
  }

  /// How many runs are in which state, and how long they took or will take.
  private var totals: String {
    let all = runs
    let parts = State.allCases.compactMap { state -> String? in
      let own = all.filter { $0.state == state }
      guard !own.isEmpty else { return nil }
      let times = own.compactMap { state == .done ? $0.seconds : $0.estimatedSeconds }
      let time = timeText(times.reduce(0, +))
      let isPartial = times.count < own.count
      let words =
        times.isEmpty ? "" : state == .done ? " (\(time))" : " (\(isPartial ? "more than" : "about") \(time))"
      return "\(own.count) \(state.rawValue)\(words)"
    }
    return "\(all.count) run\(all.count == 1 ? "" : "s"): \(parts.joined(separator: ", "))."
  }

  /// The pretrainings before a run, the first of them first, and the run.
  private static func chain(_ recipe: ResolvedRecipe, seed: UInt64, _ runner: Runner) throws -> [Found] {
    var runs = try recipe.pretraining.map { try chain($0, seed: $0.recipe.seeds[0], runner) } ?? []
    for index in runs.indices { runs[index].isStart = true }
    runs.append(try Found(recipe, seed: seed, runner))
    return runs
  }
}

extension Status.Section {
  fileprivate func has(_ run: Found) -> Bool {
    runs.contains { $0.recipe == run.recipe.path && $0.seed == run.seed }
  }
}

/// A run as it was found.
private struct Found {
  let recipe: ResolvedRecipe
  let seed: UInt64
  let identity: String?
  let record: RunRecord?
  let absent: [MissingInput]
  /// Steps that its checkpoint holds.
  let doneSteps: Int?
  let data: String
  /// Whether it is here because another starts from it.
  var isStart = false

  init(_ recipe: ResolvedRecipe, seed: UInt64, _ runner: Runner) throws {
    self.recipe = recipe
    self.seed = seed
    absent = runner.workspace.missingInputs(of: recipe)
    identity = absent.isEmpty ? try runner.identity(of: recipe, seed: seed) : nil
    record = absent.isEmpty ? try runner.finishedRun(recipe, seed: seed) : nil
    let folder = identity.map { runner.folder($0) }
    doneSteps = record == nil ? folder.flatMap { Self.doneSteps(in: $0, of: recipe) } : nil
    data = recipe.dataText
  }

  /// What makes two runs one, before their identity is known.
  var key: String {
    let dataset = recipe.recipe.scored.map { "\($0.dataset)" } ?? ""
    return dataset + recipe.identityText(seed: seed)
  }

  /// Steps of the training; nil for what trains nothing.
  private static func steps(of recipe: ResolvedRecipe) -> Int? {
    switch recipe.recipe.task {
    case .segmentation(let recipe): recipe.training.epochs * recipe.training.stepsPerEpoch
    case .pretraining(let recipe): recipe.selfDistillation.iterations
    case .predictions, .curation: nil
    }
  }

  /// What the run's checkpoint counts; nil without one that can be read.
  private static func doneSteps(in folder: URL, of recipe: ResolvedRecipe) -> Int? {
    guard let file = try? HDF5File(reading: folder.appendingPathComponent("checkpoints/latest.h5")) else { return nil }
    func counter(_ name: String) -> Int? { (try? file.attribute(name, of: "/", as: Int.self))?.first }
    switch recipe.recipe.task {
    case .segmentation(let recipe):
      guard let epochs = counter("epochs"), let step = counter("step") else { return nil }
      let done = epochs.multipliedReportingOverflow(by: recipe.training.stepsPerEpoch)
      return done.overflow ? nil : done.partialValue + step
    case .pretraining: return counter("iterations")
    case .predictions, .curation: return nil
    }
  }

  func described(rate: Double, sharedWith: String?) -> Status.Run {
    let steps = Self.steps(of: recipe)
    let left = steps.map { Double($0 - min($0, max(0, doneSteps ?? 0))) / Double(max(1, $0)) } ?? 1
    let work = recipe.recipe.segmentation.flatMap { WorkEstimate($0) }
    let state: Status.State =
      record != nil ? .done : !absent.isEmpty ? .missing : doneSteps != nil ? .unfinished : .waiting
    return Status.Run(
      title: recipe.recipe.title, recipe: recipe.path, seed: seed, kind: recipe.recipe.kind.rawValue, state: state,
      identity: identity, seconds: record.map { $0.description.seconds.values.sorted().reduce(0, +) },
      estimatedSeconds: record == nil ? work.map { $0.operations * left / rate } : nil,
      doneSteps: doneSteps, steps: steps, data: data, sharedWith: sharedWith)
  }
}

extension Status.Run {
  /// Its state, title, and time.
  var line: String {
    let name = state.rawValue.padding(toLength: 10, withPad: " ", startingAt: 0) + "\(title), seed \(seed): "
    if let sharedWith { return name + "as in \(sharedWith)" }
    if let seconds, let identity { return name + "run \(identity.prefix(10)), \(timeText(seconds))" }
    let time =
      estimatedSeconds.map { "about \(timeText($0)) of training" }
      ?? (steps == nil ? "nothing to train, only to score" : "time not known before it runs")
    guard let doneSteps, let steps else { return name + time }
    return name + "\(doneSteps) of \(steps) steps done, " + (estimatedSeconds == nil ? time : time + " left")
  }
}

extension ResolvedRecipe {
  /// What a run learns from or is scored on, for people.
  var dataText: String {
    func phantoms(_ settings: PhantomSettings) -> String {
      "\(settings.cases) phantoms of \(settings.kind.rawValue), \(settings.size.map(String.init).joined(separator: " x "))"
    }
    if let dataset = recipe.scored?.dataset {
      switch dataset.source {
      case .phantom(let settings): return phantoms(settings)
      case .folder(let path, let cases):
        return "\(dataset.name) in \(path) below SEGBENCH_DATA" + (cases.map { ", \($0) labelled cases" } ?? "")
      }
    }
    switch recipe.images {
    case .deadLeaves(let settings): return "\(settings.count) procedural images of \(settings.size) pixels"
    case .slices(let settings): return "CT slices of " + settings.sources.map(\.name).joined(separator: ", ")
    case nil: return "nothing"
    }
  }
}
