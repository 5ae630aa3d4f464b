import Files
import Foundation

/// Where things lie: recipes, runs, prepared data and generated datasets under one root, the user's data and weights
/// under another.
public struct Workspace: Sendable {
  /// The folder with `Recipes/`: the repository, or `SEGBENCH_HOME`.
  public let root: URL
  /// The user's datasets and weights: `SEGBENCH_DATA`, if set.
  public let userData: URL?
  /// The folder of recipes, and of the files that they ship with.
  public let recipes: URL

  /// - Parameter recipes: `Recipes` below the root unless it lies elsewhere, as for a replay, which has a root of its own.
  public init(root: URL, userData: URL?, recipes: URL? = nil) {
    self.root = root
    self.userData = userData
    self.recipes = recipes ?? root.appendingPathComponent("Recipes", isDirectory: true)
  }

  /// The workspace that the environment names: `SEGBENCH_HOME` or the working directory, and `SEGBENCH_DATA`.
  /// - Throws: `WorkspaceError` when a folder named does not exist.
  public static func fromEnvironment() throws -> Workspace {
    let environment = ProcessInfo.processInfo.environment
    let home = environment["SEGBENCH_HOME"] ?? FileManager.default.currentDirectoryPath
    let root = URL(fileURLWithPath: home, isDirectory: true).standardizedFileURL
    guard isDirectory(root.appendingPathComponent("Recipes")) else {
      throw WorkspaceError.noRecipes(root.path)
    }
    var userData: URL?
    if let path = environment["SEGBENCH_DATA"], !path.isEmpty {
      let url = URL(fileURLWithPath: path, isDirectory: true).standardizedFileURL
      guard isDirectory(url) else { throw WorkspaceError.noUserData(path) }
      userData = url
    }
    return Workspace(root: root, userData: userData)
  }

  public var runs: URL { root.appendingPathComponent("runs", isDirectory: true) }
  /// The folder of the run with that identity.
  public func run(_ identity: String) -> URL { runs.appendingPathComponent(identity, isDirectory: true) }
  public var prepared: URL { root.appendingPathComponent("prepared", isDirectory: true) }
  public var generated: URL { root.appendingPathComponent("data", isDirectory: true) }
  /// Where a profile's committed results of a study lie. `study` is a folder's path below the recipes, and may be empty.
  public func results(profile: String, study: String) -> URL {
    let parts = ["Results", profile, study].filter { !$0.isEmpty }
    return root.appendingPathComponent(parts.joined(separator: "/"), isDirectory: true)
  }
}

/// What can be wrong with a workspace.
public enum WorkspaceError: InputError {
  case noRecipes(String)
  case noUserData(String)

  public var description: String {
    switch self {
    case .noRecipes(let path):
      "\(path) has no Recipes folder: run segbench in the repository's folder, or set SEGBENCH_HOME to it"
    case .noUserData(let path):
      "SEGBENCH_DATA is \"\(path)\", which is not a folder: set it to the folder of your datasets and weights"
    }
  }
}

func isDirectory(_ url: URL) -> Bool {
  var directory: ObjCBool = false
  return FileManager.default.fileExists(atPath: url.path, isDirectory: &directory) && directory.boolValue
}

func exists(_ url: URL) -> Bool { FileManager.default.fileExists(atPath: url.path) }
