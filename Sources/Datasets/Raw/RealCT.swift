import Files
import Foundation
import Imaging

/// Which classes of one label map make the classes of another.
public struct LabelRemapping: Sendable, Equatable {
  public struct Entry: Sendable, Equatable {
    public let name: String
    /// The values that become this class.
    public let sources: [Int16]

    public init(name: String, sources: [Int16]) {
      self.name = name
      self.sources = sources
    }
  }

  /// The new classes from 1 on; what none of them takes becomes 0, the background.
  public let entries: [Entry]

  /// No value may make two classes.
  public init(_ entries: [Entry]) {
    let values = entries.flatMap(\.sources)
    precondition(Set(values).count == values.count, "a value that makes two classes")
    self.entries = entries
  }

  /// The label map in the new classes.
  public func callAsFunction(_ labels: Volume<Int16>) -> Volume<Int16> {
    var table = [Int16](repeating: 0, count: 1 << 16)
    for (index, entry) in entries.enumerated() {
      for source in entry.sources { table[Int(UInt16(bitPattern: source))] = Int16(index + 1) }
    }
    return Volume(voxels: labels.voxels.map { table[Int(UInt16(bitPattern: $0))] }, like: labels)
  }
}

/// A dataset in nnU-Net's layout made of a single CT volume and its label map.
///
/// One patient's scan can't be split into patients: it is cut along its slices into slabs of neighbouring slices, and
/// each slab is a case. A model trained on some slabs and evaluated on another has seen the patient, the scanner and
/// the slices next to those that judge it: such a score shows that the whole path works on real data, and says
/// nothing about other patients.
public enum RealCT {
  /// Makes the dataset; the folder appears whole or not at all.
  /// - Parameters:
  ///   - image: a CT volume in HU.
  ///   - labels: its label map on the same grid.
  ///   - remapping: which of its values make which classes.
  ///   - slabs: into how many cases, named `slab_1`, `slab_2` and so on, the slices are cut. Their sizes differ by at
  ///     most one slice. nnU-Net's five-fold split needs five.
  ///   - directory: the dataset's folder, which must not be there yet.
  /// - Throws: `DatasetError`, `NIfTIError` or `FileError`.
  public static func makeDataset(
    image: URL, labels: URL, remapping: LabelRemapping, slabs: Int, in directory: URL
  ) throws {
    guard !FileManager.default.fileExists(atPath: directory.path) else {
      throw DatasetError("\(directory.path): there is such a folder or file already; remove it or choose another name.")
    }
    let volume = try NIfTI.readImage(image)
    let reference = try NIfTI.readLabels(labels)
    guard volume.shape == reference.shape else {
      throw DatasetError(
        "\(labels.path): the label map has shape \(reference.shape) and the image \(volume.shape) "
          + "(slices, rows, columns); both must lie on one grid."
      )
    }
    guard zip(volume.header.affine.joined(), reference.header.affine.joined()).allSatisfy({ abs($0 - $1) < 1e-3 })
    else {
      throw DatasetError(
        "\(labels.path): the label map lies elsewhere in space than the image \(image.path); both must lie on one grid."
      )
    }
    guard volume.shape.allSatisfy({ $0 <= Int(Int16.max) }) else {
      throw DatasetError(
        "\(image.path): shape \(volume.shape) does not fit a NIfTI-1 file, which has room for "
          + "\(Int16.max) voxels an axis."
      )
    }
    guard slabs >= 1, slabs <= volume.shape[0] else {
      throw DatasetError(
        "\(image.path): \(slabs) slabs were asked for; its \(volume.shape[0]) slices make 1 to \(volume.shape[0]).")
    }
    let remapped = remapping(reference)

    let parent = directory.standardizedFileURL.deletingLastPathComponent()
    let incoming = parent.appendingPathComponent(".\(directory.lastPathComponent).\(UUID().uuidString)")
    let (images, references) = (
      incoming.appendingPathComponent("imagesTr"), incoming.appendingPathComponent("labelsTr")
    )
    for folder in [images, references] {
      try makeFolder(folder)
    }
    defer { try? FileManager.default.removeItem(at: incoming) }
    let digits = String(slabs).count
    for slab in 0..<slabs {
      let slices = slab * volume.shape[0] / slabs..<(slab + 1) * volume.shape[0] / slabs
      let number = String(slab + 1)
      let name = "slab_" + String(repeating: "0", count: digits - number.count) + number
      try NIfTI.write(volume.slab(slices), to: images.appendingPathComponent("\(name)_0000.nii.gz"))
      try NIfTI.write(remapped.slab(slices), to: references.appendingPathComponent("\(name).nii.gz"))
    }
    let classes = ["background"] + remapping.entries.map(\.name)
    let description = DatasetDescription(
      channelNames: ["CT"], labels: classes.enumerated().map { .init(name: $0.element, value: $0.offset) },
      trainingCount: slabs)
    try AtomicFile.write(Data(description.json.text().utf8), to: incoming.appendingPathComponent("dataset.json"))
    do {
      try FileManager.default.moveItem(at: incoming, to: directory)
    } catch {
      throw DatasetError("\(directory.path): the dataset can't be put there: \(error.localizedDescription)")
    }
  }
}

extension Volume {
  /// Some neighbouring slices as a volume of their own, where they were in the patient.
  func slab(_ slices: Range<Int>) -> Volume {
    let plane = shape[1] * shape[2]
    var affine = header.affine
    for row in 0..<3 { affine[row][3] += affine[row][2] * Double(slices.lowerBound) }
    let shape = [slices.count, shape[1], shape[2]]
    return Volume(
      shape: shape, voxels: Array(voxels[slices.lowerBound * plane..<slices.upperBound * plane]),
      header: NIfTIHeader(shape: shape, spacing: spacing, affine: affine))
  }
}
