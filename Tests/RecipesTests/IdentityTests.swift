import Experiments
import Files
import Foundation
import Recipes
import TestSupport
import Testing

/// What runs are named by: a key that is added, a declaration that is rewritten, a file that is put in order must leave the
/// names of runs that there are. Fixtures/identities.txt has a line for each recipe, profile and fidelity, and for some settings.
@Suite struct IdentityTests {
  /// `recipe profile fidelity digest settings...`, `-` for no profile.
  private struct Line: CustomStringConvertible {
    let words: [String]

    init(_ text: Substring) { words = text.split(separator: "\t").map(String.init) }

    func digest(_ library: RecipeLibrary) throws -> String {
      let recipe = try library.resolve(
        words[0], profile: words[1] == "-" ? nil : words[1], fidelity: .init(rawValue: words[2]),
        overrides: Array(words.dropFirst(4)))
      return String(Digest.sha256(of: recipe.identityText(seed: 0)).prefix(16))
    }

    var description: String { words.joined(separator: "\t") }
  }

  @Test func everyIdentityIsWhatItWas() throws {
    let lines = try String(contentsOf: fixture("identities.txt"), encoding: .utf8)
      .split(separator: "\n").filter { !$0.hasPrefix("#") }.map(Line.init)
    #expect(lines.count > 500)
    let library = RecipeLibrary(root: shippedRecipes)
    // For a change on purpose: writes them as they are now.
    if let path = ProcessInfo.processInfo.environment["SEGBENCH_RECORD_IDENTITIES"] {
      let now = try lines.map { line in
        (line.words[..<3] + [try line.digest(library)] + line.words[4...]).joined(separator: "\t") + "\n"
      }
      return try Data(now.joined().utf8).write(to: URL(fileURLWithPath: path))
    }
    for line in lines {
      let digest = try line.digest(library)
      #expect(digest == line.words[3], "\(line)")
    }
  }
}
