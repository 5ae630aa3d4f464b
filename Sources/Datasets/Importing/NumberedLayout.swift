import Files
import Foundation

extension PublishedDataset {
  public static let lits = numbered("lits", publishedCases: 131, .lits)
  public static let btcv = numbered("btcv", publishedCases: 50, .btcv)

  /// One that also comes as a task of the Decathlon.
  private static func numbered(_ name: String, publishedCases: Int, _ layout: NumberedLayout) -> PublishedDataset {
    PublishedDataset(name, publishedCases: publishedCases) { source in
      source.isDecathlon
        ? try DecathlonLayout.listing(of: source.folder, classes: layout.labels)
        : try layout.listing(of: source.folder)
    }
  }
}

/// Datasets whose images and label maps carry a number between fixed words, in whatever folders. Each is published and mirrored
/// under several forms of names; one source has one of them.
struct NumberedLayout: Sendable {
  /// How one publication names its files.
  struct Form: Sendable {
    /// What stands before and after the digits, the ending left out.
    let image: (before: String, after: String)
    /// The same for label maps; where it is the images', label maps are those in a folder named after labels, masks or
    /// segmentations.
    let label: (before: String, after: String)
    /// The case's name from the number's digits.
    let caseName: @Sendable (String) -> String
    /// Cases that the owners publish without label maps.
    var testNumbers: ClosedRange<Int>?
    /// What the user should know of the form.
    var note: String?

    /// What a user is told to expect.
    var expectation: String {
      let (image, label) = ("\(image.before)N\(image.after)", "\(label.before)N\(label.after)")
      return image == label ? "\(image) in folders of images and of labels" : "\(image) and \(label)"
    }
  }

  let forms: [Form]
  let channel: String
  let labels: [String]
  /// What a user is told to expect.
  let expectation: String

  static let lits = NumberedLayout(
    forms: [
      Form(image: ("volume-", ""), label: ("segmentation-", ""), caseName: { "liver_" + $0 }),
      Form(image: ("liver_", "_0000"), label: ("liver_", ""), caseName: { "liver_" + $0 }, testNumbers: 131...200),
      Form(image: ("liver_", ""), label: ("liver_", ""), caseName: { "liver_" + $0 }, testNumbers: 131...200),
    ], channel: "CT", labels: ["liver", "tumor"],
    expectation:
      "volume-N.nii and segmentation-N.nii, as LiTS's two Training Batches have, nor the Decathlon's Task03_Liver")

  static let btcv = NumberedLayout(
    forms: [
      Form(image: ("img", ""), label: ("label", ""), caseName: { "img" + $0 }, testNumbers: 61...80),
      Form(image: ("img", "_0000"), label: ("img", ""), caseName: { "img" + $0 }, testNumbers: 61...80),
      Form(image: ("img", ""), label: ("img", ""), caseName: { "img" + $0 }, testNumbers: 61...80),
      Form(
        image: ("DET", "_avg"), label: ("DET", "_avg_seg"), caseName: { "DET" + $0 },
        note:
          "The cases are named by the numbers of the averaged images (DET…), so that folds are others than those of RawData's "
          + "imgNNNN."),
    ], channel: "CT",
    labels: [
      "spleen", "right kidney", "left kidney", "gallbladder", "esophagus", "liver", "stomach", "aorta",
      "inferior vena cava", "portal vein and splenic vein", "pancreas", "right adrenal gland", "left adrenal gland",
    ],
    expectation:
      "imgNNNN.nii.gz and labelNNNN.nii.gz, as BTCV's RawData has, nor DET…_avg.nii.gz and DET…_avg_seg.nii.gz")

  static let amos22 = NumberedLayout(
    forms: [
      Form(image: ("amos_", "_0000"), label: ("amos_", ""), caseName: { "amos_" + $0 }),
      Form(image: ("amos_", ""), label: ("amos_", ""), caseName: { "amos_" + $0 }),
    ], channel: "either_CT_or_MR",
    labels: [
      "spleen", "right kidney", "left kidney", "gall bladder", "esophagus", "liver", "stomach", "arota", "postcava",
      "pancreas", "right adrenal gland", "left adrenal gland", "duodenum", "bladder", "prostate/uterus",
    ], expectation: "amos_NNNN.nii.gz in imagesTr and labelsTr, as AMOS22 has")

  static let kits23 = NumberedLayout(
    forms: [
      Form(image: ("case_", "_0000"), label: ("case_", ""), caseName: { "case_" + $0 }),
      Form(image: ("case_", "_imaging"), label: ("case_", "_segmentation"), caseName: { "case_" + $0 }),
      Form(image: ("case_", ""), label: ("case_", ""), caseName: { "case_" + $0 }),
    ], channel: "CT", labels: ["kidney", "tumor", "cyst"],
    expectation: "folders case_NNNNN with imaging.nii.gz and segmentation.nii.gz, as KiTS23 has")

