import Files
import Foundation
import Recipes

/// What has run of some recipes, how far unfinished runs are, what is missing, and how long the rest will take.
public struct Status: Encodable, Sendable {
  public enum State: String, Encodable, Sendable, CaseIterable {
    case done
    /// A process is at work on it.
    case running
    /// A submission has it on its list.
    case queued
    case failed, unfinished
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
    /// Why it failed, or what it waits for; nil for other states.
    public let reason: String?
    /// The last that its own log tells of how far it is; nil unless it runs.
    public let progress: String?
    /// Nil where what the run starts from is not there yet.
    public let identity: String?
    /// What it took; nil unless it is done.
    public let seconds: Double?
    /// What is left of its training, from steps measured on this device; nil where none were.
    public let estimatedSeconds: Double?
    /// Whether that is scaled from other trainings' steps.
    public let estimateIsScaled: Bool
    /// The most memory that its training held when it was measured, in bytes; nil where it was not.
    public let memoryBytes: Int?
    /// What it will leave on disk at most, in bytes; nil where that was not measured.
    public let diskBytes: Int?
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
  /// What has been submitted and is not done, a line each.
  public private(set) var submissions: [String] = []
  public let userData: String?
  /// The device on which steps were measured: this one.
  public let device: String

  public init(of groups: [RecipeGroup], seeds: [UInt64]?, runner: Runner) throws {
    let submissions = try Submissions(of: runner.workspace)
    var found: [(name: String, title: String, runs: [Found])] = []
    for group in groups {
      let runs = try group.recipes.flatMap { recipe in
        try recipe.recipe.seeds(inPlace: seeds).flatMap { try Self.chain(recipe, seed: $0, runner, submissions) }
      }
      found.append((group.table, group.title, runs))
    }
    device = StepMeasurement.currentDevice
    // Operations in a second that measured trainings reach here.
    let known = found.flatMap(\.runs).compactMap { run in
      run.measured.flatMap { measured in run.work.map { $0.operationsPerStep / measured.secondsPerStep } }
    }
    let rate = known.isEmpty ? nil : known.reduce(0, +) / Double(known.count)
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
    self.submissions = submissions.lines
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
      if sections.count > 1, let sum = section.sum { lines.append("in all    \(sum)") }
    }
    let isAnythingMeasured = runs.contains { $0.estimatedSeconds != nil }
    let isAnythingLeft = runs.contains { $0.state != .done && $0.steps != nil }
    lines += ["", totals]
    if isAnythingMeasured {
      lines.append("Estimates from steps measured on this device (\(device)).")
    } else if isAnythingLeft {
      lines.append("No steps were measured on this device (\(device)); segbench calibrate takes some.")
    }
    if !submissions.isEmpty { lines += [""] + submissions }
    if !missing.isEmpty {
      let place = userData.map { "below SEGBENCH_DATA (\($0))" } ?? "below SEGBENCH_DATA, which is not set"
      lines += ["", "Missing \(place):"] + missing.map { "  \($0.path): \($0.meaning)" }
    }
    return lines
  }

  /// How many runs are in which state, and how long they took or will take.
  private var totals: String { Self.totals(of: runs) }

  private static func totals(of all: [Run]) -> String {
    let sum = Section(name: "", title: "", runs: all).sum.map { " Still to come: \($0)." } ?? ""
    return counts(of: all) + sum
  }

  private static func counts(of all: [Run]) -> String {
    let parts = State.allCases.compactMap { state -> String? in
      let own = all.filter { $0.state == state }
      guard !own.isEmpty else { return nil }
      let times = own.compactMap(\.seconds)
      let words = times.isEmpty || state != .done ? "" : " (\(timeText(times.reduce(0, +))))"
      return "\(own.count) \(state.rawValue)\(words)"
    }
    return "\(all.count) run\(all.count == 1 ? "" : "s"): \(parts.joined(separator: ", "))."
  }

  /// The pretrainings before a run, the first of them first, and the run.
  private static func chain(
    _ recipe: ResolvedRecipe, seed: UInt64, _ runner: Runner, _ submissions: Submissions
  ) throws -> [Found] {
    var runs = try recipe.pretraining.map { try chain($0, seed: $0.recipe.seeds[0], runner, submissions) } ?? []
    for index in runs.indices { runs[index].isStart = true }
    runs.append(try Found(recipe, seed: seed, runner, submissions))
    return runs
  }
}

extension Status.Section {
  /// Hours, memory and disk of what is left; nil where nothing of it was measured.
  var sum: String? {
    let left = runs.filter { $0.state != .done && $0.sharedWith == nil }
    let times = left.compactMap(\.estimatedSeconds)
    guard !times.isEmpty else { return nil }
    let trained = left.count { $0.steps != nil }
    var parts = ["\(times.count < trained ? "more than" : "about") \(timeText(times.reduce(0, +))) of training"]
    if let memory = left.compactMap(\.memoryBytes).max() { parts.append("\(bytesText(memory)) of memory") }
    let disk = left.compactMap(\.diskBytes).reduce(0, +)
    if disk > 0 { parts.append("\(bytesText(disk)) of disk") }
    return parts.joined(separator: ", ")
  }

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
  let state: Status.State
  let reason: String?
  let progress: String?
  /// What a step was measured to take on this device.
  let measured: StepMeasurement?
  let data: String
  /// Whether it is here because another starts from it.
  var isStart = false

