import Foundation

/// KiTS23 as its owners publish it: `case_NNNNN/imaging.nii.gz` and `segmentation.nii.gz`, in the repository's `dataset`
/// folder. Labels: 1 kidney, 2 tumor, 3 cyst.
///
/// As nnU-Net's own conversion, `dataset.json` gets regions that contain one another: kidney with masses, masses, tumor.
/// A recipe's `dataset.targets` chooses them or the labels.
enum KiTS23Layout {
  static func listing(of source: URL) throws -> ImportListing {
    var listing = ImportListing(
      description: DatasetDescription(
        channelNames: ["CT"], labels: KiTS23Labels.labels, regions: KiTS23Labels.regions, trainingCount: 0))
    let inner = source.appendingPathComponent("dataset")
    let folder = RawDataset.isDirectory(inner) ? inner : source
    for name in try DatasetImporter.names(in: folder) where name.hasPrefix("case_") {
      let directory = folder.appendingPathComponent(name)
      guard name.utf8.count == 10, name.dropFirst(5).allSatisfy({ $0.isASCII && $0.isNumber }),
        RawDataset.isDirectory(directory)
      else {
        listing.problems.append("\(directory.path): a case is a folder named such as case_00012.")
        continue
      }
      let image = directory.appendingPathComponent("imaging.nii.gz")
      let label = directory.appendingPathComponent("segmentation.nii.gz")
      let missing = [image, label].filter { !DatasetImporter.isFile($0) }
      for file in missing {
        listing.problems.append(
          "\(file.path): the file is missing"
            + (file == image ? "; the owners' kits23_download_data fetches the images." : "."))
      }
      if missing.isEmpty { listing.training.append(RawDataset.Case(name: name, images: [image], label: label)) }
    }
    if listing.training.isEmpty && listing.problems.isEmpty {
      listing.problems.append("\(folder.path): there is no case_NNNNN folder, as KiTS23 has.")
    }
    listing.notes.append(
      "dataset.json has nnU-Net's regions (kidney with masses, masses, tumor) of the labels 1 kidney, 2 tumor, 3 cyst; a "
        + "recipe's dataset.targets chooses the regions or the labels.")
    return listing
  }
}
