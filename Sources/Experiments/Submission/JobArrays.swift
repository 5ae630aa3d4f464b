import Foundation
import Recipes

/// A graph's jobs as a scheduler takes them: arrays of like jobs, each with what it waits for.
public struct JobArrays: Sendable {
  public struct Array: Sendable {
    /// Such as `run2`: the name of its script and of its jobs' logs.
    public let name: String
    /// Whether its jobs train.
    public let trains: Bool
    /// The array's tasks, by number.
    public let tasks: [Task]
    public let dependencies: [Dependency]
  }

  public struct Task: Sendable {
    public let number: Int
    /// The job's place in the graph.
    public let job: Int
  }

  /// A task of an array, by the array's place.
  public struct Place: Sendable, Hashable {
    public let array: Int
    public let task: Int

    public init(array: Int, task: Int) {
      self.array = array
      self.task = task
    }
  }

  public enum Dependency: Sendable, Equatable {
    /// Every task waits until these have succeeded.
    case succeeded([Place])
    /// Each task waits until the task of its own number in that array has succeeded.
    case corresponding(array: Int)
    /// Every task waits until these arrays are over.
    case ended([Int])
  }

  /// More than one array's tasks are shared out: Slurm's own bound (MaxArraySize) is 1001 unless a site raises it.
  static let greatestCount = 1000

  public let graph: RunGraph
  public private(set) var arrays: [Array] = []
  /// Where each of the graph's jobs is; nil for one that lacks something.
  public private(set) var places: [Place?]

  public init(_ graph: RunGraph) {
    self.graph = graph
    places = graph.jobs.map { _ in nil }
    var stages: [(stage: Stage, jobs: [Int])] = []
    var depths: [Int] = []
    for (index, job) in graph.jobs.enumerated() {
      depths.append((job.needs.map { depths[$0] }.max() ?? -1) + 1)
      guard job.lacks.isEmpty else { continue }
      let stage = Stage(depth: job.startsAnyway ? .max : depths[index], name: Self.name(of: job))
      if let place = stages.firstIndex(where: { $0.stage == stage }) {
        stages[place].jobs.append(index)
      } else {
        stages.append((stage, [index]))
      }
    }
    // Shallow ones first: what is needed has its place by then.
    for (stage, jobs) in stages.sorted(by: { $0.stage < $1.stage }) { add(jobs, named: stage.name) }
  }

  private struct Stage: Equatable, Comparable {
    let depth: Int
    let name: String

    static func < (a: Stage, b: Stage) -> Bool { (a.depth, a.name) < (b.depth, b.name) }
  }

  private static func name(of job: RunGraph.Job) -> String {
    switch job.work {
    case .preparation: "prepare"
    case .run(let recipe, _): recipe.recipe.kind == .pretraining ? "pretrain" : "run"
    case .report: "report"
    }
  }

  /// Makes arrays of a stage's jobs: of those that need the same, and of those that need one thing each from one array.
  private mutating func add(_ jobs: [Int], named name: String) {
    var groups: [(needs: [Int], jobs: [Int])] = []
    for job in jobs {
      let needs = graph.jobs[job].needs
      if let place = groups.firstIndex(where: { $0.needs == needs }) {
        groups[place].jobs.append(job)
      } else {
        groups.append((needs, [job]))
      }
    }
    if name == "report" { return groups.forEach { append($0.jobs, name, reportDependencies($0.needs)) } }
    var single = groups.filter { $0.jobs.count == 1 && !$0.needs.isEmpty }.map { $0.jobs[0] }
    for (needs, jobs) in groups where jobs.count > 1 || needs.isEmpty {
      for chunk in Self.chunks(jobs) { append(chunk, name, needs.isEmpty ? [] : [.succeeded(placed(needs))]) }
    }
    while let match = Self.greatest(single.flatMap { matches(of: $0) }) {
      let members = match.members
      let dependencies = match.common.isEmpty ? [] : [Dependency.succeeded(placed(match.common))]
      let numbers = members.map { places[$0.own]!.task }
      append(members.map(\.job), numbers: numbers, name, dependencies + [.corresponding(array: match.array)])
      single.removeAll { job in members.contains { $0.job == job } }
    }
    for job in single { append([job], name, [.succeeded(placed(graph.jobs[job].needs))]) }
  }

  /// A job that needs some jobs that others need too, and one of an array by itself.
  private struct Match {
    let common: [Int]
    let array: Int
    var members: [(job: Int, own: Int)]
  }

  private func matches(of job: Int) -> [Match] {
    graph.jobs[job].needs.map { own in
      Match(common: graph.jobs[job].needs.filter { $0 != own }, array: places[own]!.array, members: [(job, own)])
    }
  }

  /// The largest set that shares all but one need each; nil where none has two members.
  private static func greatest(_ all: [Match]) -> Match? {
    var sets: [Match] = []
    for match in all {
      if let place = sets.firstIndex(where: { $0.array == match.array && $0.common == match.common }) {
        sets[place].members += match.members
      } else {
        sets.append(match)
      }
    }
    guard let greatest = sets.max(by: { $0.members.count < $1.members.count }), greatest.members.count > 1 else {
      return nil
    }
    return greatest
  }

  private func placed(_ needs: [Int]) -> [Place] { needs.map { places[$0]! } }

  private func reportDependencies(_ needs: [Int]) -> [Dependency] {
    let arrays = Set(needs.compactMap { places[$0]?.array }).sorted()
    return arrays.isEmpty ? [] : [.ended(arrays)]
  }

  private static func chunks(_ jobs: [Int]) -> [[Int]] {
    stride(from: 0, to: jobs.count, by: greatestCount).map {
      Swift.Array(jobs[$0..<min(jobs.count, $0 + greatestCount)])
    }
  }

  private mutating func append(
    _ jobs: [Int], numbers: [Int]? = nil, _ name: String, _ dependencies: [Dependency]
  ) {
    let earlier = arrays.count { $0.name.hasPrefix(name) }
    let tasks = zip(numbers ?? Swift.Array(jobs.indices), jobs).map { Task(number: $0, job: $1) }
    for task in tasks { places[task.job] = Place(array: arrays.count, task: task.number) }
    arrays.append(
      Array(
        name: earlier == 0 ? name : "\(name)\(earlier + 1)", trains: name == "run" || name == "pretrain",
        tasks: tasks.sorted { $0.number < $1.number }, dependencies: dependencies))
  }
}
