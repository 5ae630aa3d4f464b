import Files
import Foundation

extension PublishedDataset {
  public static let amos22 = PublishedDataset("amos22", publishedCases: 360) {
    try AMOS22Layout.listing(of: $0.folder)
  }
}

/// AMOS22 as its owners publish it: `dataset.json` with lists of images and labels, `imagesTr`, `labelsTr`, `imagesVa`,
/// `labelsVa`. Numbers below 500 are CT scans, the others MR. The training and the validation set together are the
/// paper's 300 CT and 60 MR volumes. Without the `dataset.json`, images and label maps are told by their folders.
enum AMOS22Layout {
  static func listing(of source: URL) throws -> ImportListing {
    let file = source.appendingPathComponent("dataset.json")
    guard DatasetImporter.isFile(file) else {
      var listing = try NumberedLayout.amos22.listing(of: source)
      listing.notes.append(
        "\(file.path): there is no such file; the classes are taken to be AMOS22's fifteen in their order.")
      countModalities(&listing)
      return listing
    }
    let document = try JSONValue.read(file)
    var listing = ImportListing(
      description: DatasetDescription(channelNames: ["either_CT_or_MR"], labels: [], trainingCount: 0))
    switch NumberedClasses.read(document, file) {
    case .success(let labels): listing.description.labels = labels
    case .failure(let problem): listing.problems.append(problem.description)
    }
    var seen: Set<String> = []
    for (key, images, labels) in [("training", "imagesTr", "labelsTr"), ("validation", "imagesVa", "labelsVa")] {
      let cases = try pairs(document[key], key, images, labels, source, &listing)
      for item in cases {
        if !seen.insert(item.name).inserted {
          listing.problems.append("\(file.path): the case \(item.name) is listed twice.")
        }
      }
      listing.training += cases
    }
    if listing.training.isEmpty { listing.problems.append("\(file.path): it lists no training or validation cases.") }
    countModalities(&listing)
    return listing
  }

  private static func countModalities(_ listing: inout ImportListing) {
    let ct = listing.training.count { number($0.name).map { $0 < 500 } ?? false }
    let mr = listing.training.count - ct
    if (ct, mr) != (300, 60) {
      listing.notes.append("The paper has 300 CT and 60 MR volumes; \(ct) CT and \(mr) MR are here.")
    }
  }

  /// 7 of "amos_0007".
  static func number(_ name: String) -> Int? {
    guard name.hasPrefix("amos_") else { return nil }
    let digits = name.dropFirst(5)
    return (1...6).contains(digits.count) && digits.allSatisfy { $0.isASCII && $0.isNumber } ? Int(digits) : nil
  }

  /// The cases of one of the lists; without the list, those of the folders.
  private static func pairs(
    _ list: JSONValue?, _ key: String, _ images: String, _ labels: String, _ source: URL,
    _ listing: inout ImportListing
  ) throws -> [RawDataset.Case] {
    let file = source.appendingPathComponent("dataset.json")
    let folder = source.appendingPathComponent(images)
    let present =
      RawDataset.isDirectory(folder)
      ? try DatasetImporter.names(in: folder).filter { $0.hasSuffix(".nii.gz") } : []
    var entries: [(image: String, label: String)] = []
    var unlabelled: [String] = []
    if let list {
      guard let items = list.array else {
        listing.problems.append("\(file.path): \"\(key)\" must be a list; found \(list.kind).")
        return []
      }
      for (index, item) in items.enumerated() {
        // The first release listed validation images without label maps.
        if key == "validation", item["label"] == nil, let image = item["image"]?.string ?? item.string {
          unlabelled.append(image)
          continue
        }
        guard let image = item["image"]?.string, let label = item["label"]?.string else {
          listing.problems.append(
            "\(file.path): item \(index + 1) of \"\(key)\" must be an object with the paths \"image\" and \"label\".")
          continue
        }
        entries.append((image, label))
      }
      let listed = Set(entries.map { $0.image.split(separator: "/").last.map(String.init) ?? "" })
      let rest = present.filter { !listed.contains($0) }
      if !rest.isEmpty {
        listing.notes.append(
          "\(folder.path): \(rest.count) image(s) that dataset.json's \"\(key)\" does not list are left out, "
            + "\(rest[0]) among them.")
      }
    } else {
      if !present.isEmpty {
        listing.notes.append("\(file.path): there is no list \"\(key)\"; all images of \(images) are taken.")
      }
      entries = present.map { ("\(images)/\($0)", "\(labels)/\($0)") }
    }
    if !unlabelled.isEmpty {
      listing.notes.append(
        "\(file.path): \(unlabelled.count) image(s) of \"\(key)\" are listed without label maps and left out; the release after the "
          + "challenge (Zenodo 7262581) has them.")
    }
    return withoutAbsent(entries, key, images, file, source, &listing).compactMap { pair($0, file, source, &listing) }
  }

