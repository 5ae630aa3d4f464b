import Foundation
import TestSupport
import Testing

/// The manifest lists for each target exactly the modules of this package that its files import, so that it shows the arrows.
@Suite struct ManifestTests {
  private static let root = repository

  /// A target of Swift sources: its folder below the root and the modules that the manifest lists.
  private struct Target {
    let name: String
    let folder: String
    let dependencies: Set<String>
  }

  @Test func eachTargetListsWhatItImports() throws {
    let manifest = try String(contentsOf: Self.root.appendingPathComponent("Package.swift"), encoding: .utf8)
    let targets = try Self.targets(of: manifest)
    #expect(targets.count >= 30, "the manifest's targets are not understood")
    let own = Set(targets.map(\.name)).union(targets.flatMap(\.dependencies))
    for target in targets {
      let imported = try Self.imports(in: Self.root.appendingPathComponent(target.folder)).intersection(own)
      #expect(imported == target.dependencies, "\(target.name)")
    }
  }

  private static func targets(of manifest: String) throws -> [Target] {
    let list = #"\[([^\]]*)\]"#
    let libraries = try matches(of: #"library\(\s*"(\w+)",\s*"# + list, in: manifest).map {
      Target(name: $0[0], folder: "Sources/\($0[0])", dependencies: names($0[1]))
    }
    let tests = try matches(of: #"tests\(\s*"(\w+)",\s*"# + list, in: manifest).map {
      Target(name: "\($0[0])Tests", folder: "Tests/\($0[0])Tests", dependencies: names($0[1]))
    }
    let programs = try matches(
      of: #"(?:executableTarget\(\s*name: "([\w-]+)"|target\(\s*name: "(TestSupport)"),\s*dependencies: "# + list
        + #",\s*path: "([^"]+)""#, in: manifest
    ).map { Target(name: $0[0] + $0[1], folder: $0[3], dependencies: names($0[2])) }
    return libraries + tests + programs
  }

  private static func names(_ list: String) -> Set<String> {
    Set(
      list.split(separator: ",").map { $0.trimmingCharacters(in: CharacterSet(charactersIn: " \n\"")) }.filter {
        !$0.isEmpty
      })
  }

  private static func imports(in folder: URL) throws -> Set<String> {
    var found: Set<String> = []
    for path in try FileManager.default.subpathsOfDirectory(atPath: folder.path) where path.hasSuffix(".swift") {
      let text = try String(contentsOf: folder.appendingPathComponent(path), encoding: .utf8)
      found.formUnion(try matches(of: #"(?m)^ *(?:@testable )?import (\w+)$"#, in: text).map { $0[0] })
    }
    return found
  }

  /// The groups of every match.
  private static func matches(of pattern: String, in text: String) throws -> [[String]] {
    let whole = NSRange(text.startIndex..., in: text)
    return try NSRegularExpression(pattern: pattern).matches(in: text, range: whole).map { match in
      (1..<match.numberOfRanges).map { Range(match.range(at: $0), in: text).map { String(text[$0]) } ?? "" }
    }
  }
}