  func listing(of source: URL) throws -> ImportListing {
    let names = ["background"] + labels
    var listing = ImportListing(
      description: DatasetDescription(
        channelNames: [channel], labels: names.enumerated().map { .init(name: $0.element, value: $0.offset) },
        trainingCount: 0))
    let files = try SourceFiles.all(below: source)
    // The forms that have both images and label maps here; else the first that has either.
    let found = forms.map { ($0, Files($0, files, source)) }
    let whole = found.filter { !$0.1.images.isEmpty && !$0.1.labels.isEmpty && $0.1.hasPair }
    guard let (form, members) = whole.first ?? found.first(where: { !$0.1.images.isEmpty || !$0.1.labels.isEmpty })
    else {
      listing.problems.append("\(source.path): there are no \(expectation); \(SourceFiles.found(files)).")
      return listing
    }
    if let other = whole.dropFirst().first(where: { members.isApart(from: $0.1) }) {
      listing.problems.append(
        "\(source.path): the same scans are there in two forms, \(form.expectation) and \(other.0.expectation); name the folder "
          + "of one of them.")
      return listing
    }
    listing.problems = members.problems
    pair(form, members, source, &listing)
    if listing.training.isEmpty && listing.problems.isEmpty {
      listing.problems.append("\(source.path): there are no label maps; \(form.expectation) are needed.")
    }
    listing.settleEnding()
    if !listing.test.isEmpty {
      listing.notes.append("\(listing.test.count) image(s) of the testing set have no label map; they go to imagesTs.")
    }
    if let note = form.note { listing.notes.append(note) }
    return listing
  }

  private func pair(_ form: Form, _ members: Files, _ source: URL, _ listing: inout ImportListing) {
    var labelMaps = members.labels
    for (digits, image) in members.images.sorted(by: { $0.key < $1.key }) {
      let isTest = image.pathComponents.dropFirst(source.pathComponents.count).contains(where: Self.isTestFolder)
      if let label = labelMaps.removeValue(forKey: digits) {
        listing.training.append(RawDataset.Case(name: form.caseName(digits), images: [image], label: label))
      } else if isTest || Int(digits).map({ form.testNumbers?.contains($0) ?? false }) ?? false {
        listing.test.append(RawDataset.Case(name: form.caseName(digits), images: [image], label: nil))
      } else {
        listing.problems.append("\(image.path): the image has no label map; \(form.expectation) are needed.")
      }
    }
    for (_, label) in labelMaps.sorted(by: { $0.key < $1.key }) {
      listing.problems.append("\(label.path): the label map has no image; \(form.expectation) are needed.")
    }
  }

  /// The files of one form, by their digits.
  private struct Files {
    var images: [String: URL] = [:]
    var labels: [String: URL] = [:]
    var problems: [String] = []

    var hasPair: Bool { images.keys.contains { labels[$0] != nil } }

    init(_ form: Form, _ files: [URL], _ source: URL) {
      let isByFolder = form.image == form.label
      var seen: Set<String> = []
      for file in files {
        let image = NumberedLayout.digits(of: file.lastPathComponent, form.image)
        let label = NumberedLayout.digits(of: file.lastPathComponent, form.label)
        guard image != nil || label != nil, seen.insert(file.resolvingSymlinksInPath().path).inserted else { continue }
        let folders = file.pathComponents.dropFirst(source.pathComponents.count).dropLast()
        let isInLabels = folders.contains(where: NumberedLayout.isLabelFolder)
        let isLabel = isByFolder ? isInLabels : label != nil && (image == nil || isInLabels)
        if isLabel {
          Self.take(label!, file, &labels, &problems)
        } else if let image {
          Self.take(image, file, &images, &problems)
        }
      }
    }

    private static func take(
      _ digits: String, _ file: URL, _ found: inout [String: URL], _ problems: inout [String]
    ) {
      if let other = found.updateValue(file, forKey: digits) {
        problems.append("\(file.path): number \(digits) is there twice; the other one is \(other.path).")
      }
    }

    /// Whether another form's pairs are other files than this one's.
    func isApart(from other: Files) -> Bool { Set(images.values).isDisjoint(with: other.images.values) }
  }

  /// The digits of "volume-12.nii" or "volume-12.nii.gz".
  private static func digits(of name: String, _ words: (before: String, after: String)) -> String? {
    guard name.hasPrefix(words.before), let ending = [".nii.gz", ".nii"].first(where: name.hasSuffix) else {
      return nil
    }
    let rest = name.dropFirst(words.before.count).dropLast(ending.count)
    guard rest.hasSuffix(words.after) else { return nil }
    let digits = rest.dropLast(words.after.count)
    return (1...10).contains(digits.count) && digits.allSatisfy { $0.isASCII && $0.isNumber } ? String(digits) : nil
  }

  /// "Testing", "imagesTs", "averaged-testing-images", but no name that only begins with these letters.
  private static func isTestFolder(_ name: String) -> Bool {
    let name = name.lowercased()
    return name.hasPrefix("test") || name.contains("testing") || name.hasPrefix("imagests")
  }

  private static func isLabelFolder(_ name: String) -> Bool {
    let name = name.lowercased()
    return ["label", "mask", "seg", "annotation", "groundtruth", "ground_truth"].contains { name.hasPrefix($0) }
      || name.hasSuffix("labels") || name.hasSuffix("masks") || name == "gt"
  }
}

extension ImportListing {
  /// nnU-Net's `file_ending` is one for all files.
  mutating func settleEnding() {
    let files = (training + test).flatMap { $0.images + [$0.label].compactMap { $0 } }
    let compressed = files.filter { $0.lastPathComponent.hasSuffix(".gz") }
    description.fileEnding = compressed.isEmpty && !files.isEmpty ? ".nii" : ".nii.gz"
    guard !compressed.isEmpty, let plain = files.first(where: { !$0.lastPathComponent.hasSuffix(".gz") }) else {
      return
    }
    problems.append(
      "\(plain.path): it ends in .nii and \(compressed[0].path) in .nii.gz; a dataset in nnU-Net's layout has one ending "
        + "for all files: compress or uncompress some.")
  }
}
