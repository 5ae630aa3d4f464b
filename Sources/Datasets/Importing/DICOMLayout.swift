import Files
import Foundation

/// nnU-Net's raw layout with the folder of a DICOM series in place of each image: `imagesTr/CASE_0000/`, or `imagesTr/CASE/` where
/// there is one channel. dcm2niix makes the volumes; the label maps are NIfTI files on their grid.
enum DICOMLayout {
  /// Adds the cases to a listing.
  /// - Returns: whether the dataset is one of DICOM series; false leaves the listing as it was.
  static func read(_ source: URL, _ listing: inout ImportListing) throws -> Bool {
    let folders = ["imagesTr", "imagesTs"].map { source.appendingPathComponent($0) }
    let series = try folders.map { RawDataset.isDirectory($0) ? try self.series(in: $0) : [] }
    guard let first = series.joined().first else { return false }
    // Said once, and not of each.
    if DICOMSeries.program == nil { throw DICOMSeries.withoutConverter(first) }
    let ending = listing.description.fileEnding
    guard ending == ".nii.gz" else {
      listing.problems.append(
        "\(source.appendingPathComponent("dataset.json").path): \"file_ending\" is \"\(ending)\", and volumes made of DICOM series "
          + "are .nii.gz files; have the label maps so, too.")
      return true
    }
    for (folder, series) in zip(folders, series) {
      let images = try cases(series, in: folder, &listing)
      for (name, images) in images.sorted(by: { $0.key < $1.key }) {
        guard folder.lastPathComponent == "imagesTr" else {
          listing.test.append(RawDataset.Case(name: name, images: images, label: nil))
          continue
        }
        let label = source.appendingPathComponent("labelsTr/\(name)\(ending)")
        if !DatasetImporter.isFile(label) {
          listing.problems.append("\(label.path): the label map of the DICOM series \(images[0].path) is missing.")
        }
        listing.training.append(RawDataset.Case(name: name, images: images, label: label))
      }
    }
    // dcm2niix turns rows round, so that label maps drawn on another program's volume would lie upside down.
    listing.requiresOneGrid = true
    listing.notes.append(
      "\(listing.conversions.count) DICOM series are converted by dcm2niix; these are new files, not links.")
    return true
  }

  /// The folders in a folder that hold a DICOM series.
  private static func series(in folder: URL) throws -> [URL] {
    try DatasetImporter.names(in: folder).map { folder.appendingPathComponent($0, isDirectory: true) }
      .filter(RawDataset.isDirectory).filter(DICOMSeries.isThere)
  }

  /// The images of each case with all its channels.
  private static func cases(
    _ series: [URL], in folder: URL, _ listing: inout ImportListing
  ) throws -> [String: [URL]] {
    let channels = listing.description.channelNames
    for name in try DatasetImporter.names(in: folder)
    where name.hasSuffix(".nii.gz") || name.hasSuffix(".nii") {
      listing.problems.append(
        "\(folder.path)/\(name): it lies beside folders of DICOM series; convert those to NIfTI, or give this one as DICOM, too."
      )
    }
    var found: [String: [Int: URL]] = [:]
    for url in series {
      var (name, channel) = (url.lastPathComponent, 0)
      if name.count > 5, name.dropLast(4).last == "_", let number = Int(name.suffix(4)), number >= 0 {
        (name, channel) = (String(name.dropLast(5)), number)
      } else if channels.count > 1 {
        listing.problems.append(
          "\(url.path): dataset.json names \(channels.count) channels, so the folder of a series ends in its channel's number, "
            + "such as _0000.")
        continue
      }
      guard channels.indices.contains(channel), found[name]?[channel] == nil else {
        listing.problems.append(
          "\(url.path): the case \(name) has its channel \(channel) already, or dataset.json does not name that channel."
        )
        continue
      }
      found[name, default: [:]][channel] = url
      listing.conversions[url.path] = { _, target in try convert(url, to: target) }
    }
    return found.compactMapValues { images in
      let all = channels.indices.compactMap { images[$0] }
      guard all.count < channels.count else { return all }
      let lacking = channels.indices.filter { images[$0] == nil }.map { channels[$0] }.joined(separator: ", ")
      listing.problems.append("\(all[0].path): the case lacks a series of the channel \(lacking).")
      return nil
    }
  }

  /// - Returns: what has to be said of the volume.
  private static func convert(_ series: URL, to target: URL) throws -> String? {
    let scratch = try ScratchFolder()
    return try withExtendedLifetime(scratch) {
      let (volume, warning) = try DICOMSeries.volume(of: series, in: scratch.url)
      try AtomicFile.copy(volume, to: target)
      return warning
    }
  }
}
