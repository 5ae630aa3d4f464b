import Files
import Foundation

extension PublishedDataset {
  public static let kits23 = PublishedDataset("kits23", publishedCases: 489) {
    try KiTS23Layout.listing(of: $0.folder)
  }
}

/// KiTS23 as its owners publish it: `case_NNNNN/imaging.nii.gz` and `segmentation.nii.gz`, in the repository's `dataset`
/// folder, or with the images as they are downloaded, `master_NNNNN.nii.gz`. Labels: 1 kidney, 2 tumor, 3 cyst. The earlier
/// releases, KiTS19 and KiTS21, have fewer cases and other segmentations; they are told and not taken.
///
/// As nnU-Net's own conversion, `dataset.json` gets regions that contain one another: kidney with masses, masses, tumor.
/// A recipe's `dataset.targets` chooses them or the labels.
enum KiTS23Layout {
  static func listing(of source: URL) throws -> ImportListing {
    let folder = ["dataset", "data"].map(source.appendingPathComponent).first(where: RawDataset.isDirectory) ?? source
    let names = try DatasetImporter.names(in: folder).filter {
      $0.hasPrefix("case_") && RawDataset.isDirectory(folder.appendingPathComponent($0))
    }
    guard !names.isEmpty else {
      var listing = try NumberedLayout.kits23.listing(of: source)
      listing.description = DatasetDescription(
        channelNames: ["CT"], labels: KiTS23Labels.labels, regions: KiTS23Labels.regions, trainingCount: 0,
        fileEnding: listing.description.fileEnding)
      listing.notes.append(regions)
      return listing
    }
    var listing = ImportListing(
      description: DatasetDescription(
        channelNames: ["CT"], labels: KiTS23Labels.labels, regions: KiTS23Labels.regions, trainingCount: 0))
    if let release = earlierRelease(folder, names) {
      listing.problems.append(release)
      return listing
    }
    var apart: [String: URL]?
    var missingImages: [String] = []
    for name in names {
      let directory = folder.appendingPathComponent(name)
      guard name.utf8.count == 10, name.dropFirst(5).allSatisfy({ $0.isASCII && $0.isNumber }) else {
        listing.problems.append("\(directory.path): a case is a folder named such as case_00012.")
        continue
      }
      var image = file("imaging", directory)
      if image == nil {
        // Only when some are missing are the downloads looked for.
        if apart == nil { apart = try downloads(below: source) }
        image = apart?[String(name.dropFirst(5))]
      }
      let label = file("segmentation", directory)
      if image == nil { missingImages.append(name) }
      if label == nil {
        listing.problems.append("\(directory.appendingPathComponent("segmentation.nii.gz").path): the file is missing.")
      }
      if let image, let label { listing.training.append(RawDataset.Case(name: name, images: [image], label: label)) }
    }
    if missingImages.count == names.count, names.count > 3 {
      listing.problems.append(
        "\(folder.path): none of the \(names.count) cases has its imaging.nii.gz, as after a clone of the owners' repository; their "
          + "kits23_download_data fetches the images.")
    } else {
      listing.problems += missingImages.map {
        "\(folder.appendingPathComponent($0).appendingPathComponent("imaging.nii.gz").path): the file is missing; the owners' "
          + "kits23_download_data fetches the images."
      }
    }
    listing.settleEnding()
    listing.notes.append(regions)
    return listing
  }

  private static let regions =
    "dataset.json has nnU-Net's regions (kidney with masses, masses, tumor) of the labels 1 kidney, 2 tumor, 3 cyst; a "
    + "recipe's dataset.targets chooses the regions or the labels."

  private static func file(_ name: String, _ directory: URL) -> URL? {
    [".nii.gz", ".nii"].map { directory.appendingPathComponent(name + $0) }.first(where: DatasetImporter.isFile)
  }

  /// The images under the names that the owners' server gives them, by their digits.
  private static func downloads(below source: URL) throws -> [String: URL] {
    var found: [String: URL] = [:]
    for file in try SourceFiles.all(below: source) {
      let name = file.lastPathComponent
      guard name.hasPrefix("master_"), name.hasSuffix(".nii.gz") else { continue }
      found[String(name.dropFirst("master_".count).dropLast(".nii.gz".count))] = file
    }
    return found
  }

  /// One sentence if the cases are those of an earlier release.
  private static func earlierRelease(_ folder: URL, _ names: [String]) -> String? {
    let needed =
      "KiTS23 (489 cases in dataset/case_NNNNN, each with imaging.nii.gz and segmentation.nii.gz) is required"
    func exists(_ path: String) -> Bool {
      FileManager.default.fileExists(atPath: folder.appendingPathComponent(path).path)
    }
    if let name = names.first(where: { exists("\($0)/aggregated_MAJ_seg.nii.gz") }) {
      return
        "\(folder.appendingPathComponent(name).path): aggregated_MAJ_seg.nii.gz is KiTS21's, an earlier release of 300 cases "
        + "with other segmentations; \(needed)."
    }
    let unlabelled = names.filter { file("segmentation", folder.appendingPathComponent($0)) == nil }
    let isTest =
      !unlabelled.isEmpty && unlabelled.count < names.count
      && unlabelled.allSatisfy { Int($0.dropFirst(5)).map { (210..<300).contains($0) } ?? false }
    if exists("kits.json") || (isTest && unlabelled.count > 1) {
      return "\(folder.path): these are the cases of KiTS19, an earlier release with 210 labelled cases and no cysts"
        + (unlabelled.isEmpty ? "" : " (\(unlabelled[0]) and others have no segmentation)") + "; \(needed)."
    }
    return nil
  }
}
