import Files
import Foundation

/// The files that a published dataset was unpacked to.
enum SourceFiles {
  /// How many folders down files are looked for: mirrors keep LiTS in "media/nas/01_Datasets/CT/LITS/Training Batch 1".
  private static let greatestDepth = 10
  private static let greatestCount = 1_000_000

  /// Every file below a folder, sorted within each folder; hidden ones and what macOS's archiver adds are left out.
  static func all(below source: URL) throws -> [URL] {
    var files: [URL] = []
    var seen: Set<String> = []
    func visit(_ folder: URL, _ depth: Int) throws {
      // A folder that links lead to more than once is looked into once.
      guard seen.insert(folder.resolvingSymlinksInPath().path).inserted else { return }
      for name in try DatasetImporter.names(in: folder) where name != "__MACOSX" {
        let url = folder.appendingPathComponent(name)
        if !RawDataset.isDirectory(url) {
          files.append(url)
        } else if depth < greatestDepth {
          try visit(url, depth + 1)
        }
        guard files.count <= greatestCount else {
          throw DatasetError(
            "\(source.path): more than \(greatestCount) files lie below it; name the dataset's own folder.")
        }
      }
    }
    try visit(source, 0)
    return files
  }

  /// The folder that a dataset's layout is told by: `source`, or one that it holds alone, as archives unpack to "amos22/amos22".
  static func root(of source: URL) throws -> URL {
    var root = source
    for _ in 0..<4 {
      let names = try DatasetImporter.names(in: root).filter { $0 != "__MACOSX" }
      if names.contains(where: {
        ["dataset.json", "imagesTr", "dataset", "data"].contains($0) || $0.hasPrefix("case_")
      }) {
        return root
      }
      guard names.count == 1, RawDataset.isDirectory(root.appendingPathComponent(names[0])) else { break }
      root.appendPathComponent(names[0])
    }
    return source
  }

  /// What lies there instead of what is required, for people: how many files of which kinds, and what such files are.
  static func found(_ files: [URL]) -> String {
    guard !files.isEmpty else { return "the folder holds no files" }
    var counts: [String: Int] = [:]
    for file in files { counts[ending(file.lastPathComponent), default: 0] += 1 }
    let shown = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(3)
    let list = shown.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
    let most = shown[shown.startIndex].key
    let example = files.first { ending($0.lastPathComponent) == most }!.lastPathComponent.prefix(60)
    let text = "what lies there: \(list), such as \(example)"
    return text + (kinds.first { $0.endings.contains(most) }.map { "; \($0.what)" } ?? "")
  }

  private static func ending(_ name: String) -> String {
    let lower = name.lowercased()
    if let known = [".nii.gz", ".npy.h5", ".tar.gz"].first(where: lower.hasSuffix) { return known }
    let ending = (lower as NSString).pathExtension
    return ending.isEmpty ? "files without an ending" : "." + ending.prefix(12)
  }

  private static let kinds: [(endings: Set<String>, what: String)] = [
    (
      [".npz", ".npy.h5", ".h5", ".npy"],
      "these are slices or volumes that another program prepared (TransUNet's Synapse set is such), clipped and without voxel "
        + "sizes, and cannot be used; the owners' NIfTI volumes are required"
    ),
    (
      [".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp"],
      "these are pictures of slices, without Hounsfield units and voxel sizes, and cannot be used; the owners' NIfTI volumes are "
        + "required"
    ),
    (
      [".dcm", ".ima", "files without an ending"],
      "DICOM is read in nnU-Net's layout alone, with a series' folder in an image's place (dataset import nnunet); else convert the "
        + "series to NIfTI, for example with dcm2niix"
    ),
    ([".mha", ".mhd", ".nrrd", ".raw"], "only NIfTI is read; convert them, for example with SimpleITK"),
    ([".zip", ".tar", ".gz", ".tar.gz", ".tgz", ".7z", ".rar", ".xz"], "archives must be unpacked first"),
    ([".nii", ".nii.gz"], "these are NIfTI files of other names"),
  ]
}
