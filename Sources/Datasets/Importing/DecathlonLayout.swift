import Files
import Foundation
import Imaging

extension PublishedDataset {
  /// Any task of the Medical Segmentation Decathlon.
  public static let decathlon = PublishedDataset("decathlon") { source in
    source.hasDescription && !source.isDecathlon
      ? try NNUNetLayout.listing(of: source.folder) : try DecathlonLayout.listing(of: source.folder)
  }
}

/// A task of the Medical Segmentation Decathlon, or a dataset in nnU-Net's first version's form of it: a `dataset.json` with
/// `modality` and classes by number, and lists of files; images of several channels with a fourth axis.
///
/// Cases are named and channels numbered as nnU-Net's `convert_MSD_dataset` does it.
enum DecathlonLayout {
  /// Whether a `dataset.json` numbers its classes, {"0": "background"}, where nnU-Net's second version names them.
  static func isForm(of document: JSONValue) -> Bool {
    guard let labels = document["labels"]?.object, !labels.isEmpty else { return false }
    return labels.allSatisfy {
      Int($0.key) != nil && $0.value.string != nil && $0.value.string.flatMap { Int($0) } == nil
    }
  }

  /// - Parameter classes: the names to give to the classes from 1 on, in place of the file's, where there are as many.
  static func listing(of source: URL, classes: [String]? = nil) throws -> ImportListing {
    let file = source.appendingPathComponent("dataset.json")
    let document = try JSONValue.read(file)
    var listing = ImportListing(
      description: DatasetDescription(channelNames: channels(document), labels: [], trainingCount: 0))
    switch NumberedClasses.read(document, file) {
    case .success(let labels): listing.description.labels = labels
    case .failure(let problem): listing.problems.append(problem.description)
    }
    if let classes, listing.description.labels.count == classes.count + 1 {
      for (index, name) in classes.enumerated() { listing.description.labels[index + 1].name = name }
    }
    let training = try pairs(document["training"], "imagesTr", source, file, &listing)
    for (name, image, label) in training {
      guard let images = channels(of: image, name, &listing) else { continue }
      if let label, DatasetImporter.isFile(label) {
        listing.training.append(RawDataset.Case(name: name, images: images, label: label))
      } else {
        let expected = label ?? source.appendingPathComponent("labelsTr/\(image.lastPathComponent)")
        listing.problems.append("\(expected.path): the label map of \(image.lastPathComponent) is missing.")
      }
    }
    for (name, image, _) in try pairs(nil, "imagesTs", source, file, &listing) {
      guard let images = channels(of: image, name, &listing) else { continue }
      listing.test.append(RawDataset.Case(name: name, images: images, label: nil))
    }
    if listing.training.isEmpty && listing.problems.isEmpty {
      listing.problems.append("\(source.appendingPathComponent("imagesTr").path): no image lies there.")
    }
    listing.settleEnding()
    if !listing.conversions.isEmpty {
      listing.notes.append(
        "\(listing.conversions.count) image(s) with a fourth axis are divided into their \(listing.description.channelNames.count) "
          + "channels; these are new files, not links.")
    }
    return listing
  }

  private static func channels(_ document: JSONValue) -> [String] {
    let entries = (document["modality"] ?? document["channel_names"])?.object ?? []
    let names = entries.indices.compactMap { index in entries.first { Int($0.key) == index }?.value.string }
    return names.isEmpty || names.count != entries.count ? ["CT"] : names
  }

  /// The images of a list and of a folder, each with its label map's place if it is one to train with.
  private static func pairs(
    _ list: JSONValue?, _ folder: String, _ source: URL, _ file: URL, _ listing: inout ImportListing
  ) throws -> [(name: String, image: URL, label: URL?)] {
    let directory = source.appendingPathComponent(folder)
    var present = RawDataset.isDirectory(directory) ? try DatasetImporter.names(in: directory) : []
    present = present.filter { stem($0) != nil }
    var found: [(String, URL, URL?)] = []
    var taken: Set<String> = []
    for item in list?.array ?? [] {
      guard let image = item["image"]?.string, let label = item["label"]?.string,
        let imageURL = below(source, image), let labelURL = below(source, label),
        let name = stem(imageURL.lastPathComponent)
      else {
        listing.problems.append(
          "\(file.path): an item of \"training\" must be an object with the paths \"image\" and \"label\" of .nii.gz files."
        )
        continue
      }
      // nnU-Net's first version lists CASE.nii.gz and stores CASE_0000.nii.gz and so on.
      let first = RawDataset.imageName(name, channel: 0, ending: ending(imageURL.lastPathComponent))
      let isSplit = !DatasetImporter.isFile(imageURL) && present.contains(first)
      let url = isSplit ? imageURL.deletingLastPathComponent().appendingPathComponent(first) : imageURL
      guard DatasetImporter.isFile(url) else {
        listing.problems.append("\(imageURL.path): the file is missing; dataset.json lists it.")
        continue
      }
      guard taken.insert(url.lastPathComponent).inserted else {
        listing.problems.append("\(file.path): the case \(name) is listed twice.")
        continue
      }
      found.append((name, url, labelURL))
    }
    // Images of several files: the first stands for all.
    let rest = present.filter { name in
      guard !taken.contains(name) else { return false }
      guard let channel = channel(of: name), channel.number > 0 else { return true }
      return !present.contains(RawDataset.imageName(channel.stem, channel: 0, ending: ending(name)))
    }
    for name in rest {
      let isFirst = channel(of: name).map { $0.number == 0 } ?? false && listing.description.channelNames.count >= 1
      let caseName = isFirst ? channel(of: name)!.stem : stem(name)!
      let label = source.appendingPathComponent("labelsTr/\(caseName)\(ending(name))")
      found.append((caseName, directory.appendingPathComponent(name), folder == "imagesTr" ? label : nil))
    }
    if list?.array != nil, folder == "imagesTr", !rest.isEmpty {
      listing.notes.append("\(directory.path): \(rest.count) image(s) that dataset.json does not list are taken too.")
    }
    return found
  }

