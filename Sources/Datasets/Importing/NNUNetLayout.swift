import Files
import Foundation

extension PublishedDataset {
  /// Any dataset that is in nnU-Net's raw layout already.
  public static let nnunet = PublishedDataset("nnunet") { try NNUNetLayout.listing(of: $0.folder) }
}

/// A dataset that is in nnU-Net's raw layout already: `imagesTr`, `labelsTr`, `imagesTs` if there is one, and a
/// `dataset.json`, which is taken over as it is; or one whose `dataset.json` names each case's files under "dataset"; or one
/// with the folder of a DICOM series in place of each image.
enum NNUNetLayout {
  static func listing(of source: URL) throws -> ImportListing {
    let file = source.appendingPathComponent("dataset.json")
    let document = try JSONValue.read(file)
    if DecathlonLayout.isForm(of: document) {
      var listing = try DecathlonLayout.listing(of: source)
      listing.notes.append(
        "\(file.path): names and numbers are exchanged, as in the Decathlon and nnU-Net's first version; it is rewritten in the second "
          + "version's form.")
      return listing
    }
    let (parts, problems) = DatasetDescription.parts(of: document, path: file.path)
    guard let description = parts.description else { throw Self.error(problems, source) }
    var listing = ImportListing(description: description, problems: problems)
    if let named = document["dataset"] {
      listing.training = cases(named, source, file, &listing.problems)
      var text = document
      text["dataset"] = nil
      text["numTraining"] = .integer(listing.training.count)
      listing.descriptionText = Data(text.text().utf8)
      return listing
    }
    listing.descriptionText = try? Data(contentsOf: file)
    if try DICOMLayout.read(source, &listing) { return listing }
    let found = try RawDataset.contents(of: source, description)
    listing.problems += found.problems
    listing.training = found.cases
    listing.test = found.testCases
    for url in (found.cases + found.testCases).flatMap({ $0.images + [$0.label].compactMap { $0 } })
    where !DatasetImporter.isFile(url) {
      listing.problems.append("\(url.path): the file is missing.")
    }
    return listing
  }

  private static func error(_ problems: [String], _ source: URL) -> ImportError {
    ImportError(source: source.path, dataset: .nnunet, problems: problems)
  }

  /// `{"case": {"images": ["a.nii.gz"], "label": "b.nii.gz"}}`, paths below the folder or absolute.
  private static func cases(
    _ named: JSONValue, _ source: URL, _ file: URL, _ problems: inout [String]
  ) -> [RawDataset.Case] {
    func locate(_ path: String) -> URL? {
      guard !path.contains("$") else {
        problems.append("\(file.path): \"\(path)\" names a variable of the environment; write the path out.")
        return nil
      }
      let url = path.hasPrefix("/") ? URL(fileURLWithPath: path) : source.appendingPathComponent(path)
      guard DatasetImporter.isFile(url) else {
        problems.append("\(url.path): the file is missing; dataset.json names it.")
        return nil
      }
      return url
    }
    guard let entries = named.object, !entries.isEmpty else {
      problems.append("\(file.path): \"dataset\" must be an object with a case's files under its name.")
      return []
    }
    return entries.compactMap { entry in
      let name = entry.key
      guard !name.isEmpty, !name.contains("/"), !name.hasPrefix("."), let images = entry.value["images"]?.strings,
        let label = entry.value["label"]?.string
      else {
        problems.append(
          "\(file.path): the case \"\(name)\" must be an object with a list \"images\" and a \"label\", and its name fit for "
            + "a file.")
        return nil
      }
      let files = (images.map(locate), locate(label))
      let found = files.0.compactMap { $0 }
      guard found.count == images.count, let label = files.1 else { return nil }
      return RawDataset.Case(name: name, images: found, label: label)
    }
  }
}
