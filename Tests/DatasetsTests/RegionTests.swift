import Datasets
import Files
import Foundation
import Imaging
import Tensors
import TestSupport
import Testing

/// Regions and the ignore label, against nnU-Net's results: see Benchmarks/peers/fixtures/regions.py.
struct RegionTests {
  private static let peers = try! Safetensors.read(fixture("regions.safetensors"))
  private static let kidney = """
    "labels": {"background": 0, "kidney": [1, 2, 3], "masses": [2, 3], "tumor": 2}, "regions_class_order": [1, 3, 2]
    """

  private func integers(_ name: String) throws -> [Int32] {
    let stored = try #require(Self.peers[name], "no \(name) in the fixture")
    return stored.data.withUnsafeBytes { bytes in
      (0..<(bytes.count / 4)).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Int32.self) }
    }
  }

  private func floats(_ name: String) throws -> [Float] { try #require(Self.peers[name]?.floats()) }

  private func text(_ labels: String) -> String {
    "{\"channel_names\": {\"0\": \"CT\"}, \(labels), \"numTraining\": 2, \"file_ending\": \".nii.gz\"}"
  }

  private func description(_ labels: String) throws -> DatasetDescription {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("dataset.json")
      try Data(text(labels).utf8).write(to: url)
      return try DatasetDescription(contentsOf: url)
    }
  }

  private func refusal(_ labels: String) -> String { inputError { _ = try description(labels) } }

  // MARK: - dataset.json

  @Test func regionsAreReadInTheirOrder() throws {
    let kits = try description(Self.kidney)
    #expect(kits.learnsRegions && kits.outputCount == 3 && kits.classCount == 4 && kits.valueCount == 4)
    #expect(kits.regions.map(\.name) == ["kidney", "masses", "tumor"])
    #expect(kits.regions.map(\.labels) == [[1, 2, 3], [2, 3], [2]])
    #expect(kits.regions.map(\.predictedLabel) == [1, 3, 2])
    #expect(kits.labels.map(\.name) == ["background", "label 1", "tumor", "label 3"])
    let plain = try kits.learning(.labels, path: "")
    #expect(!plain.learnsRegions && plain.outputCount == 4)
    #expect(plain.targets.map(\.labels) == [[1], [2], [3]])

    let ignoring = try description(
      """
      "labels": {"ignore": 4, "whole": [3, 1, 2, 1], "background": 0, "core": ["2"]}, "regions_class_order": [1, 2],
      "label_names": {"3": "cyst"}
      """)
    #expect(ignoring.ignoreLabel == 4 && ignoring.valueCount == 5 && ignoring.outputCount == 2)
    #expect(ignoring.regions.map(\.labels) == [[3, 1, 2], [2]])
    #expect(ignoring.labels.map(\.name) == ["background", "label 1", "core", "cyst"])
    // What is written says the same.
    for one in [kits, ignoring] {
      let again = try withTemporaryFolder { folder in
        let url = folder.appendingPathComponent("dataset.json")
        try Data(one.json.text().utf8).write(to: url)
        return try DatasetDescription(contentsOf: url)
      }
      #expect(again == one)
    }
    // A list of one label is that label; without longer ones there are no regions, and an order says nothing.
    let single = try description(
      "\"labels\": {\"background\": 0, \"liver\": [1], \"ignore\": 2}, \"regions_class_order\": [1]")
    #expect(!single.learnsRegions && single.ignoreLabel == 2 && single.labels.map(\.name) == ["background", "liver"])
    #expect(
      inputError { _ = try single.learning(.regions, path: "x/dataset.json") }
        .hasPrefix("x/dataset.json: dataset.targets asks for regions, but \"labels\" names none"))
  }

  @Test func whatCannotBeIsRefusedInOneSentence() throws {
    let order = "\"regions_class_order\": [1, 2]"
    func regions(_ entries: String, _ order: String = order) -> String {
      refusal("\"labels\": {\"background\": 0, \(entries)}, \(order)")
    }
    let whole = "\"whole\": [1, 2], \"core\": 2"
    #expect(regions(whole) == "no error")
    #expect(regions(whole, "\"x\": 0").contains("\"regions_class_order\" is missing"))
    #expect(regions(whole, "\"regions_class_order\": [1]").contains("has 1 labels, but \"labels\" has 2 regions"))
    #expect(regions(whole, "\"regions_class_order\": [1, 2, 2]").contains("has 3 labels"))
    #expect(regions(whole, "\"regions_class_order\": [1, 5]").contains("holds 5, which no region has"))
    #expect(regions(whole, "\"regions_class_order\": [1, 0]").contains("holds 0, which no region has"))
    #expect(regions(whole, "\"regions_class_order\": [1, -1]").contains("holds -1"))
    #expect(regions(whole, "\"regions_class_order\": [1, \"2\"]").contains("list of integers"))
    #expect(regions(whole, "\"regions_class_order\": {}").contains("list of integers"))
    #expect(regions("\"whole\": [1, 3], \"core\": 3").contains("found 3 where 2 should be"))
    #expect(regions("\"whole\": [0, 1, 2], \"core\": 2").contains("holds the label 0"))
    #expect(regions("\"whole\": [1, -2], \"core\": 1").contains("found -2 where 1 should be"))
    #expect(regions("\"whole\": [], \"core\": [1, 2]").contains("list of 0 labels"))
    #expect(regions("\"whole\": [1, 2.5], \"core\": 1").contains("must be an integer, or a list of integers"))
    #expect(regions("\"whole\": [1, [2]], \"core\": 1").contains("the list holds a list"))
    #expect(regions("\"whole\": [1, 9223372036854775807], \"core\": 1").contains("where 2 should be"))
    #expect(regions(whole + ", \"ignore\": 2").contains("\"ignore\" is 2; it must be the highest label"))
    #expect(regions(whole + ", \"ignore\": 4").contains("\"ignore\" is 4; it must be the highest label"))
    #expect(regions(whole + ", \"ignore\": [3]") == "no error")
    #expect(regions(whole + ", \"ignore\": [3, 4]").contains("\"ignore\" is a list"))
    #expect(regions(whole, order + ", \"label_names\": {\"3\": \"x\"}").contains("\"label_names\""))
    #expect(regions(whole, order + ", \"label_names\": [\"x\"]").contains("\"label_names\" must be an object"))
    #expect(regions(whole, order + ", \"label_names\": {\"1\": 1}").contains("found \"1\": a number"))
    #expect(refusal("\"labels\": {\"whole\": [1, 2], \"core\": 2}, \(order)").contains("lacks \"background\""))
    #expect(refusal("\"labels\": {\"background\": 1, \"a\": [1, 2], \"b\": 2}, \(order)").contains("must be 0"))
    #expect(refusal("\"labels\": {\"background\": [0, 1], \"a\": [1, 2], \"b\": 2}, \(order)").contains("must be 0"))
    #expect(refusal("\"labels\": {\"background\": 0, \"liver\": 1, \"ignore\": 1}").contains("\"ignore\" is 1"))
    #expect(refusal("\"labels\": {\"background\": 0, \"liver\": 2, \"ignore\": 1}").contains("without gaps"))
    #expect(refusal("\"labels\": {\"background\": 0, \"ignore\": 1}").contains("no label beside"))
    #expect(refusal("\"labels\": {\"ignore\": 0}").contains("no label beside"))
    #expect(refusal("\"labels\": {\"background\": 0, \"liver\": 1, \"ignore\": \"many\"}").contains("integer"))
    for sentence in [regions("\"whole\": [1, 3], \"core\": 3"), regions(whole, "\"regions_class_order\": [1]")] {
      #expect(!sentence.contains("\n") && sentence.hasSuffix("."))
    }
  }

  @Test func theVerifierKnowsTheIgnoreLabelAndDoubtsAnOrder() throws {
    try withTemporaryFolder { folder in
      let raw = SmallDataset(folder: folder)
      try raw.write(
        description: text(
          "\"labels\": {\"background\": 0, \"whole\": [1, 2], \"core\": 2, \"ignore\": 3}, \"regions_class_order\": [1, 1]"
        ))
      let label = try NIfTI.readLabels(raw.label("a"))
      try NIfTI.write(Volume(voxels: label.voxels.map { $0 == 2 ? 3 : $0 }, like: label), to: raw.label("a"))
      try NIfTI.write(Volume(voxels: label.voxels.map { _ in Int16(3) }, like: label), to: raw.label("b"))
      var report = try DatasetVerifier.verify(folder)
      #expect(report.problems == [])
      #expect(report.warnings.contains { $0.contains("the region \"core\" the label 1") })
      #expect(report.warnings.contains { $0.contains("b.nii.gz") && $0.contains("nothing is annotated") })
      try NIfTI.write(Volume(voxels: label.voxels.map { $0 == 2 ? 4 : $0 }, like: label), to: raw.label("a"))
      report = try DatasetVerifier.verify(folder)
      #expect(
        report.problems.contains { $0.contains("holds 4, which dataset.json does not list; its labels are 0 to 3") })
    }
  }

  // MARK: - Preparing and drawing

  @Test(arguments: ["regions", "labels"]) func voxelsAreDrawnAsNNUNetDraws(name: String) throws {
    try withTemporaryFolder { folder in
      var raw = SmallDataset(folder: folder.appendingPathComponent("raw"))
      (raw.shape, raw.spacing) = ([4, 30, 26], [3, 1, 1])
      let labels =
        name == "regions"
        ? Self.kidney.replacingOccurrences(of: "2},", with: "2, \"ignore\": 4},")
        : "\"labels\": {\"background\": 0, \"a\": 1, \"b\": 2, \"c\": 3, \"ignore\": 4}"
      try raw.write(
        cases: ["a"], description: text(labels).replacingOccurrences(of: ": 2, \"file", with: ": 1, \"file"))
      for (key, url) in [("image", raw.image("a")), ("label", raw.label("a"))] {
        let voxels = try integers("drawn.\(key)").map { Int16($0) }
        try NIfTI.write(Volume(shape: raw.shape, voxels: voxels, header: raw.header), to: url)
      }
      let dataset = try RawDataset(directory: raw.folder)
      let plans = try Plans(fingerprint: Fingerprint(dataset, foregroundSamples: 100), dataset: dataset)
      let preprocessor = try Preprocessor(plans: plans, configuration: "2d", description: dataset.description)
      let store = try preprocessor.prepare(dataset.cases, into: folder.appendingPathComponent("cases"))
      #expect(try store.classes("a") == [1, 2, 3])
      for number in 0...3 {
        let expected = try integers("drawn.\(name).\(number)")
        #expect(try store.classLocations("a", class: number) == expected, "list \(number)")
      }
      // Other targets are other lists: they don't pass for these.
      let other = try Preprocessor(
        plans: plans, configuration: "2d",
        description: description("\"labels\": {\"background\": 0, \"a\": 1, \"b\": 2, \"c\": 3, \"d\": 4}"))
      #expect(try other.key(of: dataset.cases[0]) != preprocessor.key(of: dataset.cases[0]))

      // Batches: what nobody annotated is -1, and every sample is cut around something annotated.
      let source = BatchSource(
        provider: try PreparedCases(store: store), batchSize: 8, patchSize: [8, 6], treatment: .plain, seed: 3,
        purpose: "training", ignoreLabel: 4)
      let slices = try (0..<4).map { try store.slice("a", z: $0) }
      let shape = try store.properties("a").shape
      var seen = Set<Int32>()
      for step in 0..<20 {
        let batch = try source.batch(epoch: 0, step: step)
        seen.formUnion(batch.labels.values(as: Int32.self))
        for sample in 0..<8 {
          let place = try source.place(epoch: 0, step: step, sample: sample)
          let (y, x) = (place.y + 4, place.x + 3)
          guard place.y > 0, place.x > 0, y < shape[1], x < shape[2] else { continue }
          let label = slices[place.z].labels[y * shape[2] + x]
          #expect(source.isForeground(sample: sample) ? (1...3).contains(label) : (-1...3).contains(label))
        }
      }
      #expect(seen == [-1, 0, 1, 2, 3])
    }
  }

  // MARK: - Export

  @Test func labelsAreExportedAsNNUNetDoes() throws {
    let shape = [2, 13, 11]
    // The crop lies within a larger image.
    let whole = [2, 16, 14]
    let properties = CaseProperties(
      name: "a", channelCount: 1, shape: [2, 9, 7], spacing: [5, 1, 1.1], originalShape: whole,
      originalSpacing: [5, 0.7, 0.65], bounds: [0..<2, 1..<14, 2..<13], transposeForward: [0, 1, 2],
      hasReference: false,
      key: "")
    let logits = try floats("export.logits")
    let exporter = Exporter(properties: properties, decision: LabelDecision(try description(Self.kidney)))
    let header = NIfTIHeader(shape: whole, spacing: properties.originalSpacing)
    let found = try logits.withUnsafeBufferPointer { try exporter.labels(header: header, scores: $0) }
    let area = 63
    let bySlice = try exporter.labels(header: header) { z in
      var slice: [Float] = []
      for region in 0..<3 {
        let start = (region * 2 + z) * area
        slice += logits[start..<(start + area)]
      }
      return slice
    }
    #expect(found.voxels == bySlice.voxels)
    let expected = try integers("export.labels")
    var rest = found.voxels.count { $0 != 0 }
    for z in 0..<shape[0] {
      for y in 0..<shape[1] {
        for x in 0..<shape[2] {
          let label = found.voxels[(z * whole[1] + y + 1) * whole[2] + x + 2]
          #expect(label == Int16(expected[(z * shape[1] + y) * shape[2] + x]))
          rest -= label != 0 ? 1 : 0
        }
      }
    }
    #expect(rest == 0 && Set(expected) == [0, 1, 2, 3])
  }

  @Test func aHalfIsExceededWhereTorchsSigmoidExceedsIt() throws {
    let exceeds = try integers("half.exceeds")
    for (logit, one) in zip(try floats("half.logits"), exceeds) {
      #expect((logit > LabelDecision.halfProbabilityLogit) == (one == 1), "\(logit)")
    }
    #expect(Set(exceeds) == [0, 1])
  }
}
