import Foundation

/// Datasets whose images and label maps carry a number after a word, in whatever folders: LiTS (`volume-12.nii`,
/// `segmentation-12.nii`, in the folders of two Training Batches) and BTCV (`img0012.nii.gz`, `label0012.nii.gz`, in
/// `RawData/Training/img` and `label`, or all in one folder).
struct NumberedLayout {
  /// What comes before the number.
  let image: String
  let label: String
  /// The case's name from the number's digits.
  let caseName: @Sendable (String) -> String
  let labels: [String]
  /// What a user is told to expect.
  let expectation: String

  static let lits = NumberedLayout(
    image: "volume-", label: "segmentation-", caseName: { "liver_" + $0 }, labels: ["liver", "tumor"],
    expectation: "volume-N.nii and segmentation-N.nii, as LiTS's two Training Batches have")

  static let btcv = NumberedLayout(
    image: "img", label: "label", caseName: { "img" + $0 },
    labels: [
      "spleen", "right kidney", "left kidney", "gallbladder", "esophagus", "liver", "stomach", "aorta",
      "inferior vena cava", "portal vein and splenic vein", "pancreas", "right adrenal gland", "left adrenal gland",
    ], expectation: "imgNNNN.nii.gz and labelNNNN.nii.gz, as BTCV's RawData has")

  /// How many folders down files are looked for.
  private static let greatestDepth = 4

  func listing(of source: URL) throws -> ImportListing {
    let names = ["background"] + labels
    var listing = ImportListing(
      description: DatasetDescription(
        channelNames: ["CT"], labels: names.enumerated().map { .init(name: $0.element, value: $0.offset) },
        trainingCount: 0))
    var images: [String: URL] = [:]
    var labelMaps: [String: URL] = [:]
    var seen: Set<String> = []
    for file in try Self.files(below: source, depth: 0) where seen.insert(file.resolvingSymlinksInPath().path).inserted
    {
      func take(_ word: String, into found: inout [String: URL]) {
        guard let digits = Self.digits(of: file.lastPathComponent, after: word) else { return }
        if let other = found.updateValue(file, forKey: digits) {
          listing.problems.append("\(file.path): number \(digits) is there twice; the other one is \(other.path).")
        }
      }
      take(image, into: &images)
      take(label, into: &labelMaps)
    }
    for (digits, image) in images.sorted(by: { $0.key < $1.key }) {
      if let label = labelMaps.removeValue(forKey: digits) {
        listing.training.append(RawDataset.Case(name: caseName(digits), images: [image], label: label))
      } else if image.pathComponents.dropFirst(source.pathComponents.count).contains(where: Self.isTestFolder) {
        listing.test.append(RawDataset.Case(name: caseName(digits), images: [image], label: nil))
      } else {
        listing.problems.append("\(image.path): the image has no label map; \(expectation), are needed.")
      }
    }
    for (_, label) in labelMaps.sorted(by: { $0.key < $1.key }) {
      listing.problems.append("\(label.path): the label map has no image; \(expectation), are needed.")
    }
    if listing.training.isEmpty && listing.problems.isEmpty {
      listing.problems.append("\(source.path): there are no \(expectation).")
    }
    settleEnding(&listing)
    if !listing.test.isEmpty {
      listing.notes.append("\(listing.test.count) image(s) of the testing set have no label map; they go to imagesTs.")
    }
    return listing
  }

  /// nnU-Net's `file_ending` is one for all files.
  private func settleEnding(_ listing: inout ImportListing) {
    let files = (listing.training + listing.test).flatMap { $0.images + [$0.label].compactMap { $0 } }
    let compressed = files.filter { $0.lastPathComponent.hasSuffix(".gz") }
    listing.description.fileEnding = compressed.isEmpty ? ".nii" : ".nii.gz"
    guard !compressed.isEmpty, let plain = files.first(where: { !$0.lastPathComponent.hasSuffix(".gz") }) else {
      return
    }
    listing.problems.append(
      "\(plain.path): it ends in .nii and \(compressed[0].path) in .nii.gz; a dataset in nnU-Net's layout has one ending "
        + "for all files: compress or uncompress some.")
  }

  /// The digits of "volume-12.nii" or "volume-12.nii.gz".
  private static func digits(of name: String, after word: String) -> String? {
    guard name.hasPrefix(word) else { return nil }
    let rest = name.dropFirst(word.count)
    guard let ending = [".nii.gz", ".nii"].first(where: rest.hasSuffix) else { return nil }
    let digits = rest.dropLast(ending.count)
    return (1...6).contains(digits.count) && digits.allSatisfy { $0.isASCII && $0.isNumber } ? String(digits) : nil
  }

  private static func isTestFolder(_ name: String) -> Bool { name.lowercased().hasPrefix("test") }

  private static func files(below folder: URL, depth: Int) throws -> [URL] {
    var files: [URL] = []
    for name in try DatasetImporter.names(in: folder) {
      let url = folder.appendingPathComponent(name)
      if RawDataset.isDirectory(url) {
        if depth < greatestDepth { files += try Self.files(below: url, depth: depth + 1) }
      } else {
        files.append(url)
      }
    }
    return files
  }
}
