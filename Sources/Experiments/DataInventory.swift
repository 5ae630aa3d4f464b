import Files
import Foundation
import Recipes

/// What lies below `SEGBENCH_DATA`, and what the studies need there at the paper's scale.
public struct DataInventory: Codable, Sendable {
  public struct Required: Codable, Sendable {
    public let path: String
    public let meaning: String
    public let isThere: Bool
  }

  public struct Dataset: Codable, Sendable {
    /// Below `SEGBENCH_DATA`, as recipes name it.
    public let path: String
    /// What its `dataset.json` calls it; nil where it has no name.
    public let name: String?
    public let cases: Int?
  }

  public struct Weights: Codable, Sendable {
    public let path: String
    public let bytes: Int
  }

  public private(set) var required: [Required] = []
  public private(set) var datasets: [Dataset] = []
  public private(set) var weights: [Weights] = []

  private static let greatestDepth = 4
  private static let greatestCount = 20_000
  private static let weightEndings = [".pth", ".pt", ".safetensors", ".h5", ".bin"]

  /// Looks at the workspace's data.
  /// - Throws: `RecipeError`, `YAMLError` for studies that cannot be followed.
  public init(of workspace: Workspace) throws {
    let library = RecipeLibrary(root: workspace.recipes)
    if try library.profiles.contains(RecipeLibrary.paperProfile) {
      // Without data everything is missing, so that this lists all that is needed.
      let bare = Workspace(root: workspace.root, userData: nil)
      for table in try library.tables() {
        for recipe in try library.table(table).rows.flatMap(\.recipes) {
          for input in try bare.missingInputs(of: library.resolve(recipe.path, profile: RecipeLibrary.paperProfile))
          where !required.contains(where: { $0.path == input.path }) {
            let file = workspace.userData?.appendingPathComponent(input.path)
            required.append(
              Required(path: input.path, meaning: input.meaning, isThere: file.map { exists($0) } ?? false))
          }
        }
      }
    }
    guard let root = workspace.userData else { return }
    var looked = 0
    func visit(_ folder: URL, _ path: String, _ depth: Int) {
      guard let names = try? FolderListing.names(in: folder) else { return }
      if names.contains("dataset.json") {
        let document = try? JSONValue.read(folder.appendingPathComponent("dataset.json"))
        datasets.append(
          Dataset(path: path, name: document?["name"]?.string, cases: document?["numTraining"]?.int))
        return
      }
      for name in names where looked < Self.greatestCount {
        looked += 1
        let url = folder.appendingPathComponent(name)
        let below = path.isEmpty ? name : path + "/" + name
        if isDirectory(url) {
          if depth < Self.greatestDepth { visit(url, below, depth + 1) }
        } else if Self.weightEndings.contains(where: name.hasSuffix), let bytes = try? fileSize(url) {
          weights.append(Weights(path: below, bytes: bytes))
        }
      }
    }
    visit(root, "", 0)
  }

  /// One line for each thing found or required.
  public var lines: [String] {
    var lines: [String] = []
    func add(_ heading: String, _ found: [String]) { if !found.isEmpty { lines += ["", heading] + found } }
    add(
      "Datasets below SEGBENCH_DATA:",
      datasets.map { set in
        "  \(set.path.visible): \((set.name ?? "no name").visible)" + (set.cases.map { ", \($0) labelled cases" } ?? "")
      })
    add(
      "Weights below SEGBENCH_DATA:",
      weights.map { "  \($0.path.visible): \(String(format: "%.1f", Double($0.bytes) / 1e6)) MB" })
    add(
      "What the studies need at the paper's scale:",
      required.map { "  \($0.isThere ? "found    " : "missing  ")\($0.path): \($0.meaning)" })
    return lines
  }
}
