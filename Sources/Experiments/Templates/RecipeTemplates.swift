import Files
import Foundation
import Recipes

extension Template {
  /// A recipe of one row, `Recipes/NAME.yaml`.
  /// - Parameter name: such as `mine/u-net`: names of folders and the file's.
  /// - Throws: `TemplateError`.
  public static func recipe(_ name: String, in workspace: Workspace) throws -> Template {
    let parts = name.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    for part in parts { try requireName(part, "segbench new recipe NAME", ", such as u-net or mine/u-net") }
    try requireInherited(in: workspace)
    let path = "\(name).yaml"
    let up = String(repeating: "../", count: parts.count - 1)
    let text =
      DocumentKind.recipe.editorLine(for: path) + """
        # One row: nnU-Net's 2d U-Net on AMOS22. `segbench explain Recipes/\(path)` shows every value and the file it comes from;
        # Docs/recipe-reference.md lists every key. What stands here wins over what is inherited.
        kind: segmentation
        title: AMOS22, \(parts.last!)
        inherits: [\(up)datasets/amos22.yaml, \(up)methods/nnu-net.yaml]

        """ + protocolKeys
    return Template(
      files: [("Recipes/\(path)", text)],
      next: [
        "segbench explain Recipes/\(path)",
        "segbench run Recipes/\(path) --profile quick    # seconds, on phantoms; the default profile, phantom, takes minutes",
      ])
  }

  /// A study of one table with two rows, `Recipes/NAME`.
  /// - Throws: `TemplateError`.
  public static func study(_ name: String, in workspace: Workspace) throws -> Template {
    try requireName(name, "segbench new study NAME", ", such as my-study")
    try requireInherited(in: workspace)
    let folder = "Recipes/\(name)"
    var status = stat()
    guard lstat(workspace.root.appendingPathComponent(folder).path, &status) != 0 else {
      throw TemplateError("\(folder) is there already; choose another name, or remove it first")
    }
    func file(_ path: String, _ kind: DocumentKind, _ text: String) -> (path: String, text: String) {
      ("\(folder)/\(path)", kind.editorLine(for: "\(name)/\(path)") + text)
    }
    let files = [
      file(
        "study.yaml", .study,
        """
        # What the study has: \(name)/table1 is its first table (`segbench run \(name)/table1`).
        title: \(name)
        tables: [table1.yaml]
        # For a paper's study: its printed numbers, what it says about them, and where its code differs.
        # published: published.yaml
        # claims: claims.yaml
        # deviations: deviations.yaml

        """),
      file(
        "table1.yaml", .table,
        """
        # Rows from top to bottom, each with a recipe for each dataset; every row is compared with the first.
        title: "Table 1: two U-Nets on AMOS22"
        row_headings: [Network]
        rows:
          - labels: [U-Net]
            recipes: {amos22: rows/u-net.yaml}
          - labels: [U-Net with three convolutions a stage]
            recipes: {amos22: rows/deeper-u-net.yaml}

        """),
      file(
        "protocol.yaml", .recipe,
        "# What all rows share: how long they train, and how they are scored.\nkind: segmentation\n"
          + protocolKeys),
      file(
        "rows/u-net.yaml", .recipe,
        """
        title: AMOS22, U-Net
        inherits: [../protocol.yaml, ../../datasets/amos22.yaml, ../../methods/nnu-net.yaml]

        """),
      file(
        "rows/deeper-u-net.yaml", .recipe,
        """
        title: AMOS22, U-Net with three convolutions a stage
        inherits: [u-net.yaml]
        network: {unet: {convolutions_per_stage: 3}}

        """),
    ]
    return Template(
      files: files,
      next: [
        "segbench run \(name)/table1 --profile quick    # seconds, on phantoms; the default profile, phantom, takes minutes",
        "segbench report \(name)/table1 --profile quick",
      ])
  }

  /// What a training and its scores need beside data, network and optimiser: nnU-Net's values.
  private static let protocolKeys = """
    training:
      epochs: 1000
      steps_per_epoch: 250
      validation_steps: 50
      gradient_clip: 12.0
      foreground_oversampling: 0.33
      augmentation: nnu-net-default
    evaluation:
      fold: 0
      tile_step: 0.5
      gaussian: true
      mirroring: true
      nsd: {kind: monai, tolerance_mm: 1.0}

    """

  static func requireName(_ name: String, _ usage: String, _ example: String) throws {
    let isWord = name.utf8.allSatisfy {
      (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D
    }
    guard !name.isEmpty, name.utf8.count <= 64, isWord else {
      throw TemplateError(
        "\(usage): a name has lower-case letters, digits and hyphens, 64 at most\(example), not \"\(String(name.prefix(80)).visible)\""
      )
    }
  }

  /// The templates inherit two files that every copy of the repository has.
  private static func requireInherited(in workspace: Workspace) throws {
    for path in ["datasets/amos22.yaml", "methods/nnu-net.yaml"]
    where !FileManager.default.fileExists(atPath: workspace.recipes.appendingPathComponent(path).path) {
      throw TemplateError(
        "Recipes/\(path) is not there, which the template inherits: copy the repository's Recipes into \(workspace.root.path)"
      )
    }
  }
}
