import Recipes
import TestSupport
import Testing

/// What is made of one scan: the shipped file, and files with a mistake.
@Suite struct ScanDatasetTests {
  private static let scan = """
    image: ct.nii.gz
    label_map: seg.nii.gz
    slabs: 5
    classes:
      - {name: spleen, from: [1]}
      - {name: kidneys, from: [7, 117]}

    """

  @Test("the shipped file makes AMOS22's fifteen organs, each from its own class of TotalSegmentator's 117")
  func shipped() throws {
    let scan = try RecipeLibrary(root: shippedRecipes).scan("datasets/real-ct-scan.yaml")
    #expect(scan.classes.count == 15 && scan.slabs == 5)
    #expect(scan.classes[5] == .init(name: "liver", sources: [5]))
    #expect(scan.classes.allSatisfy { (1...117).contains($0.sources[0]) && $0.sources.count == 1 })
  }

  @Test(arguments: [
    ("slabs: 5", "slabs: 0", "3:8: `slabs` is the whole number 0"),
    ("image: ct.nii.gz", "image: ../ct.nii.gz", "1:8: `image` is the text"),
    ("from: [1]}", "from: [0]}", "takes the value 0, which is background"),
    ("from: [1]}", "from: [40000]}", "`classes[0].from[0]` is the whole number 40000"),
    ("from: [1]}", "from: [117]}", "takes the value 117, of which \"spleen\" is made"),
    ("name: kidneys", "name: spleen", "which another class or the background is called"),
    ("name: spleen", "name: background", "which another class or the background is called"),
    (", from: [1]", "", "`classes[0].from` (the label map's values that make it) is missing"),
  ])
  func mistakes(old: String, new: String, message: String) throws {
    let folder = try TemporaryLibrary(["scan.yaml": Self.scan])
    #expect(try folder.library.scan("scan.yaml").classes.map(\.sources) == [[1], [7, 117]])
    try folder.write(Self.scan.replacing(old, with: new), to: "scan.yaml")
    let complaint = folder.complaint { _ = try $0.scan("scan.yaml") }
    #expect(complaint.hasPrefix("Recipes/scan.yaml:") && complaint.contains(message), "\(complaint)")
  }
}
