import Datasets
import Files
import Foundation
import Imaging
import TestSupport
import Testing

/// Datasets whose headers are odd, as people have them.
@Suite("Datasets with odd grids")
struct DatasetGeometryTests {
  private func verified(_ change: (inout SmallDataset) throws -> Void) throws -> DatasetVerifier.Report {
    try withTemporaryFolder { folder in
      var raw = SmallDataset(folder: folder)
      try raw.write()
      try change(&raw)
      return try DatasetVerifier.verify(folder)
    }
  }

  private func relabel(_ raw: SmallDataset, _ affine: [[Double]]) throws {
    let label = try NIfTI.readLabels(raw.label("a"))
    let header = NIfTIHeader(shape: raw.shape, spacing: raw.spacing, affine: affine)
    try NIfTI.write(Volume(shape: raw.shape, voxels: label.voxels, header: header), to: raw.label("a"))
  }

  @Test("a label map turned against its image is told of, and refused by a strict check")
  func turnedLabel() throws {
    let flipped = [[1.25, 0, 0, 0], [0, -1, 0, 5], [0, 0, 3.0, 0]]
    let report = try verified { try relabel($0, flipped) }
    #expect(report.isSound && report.remarks.count { $0.topic.contains("other directions") } == 1)
    #expect(report.warnings[0].contains("labelsTr/a.nii.gz: its axes run to RPS, those of a_0000.nii.gz to RAS"))
    try withTemporaryFolder { folder in
      let raw = SmallDataset(folder: folder)
      try raw.write()
      try relabel(raw, flipped)
      let strict = try DatasetVerifier.verify(folder, strictGeometry: true)
      #expect(strict.problems.count == 2 && strict.warnings == [], "\(strict)")
      // And what verify takes is prepared.
      #expect(throws: Never.self) { try Fingerprint(RawDataset(directory: folder), foregroundSamples: 100) }
    }
  }

  private func overwrite(_ url: URL, _ edits: [(offset: Int, bytes: [UInt8])]) throws {
    // The file may be compressed: the voxels are written again behind an edited header.
    let volume = try NIfTI.readImage(url)
    let plain = url.deletingLastPathComponent().appendingPathComponent(".plain.nii")
    try NIfTI.write(volume, to: plain)
    var data = try Data(contentsOf: plain)
    for (offset, bytes) in edits { data.replaceSubrange(offset..<(offset + bytes.count), with: bytes) }
    try FileManager.default.removeItem(at: plain)
    // Readers go by the bytes, not by the name.
    try AtomicFile.write(data, to: url)
  }

  private func floats(_ values: [Float]) -> [UInt8] {
    values.flatMap { value in withUnsafeBytes(of: value) { Array($0) } }
  }

  @Test("a sheared grid is refused, image or label, by verifying and by preparing")
  func sheared() throws {
    for isLabel in [false, true] {
      try withTemporaryFolder { folder in
        let raw = SmallDataset(folder: folder)
        try raw.write()
        let url = isLabel ? raw.label("b") : raw.image("b")
        // qform code 0; the sform's second column leans over.
        try overwrite(url, [(252, [0, 0]), (284, floats([0.3]))])
        let report = try DatasetVerifier.verify(folder)
        #expect(report.problems.count == 1, "\(report)")
        #expect(report.problems[0].contains("\(url.lastPathComponent): the axes x and y of its sform are at 73."))
        let dataset = try RawDataset(directory: folder)
        #expect(inputError { _ = try Fingerprint(dataset, foregroundSamples: 100) }.contains("at right angles"))
      }
    }
  }

  @Test("identity affines in some of the cases")
  func lostPlaces() throws {
    let report = try verified { raw in
      raw.spacing = [1, 1, 1]
      for (url, isLabel) in [(raw.image("a"), false), (raw.label("a"), true)] {
        let header = raw.header
        if isLabel {
          try NIfTI.write(
            Volume(shape: raw.shape, voxels: NIfTI.readLabels(url).voxels, header: header), to: url)
        } else {
          try NIfTI.write(
            Volume(shape: raw.shape, voxels: NIfTI.readImage(url).voxels, header: header), to: url)
        }
      }
    }
    #expect(report.isSound && report.warnings.count == 1, "\(report)")
    #expect(report.warnings[0].contains("1 of 2 cases have an image with the identity for an affine"))
  }

