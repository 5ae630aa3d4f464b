import Datasets
import Files
import Foundation
import Imaging
import TestSupport
import Testing

/// The chain from raw files to prepared cases and back, against nnU-Net's results for two small datasets: one whose
/// coarse axis is not the first, with two channels and a nonzero mask; one whose coarse axis lies within the slices,
/// with a case that has no foreground.
struct PreparationTests {
  private func dataset(_ name: String) throws -> RawDataset {
    try RawDataset(directory: fixture("Dataset001_\(name)"))
  }

  private func expectedPlans(_ name: String) throws -> Plans {
    try Plans(contentsOf: fixture("Dataset001_\(name)/expected_plans.json"))
  }

  @Test(arguments: ["Coronal", "Oblong"])
  func fingerprintAndPlansEqualNNUNets(_ name: String) throws {
    let dataset = try dataset(name)
    let fingerprint = try Fingerprint(dataset, foregroundSamples: 10_000)
    let folder = fixture("Dataset001_\(name)")
    #expect(differences(fingerprint.json, try .read(folder.appendingPathComponent("expected_fingerprint.json"))) == [])
    let plans = try Plans(fingerprint: fingerprint, dataset: dataset)
    var expected = try expectedPlans(name).document
    expected["configurations"] = .object([.init("2d", try #require(expected["configurations"]?["2d"]))])
    #expect(differences(plans.document, expected) == [])
    #expect(try Fingerprint(dataset, foregroundSamples: 10_000, workers: 1) == fingerprint)
  }

  @Test(arguments: [("Coronal", "2d"), ("Coronal", "2d_32"), ("Oblong", "2d"), ("Oblong", "2d_24")])
  func preparedCasesEqualNNUNets(_ name: String, _ configuration: String) throws {
    let dataset = try dataset(name)
    let expected = try HDF5File(reading: fixture("Dataset001_\(name)/expected.h5"))
    let preprocessor = try Preprocessor(
      plans: expectedPlans(name), configuration: configuration, description: dataset.description)
    try withTemporaryFolder { folder in
      let store = try preprocessor.prepare(dataset.cases, into: folder)
      #expect(store.names == ["case_000", "case_001", "case_002"])
      for source in dataset.cases.prefix(2) {
        let group = "\(configuration)/\(source.name)"
        let image = try expected.read("\(group)/image", as: Float.self)
        let label = try expected.read("\(group)/label", as: Int16.self)
        let file = try store.file(source.name)
        try #require([file.properties.channelCount] + file.properties.shape == image.shape)
        let area = image.shape[2] * image.shape[3]
        var worst: Float = 0
        var wrong = 0
        for z in 0..<image.shape[1] {
          let slice = try store.slice(source.name, z: z)
          for channel in 0..<image.shape[0] {
            let start = (channel * image.shape[1] + z) * area
            for i in 0..<area { worst = max(worst, abs(slice.image[channel * area + i] - image.values[start + i])) }
          }
          for i in 0..<area where slice.labels[i] != label.values[z * area + i] { wrong += 1 }
        }
        #expect(worst < 1e-5)
        #expect(wrong == 0)
        for c in 1..<dataset.description.classCount {
          let places = "\(group)/class_locations/\(c)"
          let theirs = expected.exists(places) ? try expected.read(places, as: Int32.self).values : []
          #expect(try store.classLocations(source.name, class: c) == theirs)
        }
        let classes = dataset.description.classCount
        let scores = formula(classes * area * image.shape[1], seed: 9)
        let exporter = Exporter(properties: file.properties, classCount: classes)
        let header = try NIfTI.readHeader(source.images[0])
        let export = try scores.withUnsafeBufferPointer { try exporter.labels(header: header, scores: $0) }
        #expect(export.voxels == (try expected.read("\(group)/export", as: Int16.self).values))
        let depth = image.shape[1]
        let bySlice = try exporter.labels(header: header) { z in
          var slice: [Float] = []
          for c in 0..<classes {
            let start = (c * depth + z) * area
            slice += scores[start..<(start + area)]
          }
          return slice
        }
        #expect(bySlice.voxels == export.voxels)
      }
    }
  }

  @Test func aFinishedCaseIsNotMadeAgainButAChangedOneIs() throws {
    try withTemporaryFolder { folder in
      let raw = SmallDataset(folder: folder.appendingPathComponent("Dataset007_Small"))
      try raw.write()
      let dataset = try RawDataset(directory: raw.folder)
      let plans = try Plans(fingerprint: Fingerprint(dataset, foregroundSamples: 1000), dataset: dataset)
      let output = folder.appendingPathComponent("prepared")
      let preprocessor = try Preprocessor(plans: plans, configuration: "2d", description: dataset.description)
      try preprocessor.prepare(dataset.cases, into: output)
      func stamps() throws -> [Data] {
        ["a", "b"].map {
          var status = stat()
          stat(output.appendingPathComponent("\($0).h5").path, &status)
          return Data("\(status.st_ino)".utf8)
        }
      }
      let first = try stamps()
      let bytes = try Data(contentsOf: output.appendingPathComponent("a.h5"))
      let key = try preprocessor.key(of: dataset.cases)
      try preprocessor.prepare(dataset.cases, into: output)
      #expect(try stamps() == first)

      // Another image, and a broken file, are made again; the same input gives the same bytes.
      let image = try NIfTI.readImage(raw.image("b"))
      try NIfTI.write(Volume(voxels: image.voxels.map { $0 + 1 }, like: image), to: raw.image("b"))
      try Data("broken".utf8).write(to: output.appendingPathComponent("a.h5"))
      try preprocessor.prepare(dataset.cases, into: output, workers: 1)
      #expect(try stamps()[1] != first[1])
      #expect(try Data(contentsOf: output.appendingPathComponent("a.h5")) == bytes)
      #expect(try preprocessor.key(of: dataset.cases) != key)
      #expect(
        try Preprocessor(plans: plans, configuration: "2d_16", description: dataset.description).key(
          of: dataset.cases[0]) != preprocessor.key(of: dataset.cases[0]))
      // Hashes known beforehand stand for the files'.
      var digests: [String: String] = [:]
      for url in dataset.cases[0].images + [raw.label("a")] { digests[url.path] = try Digest.sha256(ofContentOf: url) }
      func informedKey() throws -> String {
        try Preprocessor(plans: plans, configuration: "2d", description: dataset.description, digests: digests)
          .key(of: dataset.cases[0])
      }
      #expect(try informedKey() == preprocessor.key(of: dataset.cases[0]))
      digests[raw.label("a").path] = Digest.sha256(of: "another file")
      #expect(try informedKey() != preprocessor.key(of: dataset.cases[0]))
    }
  }

  @Test func memoryBoundsHowManyCasesGoAtOnce() throws {
    try withTemporaryFolder { folder in
      let raw = SmallDataset(folder: folder.appendingPathComponent("Dataset007_Small"))
      try raw.write()
      let cases = try RawDataset(directory: raw.folder).cases
      #expect(cases.count == 2)
      // 3 x 6 x 7 voxels of one channel: 8 bytes each.
      func divided(_ workers: Int, _ limit: Int) -> [Int] {
        let (atOnce, threads) = CaseMemory.divide(cases, workers: workers, limit: limit)
        return [atOnce, threads]
      }
      #expect(divided(8, 2 * 1008) == [2, 4])
      #expect(divided(8, 2 * 1008 - 1) == [1, 8])
      #expect(divided(8, 1) == [1, 8])
      #expect(divided(1, 1 << 30) == [1, 1])
    }
  }

  @Test func aCaseWithoutLabelIsPrepared() throws {
    try withTemporaryFolder { folder in
      let source = try dataset("Coronal").cases[0]
      let preprocessor = try Preprocessor(
        plans: expectedPlans("Coronal"), configuration: "2d_32", description: dataset("Coronal").description)
      let url = folder.appendingPathComponent("new.h5")
      try preprocessor.prepare(.init(name: "new", images: source.images, label: nil), to: url)
      let file = try CaseFile(url)
      #expect(!file.properties.hasReference && file.classes.isEmpty)
      let labels = Set(try (0..<file.properties.shape[0]).flatMap { try file.labelSlice($0) })
      #expect(labels == [-1, 0])
    }
  }

  @Test func spoiltInputIsNamed() throws {
    try withTemporaryFolder { folder in
      let raw = SmallDataset(folder: folder.appendingPathComponent("Dataset007_Small"))
      try raw.write()
      let dataset = try RawDataset(directory: raw.folder)
      let plans = try Plans(fingerprint: Fingerprint(dataset, foregroundSamples: 1000), dataset: dataset)
      let preprocessor = try Preprocessor(plans: plans, configuration: "2d", description: dataset.description)
      let output = folder.appendingPathComponent("prepared")
      func refusal() -> String { inputError { try preprocessor.prepare(dataset.cases, into: output) } }
      let image = try NIfTI.readImage(raw.image("b"))
      var spoilt = image
      spoilt.voxels[5] = .nan
      try NIfTI.write(spoilt, to: raw.image("b"))
      #expect(refusal().contains("b_0000.nii.gz") && refusal().contains("NaN"))
      try NIfTI.write(image, to: raw.image("b"))
      let label = try NIfTI.readLabels(raw.label("b"))
      try NIfTI.write(Volume(voxels: label.voxels.map { $0 * 4 }, like: label), to: raw.label("b"))
      #expect(refusal().contains("dataset.json does not list"))
      #expect(!FileManager.default.fileExists(atPath: output.appendingPathComponent("b.h5").path))
      let other = NIfTIHeader(shape: [3, 6, 8], spacing: [3, 1, 1.25])
      try NIfTI.write(
        Volume(shape: other.shape, voxels: [Int16](repeating: 0, count: 144), header: other), to: raw.label("b"))
      #expect(refusal().contains("3 x 6 x 8"))
      #expect(try FileManager.default.contentsOfDirectory(atPath: output.path).allSatisfy { !$0.contains("partial") })
    }
  }

  @Test func patchesReachBeyondTheSlice() throws {
    try withTemporaryFolder { folder in
      let dataset = try dataset("Oblong")
      let preprocessor = try Preprocessor(
        plans: expectedPlans("Oblong"), configuration: "2d", description: dataset.description)
      try preprocessor.prepare(dataset.cases, into: folder)
      // So little memory that every slice is forgotten at once.
      for store in [try CaseStore(directory: folder), try CaseStore(directory: folder, cacheBytes: 1)] {
        let shape = try store.properties("case_001").shape
        let slice = try store.slice("case_001", z: 2)
        let (height, width) = (shape[1] + 5, shape[2] + 4)
        let patch = try store.patch("case_001", z: 2, y: -2, x: -3, height: height, width: width)
        for y in 0..<height {
          for x in 0..<width {
            let inside = (0..<shape[1]).contains(y - 2) && (0..<shape[2]).contains(x - 3)
            let at = (y - 2) * shape[2] + x - 3
            #expect(patch.image[y * width + x] == (inside ? slice.image[at] : 0))
            #expect(patch.labels[y * width + x] == (inside ? slice.labels[at] : -1))
          }
        }
        let away = try store.patch("case_001", z: 0, y: 1000, x: -1000, height: 3, width: 3)
        #expect(away.image == [Float](repeating: 0, count: 9) && away.labels == [Int16](repeating: -1, count: 9))
      }
      #expect(inputError { _ = try CaseStore(directory: folder, names: ["case_009"]) }.contains("case_009"))
    }
  }
}
