import Datasets
import Files
import Foundation
import Imaging
import Testing

@Suite("A dataset from one CT")
struct RealCTTests {
  let folder: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("real-ct-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  let remapping = LabelRemapping([.init(name: "spleen", sources: [1]), .init(name: "kidneys", sources: [7, 117])])

  /// Seven slices of 2 x 3 voxels: the image counts its voxels, the labels cycle through 0, 1, 7, 9, 117.
  func write(labelShape: [Int] = [7, 2, 3], offset: Double = 10) throws -> (image: URL, labels: URL) {
    let affine: [[Double]] = [[-1, 0, 0, 5], [0, 1, 0, 6], [0, 0, 2, 10]]
    var moved = affine
    moved[2][3] = offset
    let (image, labels) = (folder.appendingPathComponent("ct.nii.gz"), folder.appendingPathComponent("seg.nii.gz"))
    try NIfTI.write(
      Volume(
        shape: [7, 2, 3], voxels: (0..<42).map { Float($0) },
        header: NIfTIHeader(shape: [7, 2, 3], spacing: [2, 1, 1], affine: affine)), to: image)
    let cycle: [Int16] = [0, 1, 7, 9, 117]
    try NIfTI.write(
      Volume(
        shape: labelShape, voxels: (0..<labelShape.reduce(1, *)).map { cycle[$0 % 5] },
        header: NIfTIHeader(shape: labelShape, spacing: [2, 1, 1], affine: moved)), to: labels)
    return (image, labels)
  }

  @Test("every slice goes into one slab, where it was in space, with its labels renamed")
  func slabs() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let (image, labels) = try write()
    let directory = folder.appendingPathComponent("Dataset001_RealCT")
    try RealCT.makeDataset(image: image, labels: labels, remapping: remapping, slabs: 3, in: directory)
    let dataset = try RawDataset(directory: directory)
    #expect(dataset.description.labels.map(\.name) == ["background", "spleen", "kidneys"])
    #expect(dataset.description.channelNames == ["CT"])
    #expect(dataset.cases.map(\.name) == ["slab_1", "slab_2", "slab_3"])

    var (voxels, classes): ([Float], [Int16]) = ([], [])
    var slices: [Int] = []
    for item in dataset.cases {
      let volume = try NIfTI.readImage(item.images[0])
      let reference = try NIfTI.readLabels(#require(item.label))
      #expect(volume.shape == reference.shape)
      // The first slice lies 2 mm a slice above the scan's own origin at 10 mm.
      #expect(
        volume.header.affine == [[-1, 0, 0, 5], [0, 1, 0, 6], [0, 0, 2, 10 + 2 * Double(slices.reduce(0, +))]])
      #expect(volume.header.affine == reference.header.affine)
      #expect(volume.spacing == [2, 1, 1])
      slices.append(volume.shape[0])
      voxels += volume.voxels
      classes += reference.voxels
    }
    #expect(slices == [2, 2, 3])
    #expect(voxels == (0..<42).map { Float($0) })
    #expect(classes == (0..<42).map { [0, 1, 2, 0, 2][$0 % 5] })
  }

  @Test("what can't be made leaves nothing behind")
  func refused() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let directory = folder.appendingPathComponent("out")
    func failure(slabs: Int = 3, labelShape: [Int] = [7, 2, 3], offset: Double = 10) throws -> String {
      let (image, labels) = try write(labelShape: labelShape, offset: offset)
      let error = #expect(throws: DatasetError.self) {
        try RealCT.makeDataset(image: image, labels: labels, remapping: remapping, slabs: slabs, in: directory)
      }
      return error?.description ?? ""
    }
    #expect(try failure(slabs: 8).contains("its 7 slices make 1 to 7"))
    #expect(try failure(slabs: 0).contains("0 slabs were asked for"))
    #expect(try failure(labelShape: [6, 2, 3]).contains("has shape [6, 2, 3] and the image [7, 2, 3]"))
    #expect(try failure(offset: 12).contains("elsewhere in space"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == ["ct.nii.gz", "seg.nii.gz"])
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    #expect(try failure().contains("there is such a folder"))
  }
}
