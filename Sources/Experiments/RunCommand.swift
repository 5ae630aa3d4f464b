import Foundation
import Recipes

/// The command line that makes the runs of a recipe, as a shell needs it.
public struct RunCommand: Sendable {
  private let library: RecipeLibrary
  /// The words behind the recipe.
  private let options: [String]

  /// - Parameters: the choices with which the runs were looked for; nil and none for the recipes' own.
  public init(
    library: RecipeLibrary, profile: String, fidelity: Recipe.Fidelity? = nil, overrides: [String] = [],
    seeds: [UInt64]? = nil, device: String? = nil
  ) {
    self.library = library
    var options = ["--profile", profile]
    if let fidelity { options += ["--fidelity", fidelity.rawValue] }
    for override in overrides { options += ["--set", override] }
    if let seeds { options += ["--seeds", seeds.map(String.init).joined(separator: ",")] }
    if let device { options += ["--device", device] }
    self.options = options
  }

  /// - Parameters:
  ///   - path: the recipe or table, by its path below the recipes' root.
  ///   - verb: another command that takes the same options.
  public func text(_ path: String, verb: String = "run") -> String {
    // From the folder that holds the recipes, or from anywhere by SEGBENCH_HOME.
    let here = URL(fileURLWithPath: FileManager.default.currentDirectoryPath, isDirectory: true)
      .appendingPathComponent(library.root.lastPathComponent).resolvingSymlinksInPath()
    let name = here.path == library.root.path ? "\(library.root.lastPathComponent)/\(path)" : path
    return (["segbench", verb, name] + options).map(Self.quoted).joined(separator: " ")
  }

  /// A word as POSIX shells read it back; one with control characters as bash does.
  public static func quoted(_ word: String) -> String {
    let isPlain = word.utf8.allSatisfy {
      (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
        || "_-./=,:+@%".utf8.contains($0)
    }
    if isPlain, !word.isEmpty { return word }
    guard word.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) else {
      return "'" + word.replacing("'", with: "'\\''") + "'"
    }
    let scalars = word.unicodeScalars.map { scalar in
      switch scalar {
      case "'", "\\": "\\\(scalar)"
      case let scalar where scalar.value < 0x20 || scalar.value == 0x7F: String(format: "\\x%02x", scalar.value)
      default: String(scalar)
      }
    }
    return "$'" + scalars.joined() + "'"
  }
}
