import Files
import Foundation
import Recipes

/// How far a graph's jobs are: which may start, and which never will because something that they need failed.
public struct GraphWalk {
  public enum State {
    case waiting, running, done
    case failed(any Error)
    /// A job that it needs, by its place, was not done.
    case blocked(by: Int)
    /// Something is missing that the user provides.
    case lacking
  }

  public let graph: RunGraph
  public private(set) var states: [State]

  public init(_ graph: RunGraph) {
    self.graph = graph
    states = graph.jobs.map { $0.lacks.isEmpty ? .waiting : .lacking }
  }

  /// The next job that may start, which runs from now on; nil while all wait for running ones, and when all is over.
  public mutating func start() -> Int? {
    for (index, job) in graph.jobs.enumerated() {
      guard case .waiting = states[index] else { continue }
      if let failed = job.needs.first(where: { isLost($0) }), !job.startsAnyway {
        states[index] = .blocked(by: failed)
        continue
      }
      guard job.needs.allSatisfy({ hasEnded($0) }) else { continue }
      states[index] = .running
      return index
    }
    return nil
  }

  /// Notes how a running job ended.
  public mutating func finish(_ index: Int, _ error: (any Error)? = nil) {
    states[index] = error.map { .failed($0) } ?? .done
  }

  private func hasEnded(_ index: Int) -> Bool {
    switch states[index] {
    case .waiting, .running: false
    case .done, .failed, .blocked, .lacking: true
    }
  }

  private func isLost(_ index: Int) -> Bool {
    switch states[index] {
    case .failed, .blocked, .lacking: true
    case .waiting, .running, .done: false
    }
  }

  /// Why jobs were not done, for a command to end with; nil when all were.
  ///
  /// Where nothing that was asked for was done and one mistake is behind it, that mistake.
  public func failure(userData: URL?) -> (any Error)? {
    let errors = states.compactMap { if case .failed(let error) = $0 { error } else { nil } }
    let missing = graph.missingInputs
    guard !errors.isEmpty || !missing.isEmpty else { return nil }
    let isNothingDone = !zip(graph.jobs, states).contains { job, state in
      if case .done = state { job.isAsked } else { false }
    }
    if isNothingDone {
      if errors.isEmpty { return MissingInputs(inputs: missing, userData: userData) }
      if errors.count == 1, missing.isEmpty { return errors[0] }
    }
    let lines = zip(graph.jobs, states).compactMap { job, state -> String? in
      switch state {
      case .failed(let error): "\(job.title): \(errorText(error))"
      case .lacking: "\(job.title): \(MissingInputs(inputs: job.lacks, userData: userData))"
      case .blocked(let by): "\(job.title): it needs \(graph.jobs[by].title)"
      case .done, .waiting, .running: nil
      }
    }
    let isUsers = isNothingDone && errors.allSatisfy { $0 is any InputError }
    return isUsers ? InputsRefused(lines: lines) : UnfinishedJobs(lines: lines, count: graph.jobs.count)
  }
}

/// Jobs that failed or could not begin, while others were done. Exit code 1.
public struct UnfinishedJobs: Error, CustomStringConvertible {
  let lines: [String]
  let count: Int

  public var description: String {
    "\(lines.count) of \(count) jobs are not done; the others are:\n  " + lines.joined(separator: "\n  ")
  }
}

/// Several mistakes in what the user gave, after which nothing could be done.
public struct InputsRefused: InputError {
  let lines: [String]

  public var description: String { "nothing could be done:\n  " + lines.joined(separator: "\n  ") }
}

extension Runner {
  /// Does a graph's jobs in this process, one after the other. What fails stops only what needs it.
  /// - Parameters:
  ///   - starting: told before each run.
  ///   - finished: gets the record of each run that was asked for.
  /// - Returns: how it went.
  /// - Throws: `CancellationError` when it was stopped.
  public func walk(
    _ graph: RunGraph, starting: (_ run: Int, _ of: Int, _ title: String) -> Void = { _, _, _ in },
    finished: (RunRecord) -> Void = { _ in }
  ) throws -> GraphWalk {
    var walk = GraphWalk(graph)
    let count = graph.jobs.count { if case .run = $0.work { $0.lacks.isEmpty } else { false } }
    var run = 0
    while let index = walk.start() {
      let job = graph.jobs[index]
      do {
        switch job.work {
        case .preparation(let recipes): try prepare(recipes, index, of: graph)
        case .run(let recipe, let seed):
          run += 1
          starting(run, count, recipe.recipe.title)
          let record = try self.run(recipe, seed: seed)
          if job.isAsked { finished(record) }
        case .report: preconditionFailure("reports are not made here")
        }
        walk.finish(index)
      } catch is CancellationError {
        throw CancellationError()
      } catch {
        walk.finish(index, error)
        let isLast = !walk.states.contains { if case .waiting = $0 { true } else { false } }
        if !isLast { context.say("warning: \(job.title): \(errorText(error)); going on with what does not need it") }
      }
    }
    return walk
  }

  /// The graph without the runs that have finished, and without what only they need.
  public func unfinished(_ graph: RunGraph) throws -> RunGraph {
    let rest = try graph.keeping { job in
      guard case .run(let recipe, let seed) = job.work, job.lacks.isEmpty else { return true }
      return try finishedRun(recipe, seed: seed) == nil
    }
    let needed = Set(rest.jobs.filter { !$0.startsAnyway }.flatMap(\.needs))
    let unneeded = rest.jobs.indices.filter { index in
      if case .preparation = rest.jobs[index].work { !needed.contains(index) } else { false }
    }
    let keys = Set(unneeded.map { rest.jobs[$0].key })
    return rest.keeping { !keys.contains($0.key) }
  }

  /// Brings recipes' data together, unless all of the graph's runs that need it have finished.
  private func prepare(_ recipes: [ResolvedRecipe], _ index: Int, of graph: RunGraph) throws {
    let runs = graph.jobs.filter { $0.needs.contains(index) }
    let isNeeded = runs.contains { job in
      guard case .run(let recipe, let seed) = job.work else { return false }
      // A damaged record is its run's to find.
      return context.fresh || ((try? finishedRun(recipe, seed: seed)) ?? nil) == nil
    }
    guard runs.isEmpty || isNeeded else { return }
    // Of what is to be trained here and can't be, nothing is made: the run says so.
    for recipe in recipes where runs.isEmpty || shortage(of: recipe) == nil { try prepare(recipe) }
  }
}