  /// A file for each channel: those beside the first, or one file with as many volumes as there are channels.
  private static func channels(of image: URL, _ name: String, _ listing: inout ImportListing) -> [URL]? {
    let count = listing.description.channelNames.count
    if let channel = channel(of: image.lastPathComponent), channel.number == 0, channel.stem == name {
      let files = (0..<count).map {
        image.deletingLastPathComponent().appendingPathComponent(
          RawDataset.imageName(name, channel: $0, ending: ending(image.lastPathComponent)))
      }
      let missing = files.filter { !DatasetImporter.isFile($0) }
      listing.problems += missing.map { "\($0.path): the file is missing; \"modality\" names \(count) channels." }
      return missing.isEmpty ? files : nil
    }
    let series: NIfTISeries?
    do { series = try NIfTISeries(image) } catch {
      listing.problems.append("\(error)")
      return nil
    }
    let volumes = series?.count ?? 1
    guard volumes == count else {
      listing.problems.append(
        "\(image.path): it holds \(volumes) volume(s), but \"modality\" in dataset.json names \(count) channel(s).")
      return nil
    }
    if let series {
      listing.conversions[image.path] = { channel, target in
        try series.write(volume: channel, to: target)
        return nil
      }
    }
    return [URL](repeating: image, count: count)
  }

  private static func below(_ source: URL, _ path: String) -> URL? {
    let parts = path.split(separator: "/").filter { $0 != "." }
    guard !path.hasPrefix("/"), !parts.isEmpty, !parts.contains("..") else { return nil }
    return parts.reduce(source) { $0.appendingPathComponent(String($1)) }
  }

  static func ending(_ name: String) -> String { name.hasSuffix(".nii") ? ".nii" : ".nii.gz" }

  private static func stem(_ name: String) -> String? {
    guard !name.hasPrefix("."), let ending = [".nii.gz", ".nii"].first(where: name.hasSuffix) else { return nil }
    let stem = String(name.dropLast(ending.count))
    return stem.isEmpty ? nil : stem
  }

  /// "la_003" and 0 of "la_003_0000.nii.gz".
  private static func channel(of name: String) -> (stem: String, number: Int)? {
    guard let stem = stem(name), stem.utf8.count > 5, stem.utf8.dropLast(4).last == UInt8(ascii: "_"),
      stem.suffix(4).allSatisfy({ $0.isASCII && $0.isNumber }), let number = Int(stem.suffix(4)),
      number < DatasetDescription.greatestChannelCount
    else { return nil }
    return (String(stem.dropLast(5)), number)
  }
}

/// `{"0": "background", "1": "spleen", ...}`, as the Decathlon, AMOS22 and nnU-Net's first version have it.
enum NumberedClasses {
  static func read(_ document: JSONValue, _ file: URL) -> Result<[DatasetDescription.Label], DatasetError> {
    let expected = "\"labels\" must number the classes, such as {\"0\": \"background\", \"1\": \"spleen\"}"
    guard let entries = document["labels"]?.object, (2...1024).contains(entries.count) else {
      return .failure(DatasetError("\(file.path): \(expected)."))
    }
    var labels: [DatasetDescription.Label] = []
    for entry in entries {
      guard let value = Int(entry.key), let name = entry.value.string else {
        return .failure(DatasetError("\(file.path): \(expected); found \"\(entry.key)\": \(entry.value.kind)."))
      }
      labels.append(.init(name: value == 0 ? "background" : name, value: value))
    }
    labels.sort { $0.value < $1.value }
    guard labels.map(\.value) == Array(0..<labels.count), Set(labels.map(\.name)).count == labels.count else {
      return .failure(
        DatasetError("\(file.path): \"labels\" must be 0, 1, 2, ... without gaps, each with its own name."))
    }
    return .success(labels)
  }
}