  init(_ recipe: ResolvedRecipe, seed: UInt64, _ runner: Runner, _ submissions: Submissions) throws {
    self.recipe = recipe
    self.seed = seed
    absent = runner.workspace.missingInputs(of: recipe)
    identity = absent.isEmpty ? try runner.identity(of: recipe, seed: seed) : nil
    record = absent.isEmpty ? try runner.finishedRun(recipe, seed: seed) : nil
    let folder = identity.map { runner.folder($0) }
    doneSteps = record == nil ? folder.flatMap { Self.doneSteps(in: $0, of: recipe) } : nil
    data = recipe.dataText
    measured = try runner.measurement(of: recipe)
    (state, reason, progress) =
      record != nil
      ? (.done, nil, nil)
      : absent.isEmpty
        ? Self.state(in: folder, hasBegun: doneSteps != nil, submissions.latest(recipe.runDigest(seed: seed)))
        : (.missing, nil, nil)
  }

  /// What is known of a run that has not finished: of its folder first, then of the submission that has it.
  private static func state(
    in folder: URL?, hasBegun: Bool, _ submitted: Submissions.Known?
  ) -> (Status.State, reason: String?, progress: String?) {
    let last = folder.flatMap { RunLog.lastWords(in: $0) }
    if let folder, FolderLock.holder(of: folder) != nil { return (.running, nil, last?.progress) }
    switch submitted?.state {
    case .running?: return (.running, nil, "\(submitted!.name): it gets ready")
    case .queued(let reason)?: return (.queued, "\(submitted!.name): \(reason)", nil)
    // Someone may have gone on with the run since.
    case .failed(let reason)? where last.map({ $0.date <= submitted!.date }) ?? true: return (.failed, reason, nil)
    case .blocked(let title)? where last == nil: return (.failed, "it needs \(title), which was not done", nil)
    default: break
    }
    if let failure = last?.failure { return (.failed, failure, nil) }
    return (hasBegun ? .unfinished : .waiting, nil, nil)
  }

  var key: String { recipe.runKey(seed: seed) }

  /// Nil where a step's arithmetic is not known from the recipe.
  var work: WorkEstimate? { recipe.recipe.segmentation.flatMap { WorkEstimate($0) } }

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

  /// - Parameter rate: operations in a second that measured trainings reach here; nil where none were.
  func described(rate: Double?, sharedWith: String?) -> Status.Run {
    let steps = Self.steps(of: recipe)
    let left = steps.map { Double($0 - min($0, max(0, doneSteps ?? 0))) }
    let scaled = rate.flatMap { rate in work.map { $0.operationsPerStep / rate } }
    let seconds = measured?.secondsPerStep ?? scaled
    return Status.Run(
      title: recipe.recipe.title, recipe: recipe.path, seed: seed, kind: recipe.recipe.kind.rawValue, state: state,
      reason: reason, progress: progress, identity: identity,
      seconds: record.map { $0.description.seconds.values.sorted().reduce(0, +) },
      estimatedSeconds: record == nil ? seconds.flatMap { seconds in left.map { $0 * seconds } } : nil,
      estimateIsScaled: measured == nil && scaled != nil && record == nil,
      memoryBytes: measured.flatMap { $0.memoryBytes > 0 ? $0.memoryBytes : nil }, diskBytes: measured?.diskBytes,
      doneSteps: doneSteps, steps: steps, data: data, sharedWith: sharedWith)
  }
}

extension Status.Run {
  /// Its state, title, and time.
  var line: String {
    let name =
      state.rawValue + String(repeating: " ", count: max(1, 10 - state.rawValue.count)) + "\(title), seed \(seed): "
    if let sharedWith { return name + "as in \(sharedWith)" }
    if let seconds, let identity { return name + "run \(identity.prefix(10)), \(timeText(seconds))" }
    if state == .failed, let reason { return name + reason + (doneSteps.map { " (\($0) steps are kept)" } ?? "") }
    if state == .running, let progress { return name + progress }
    if state == .queued, let reason { return name + reason }
    let done = steps.flatMap { steps in doneSteps.map { "\($0) of \(steps) steps done, " } } ?? ""
    return name + done + estimate
  }

  /// Time, memory and disk, as far as they were measured.
  private var estimate: String {
    guard steps != nil else { return "nothing to train, only to score" }
    guard let estimatedSeconds else { return "not measured" }
    let time = "about \(timeText(estimatedSeconds)) \(doneSteps == nil ? "of training" : "left")"
    if estimateIsScaled { return time + ", scaled from other rows' steps" }
    return
      ([time]
      + [memoryBytes.map { "\(bytesText($0)) of memory" }, diskBytes.map { "\(bytesText($0)) of disk" }]
      .compactMap { $0 }).joined(separator: ", ")
  }
}

/// Bytes as people say them.
private func bytesText(_ bytes: Int) -> String {
  bytes >= 1 << 30
    ? String(format: "%.1f GiB", Double(bytes) / Double(1 << 30))
    : String(format: "%.0f MiB", (Double(bytes) / Double(1 << 20)).rounded(.up))
}

extension ResolvedRecipe {
  /// What a run learns from or is scored on, for people.
  var dataText: String {
    func phantoms(_ settings: PhantomSettings) -> String {
      "\(settings.cases) \(settings.style == .clinical ? "" : "\(settings.style.rawValue) ")phantoms of \(settings.kind.rawValue), \(settings.size.map(String.init).joined(separator: " x "))"
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
