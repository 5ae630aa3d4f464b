import Foundation
import Recipes

/// The command line of each of a graph's jobs, behind the program's name.
public struct JobWords: Sendable {
  private let profile: String
  private let fidelity: Recipe.Fidelity?
  private let overrides: [String]
  private let seeds: [UInt64]?
  private let leavesBusy: Bool
  private let device: String?

  /// - Parameters: the choices with which the graph's recipes were resolved.
  public init(
    profile: String, fidelity: Recipe.Fidelity?, overrides: [String], seeds: [UInt64]?, leavesBusy: Bool,
    device: String? = nil
  ) {
    self.profile = profile
    self.fidelity = fidelity
    self.overrides = overrides
    self.seeds = seeds
    self.leavesBusy = leavesBusy
    self.device = device
  }

  public func words(of index: Int, in graph: RunGraph) -> [String] {
    let job = graph.jobs[index]
    switch job.work {
    case .preparation(let recipes):
      // What others start from was resolved without the options of the command line.
      let isAsked = graph.jobs.first { $0.needs.contains(index) && !$0.startsAnyway }?.isAsked ?? true
      return ["prepare"] + options(recipes[0], isAsked: isAsked) + ["--"] + recipes.map(\.path)
    case .run(let recipe, let seed):
      return ["run"] + options(recipe, isAsked: job.isAsked) + ofDevice + ["--seeds", "\(seed)"]
        + (leavesBusy ? ["--if-busy", "leave"] : []) + ["--", recipe.path]
    case .report(let table):
      let seeds = seeds.map { ["--seeds", $0.map(String.init).joined(separator: ",")] } ?? []
      // Studies may have tables of one name.
      let folder = ["results"] + table.split(separator: "/").dropLast().map(String.init)
      return ["report"] + options(nil, isAsked: true) + ofDevice + seeds
        + ["--output", folder.joined(separator: "/"), "--allow-missing", "--", table]
    }
  }

  /// What computes, where that isn't the CPU.
  private var ofDevice: [String] { device.map { ["--device", $0] } ?? [] }

  private func options(_ recipe: ResolvedRecipe?, isAsked: Bool) -> [String] {
    let fidelity = isAsked ? fidelity : recipe?.recipe.fidelity
    return ["--profile", profile] + (fidelity.map { ["--fidelity", $0.rawValue] } ?? [])
      + (isAsked ? overrides.flatMap { ["--set", $0] } : [])
  }
}