  @Test("images of one value are told of, and preparing them gives finite numbers", arguments: [Float(0), -1000, 0.1])
  func constantImages(value: Float) throws {
    for channel in ["CT", "MRI", "rescale_to_0_1"] {
      try withTemporaryFolder { folder in
        let raw = SmallDataset(folder: folder)
        try raw.write()
        for name in ["a", "b"] {
          let image = try NIfTI.readImage(raw.image(name))
          try NIfTI.write(Volume(voxels: image.voxels.map { _ in value }, like: image), to: raw.image(name))
        }
        let file = folder.appendingPathComponent("dataset.json")
        let text = try String(contentsOf: file, encoding: .utf8).replacingOccurrences(
          of: "\"CT\"", with: "\"\(channel)\"")
        try Data(text.utf8).write(to: file)
        let report = try DatasetVerifier.verify(folder)
        #expect(report.isSound && report.remarks.map(\.topic) == Array(repeating: "images of a single value", count: 2))
        #expect(
          FileWarning.grouped(report.remarks).map { $0.hasPrefix("2 images of a single value, such as") } == [true])
        let dataset = try RawDataset(directory: folder)
        let fingerprint = try Fingerprint(dataset, foregroundSamples: 1000)
        let plans = try Plans(fingerprint: fingerprint, dataset: dataset)
        let store = try Preprocessor(plans: plans, configuration: "2d", description: dataset.description)
          .prepare(dataset.cases, into: folder.appendingPathComponent("prepared"))
        for z in 0..<3 { #expect(try store.slice("a", z: z).image.allSatisfy(\.isFinite)) }
      }
    }
  }

  private struct PeerPlan: Decodable {
    struct Configuration: Decodable { let patch_size: [Int], spacing: [Double] }
    let name: String
    let shape: [Int]
    let spacing: [Double]
    let transpose_forward: [Int]
    let fingerprint_spacing: [Double]
    let configuration: Configuration
  }

  @Test("flat datasets and datasets whose slices lie along x are planned as nnU-Net plans them")
  func plans() throws {
    let peers = try JSONDecoder().decode([PeerPlan].self, from: Data(contentsOf: fixture("geometry-plans.json")))
    for peer in peers {
      try withTemporaryFolder { folder in
        var raw = SmallDataset(folder: folder)
        let isFlat = peer.shape.count == 2
        raw.shape = Array((peer.shape + (isFlat ? [1] : [])).reversed())
        raw.spacing = Array((peer.spacing + (isFlat ? [1] : [])).reversed())
        try raw.write(cases: ["a", "b", "c"])
        if isFlat {
          for name in ["a", "b", "c"] {
            for url in [raw.image(name), raw.label(name)] { try overwrite(url, [(40, [2, 0])]) }
          }
        }
        let report = try DatasetVerifier.verify(folder)
        #expect(report == DatasetVerifier.Report(), "\(report)")
        let dataset = try RawDataset(directory: folder)
        let fingerprint = try Fingerprint(dataset, foregroundSamples: 1000)
        for (ours, theirs) in zip(fingerprint.spacings[0], peer.fingerprint_spacing) {
          #expect(abs(ours - theirs) < 1e-4)
        }
        let plans = try Plans(fingerprint: fingerprint, dataset: dataset)
        #expect(plans.transposeForward == peer.transpose_forward)
        #expect(try dataset.sliceAxis() == peer.transpose_forward[0])
        let configuration = try plans.configuration("2d")
        // The plan's spacing is the images' own, so that preparing changes no shape.
        let prepared = plans.preparedVoxels(try NIfTI.readHeader(raw.image("a")), for: configuration)
        #expect(abs(prepared - Double(peer.shape.reduce(1, *))) < 1e-2)
        #expect(configuration.patchSize == peer.configuration.patch_size)
        for (ours, theirs) in zip(configuration.spacing, peer.configuration.spacing) {
          #expect(abs(ours - theirs) < 1e-6)
        }
      }
    }
  }
}