  /// The entries but those of a part that is not here at all, which one sentence tells: the MR scans of a CT subset, or a folder.
  private static func withoutAbsent(
    _ entries: [(image: String, label: String)], _ key: String, _ images: String, _ file: URL, _ source: URL,
    _ listing: inout ImportListing
  ) -> [(image: String, label: String)] {
    func isAbsent(_ entry: (image: String, label: String)) -> Bool {
      [entry.image, entry.label].allSatisfy { !DatasetImporter.isFile(source.appendingPathComponent($0)) }
    }
    func isMR(_ entry: (image: String, label: String)) -> Bool {
      let name = entry.image.split(separator: "/").last.map { String($0.dropLast(".nii.gz".count)) } ?? ""
      return number(name).map { $0 >= 500 } ?? false
    }
    let absent = entries.filter(isAbsent)
    if !absent.isEmpty, absent.count == entries.count {
      listing.problems.append(
        "\(source.appendingPathComponent(images).path): none of the \(absent.count) cases that dataset.json's \"\(key)\" lists is "
          + "there; unpack the whole archive.")
      return []
    }
    let mr = entries.filter(isMR)
    guard !mr.isEmpty, mr.allSatisfy(isAbsent), absent.allSatisfy(isMR) else { return entries }
    listing.notes.append(
      "The \(mr.count) MR scans that dataset.json's \"\(key)\" lists are not here: this is a subset of the CT scans.")
    return entries.filter { !isMR($0) }
  }

  private static func pair(
    _ entry: (image: String, label: String), _ file: URL, _ source: URL, _ listing: inout ImportListing
  ) -> RawDataset.Case? {
    func locate(_ path: String) -> URL? {
      let parts = path.split(separator: "/").filter { $0 != "." }
      guard !path.hasPrefix("/"), !parts.isEmpty, !parts.contains("..") else {
        listing.problems.append("\(file.path): \"\(path)\" is no path below the dataset's folder.")
        return nil
      }
      let url = parts.reduce(source) { $0.appendingPathComponent(String($1)) }
      guard DatasetImporter.isFile(url) else {
        listing.problems.append("\(url.path): the file is missing; dataset.json lists it.")
        return nil
      }
      return url
    }
    let (image, label) = (locate(entry.image), locate(entry.label))
    guard let image, let label else { return nil }
    let name = String(image.lastPathComponent.dropLast(".nii.gz".count))
    guard image.lastPathComponent.hasSuffix(".nii.gz"), number(name) != nil else {
      listing.problems.append("\(image.path): an image's name must be such as amos_0001.nii.gz.")
      return nil
    }
    guard label.lastPathComponent == image.lastPathComponent else {
      listing.problems.append("\(label.path): the label map of \(image.lastPathComponent) has another name.")
      return nil
    }
    return RawDataset.Case(name: name, images: [image], label: label)
  }
}
