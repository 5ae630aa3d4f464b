import Datasets
import Foundation
import Imaging
import TestSupport
import Testing

struct VerifierTests {
  @Test func aSoundDatasetPasses() throws {
    try withTemporaryFolder { folder in
      let raw = SmallDataset(folder: folder)
      try raw.write()
      let report = try DatasetVerifier.verify(folder)
      #expect(report.problems == [] && report.warnings == [])
    }
  }

  @Test func everyProblemIsReportedInOnePass() throws {
    try withTemporaryFolder { folder in
      var raw = SmallDataset(folder: folder)
      try raw.write(cases: ["a", "b", "c", "d", "e", "f"])
      try FileManager.default.removeItem(at: raw.label("a"))
      let image = try NIfTI.readImage(raw.image("b"))
      try NIfTI.write(Volume(voxels: image.voxels.map { _ in Float.nan }, like: image), to: raw.image("b"))
      let label = try NIfTI.readLabels(raw.label("c"))
      try NIfTI.write(Volume(voxels: label.voxels.map { $0 == 2 ? 7 : $0 }, like: label), to: raw.label("c"))
      raw.shape = [3, 6, 6]
      raw.spacing = [3, 1, 1.5]
      try NIfTI.write(
        Volume(shape: raw.shape, voxels: [Int16](repeating: 1, count: 108), header: raw.header), to: raw.label("d"))
      try Data("not an image".utf8).write(to: raw.image("e"))
      try FileManager.default.copyItem(at: raw.image("f"), to: folder.appendingPathComponent("imagesTr/f_0001.nii.gz"))
      try FileManager.default.copyItem(at: raw.label("f"), to: folder.appendingPathComponent("labelsTr/lost.nii.gz"))
      try NIfTI.write(Volume(voxels: label.voxels.map { _ in Int16(0) }, like: label), to: raw.label("f"))
      let report = try DatasetVerifier.verify(folder)
      func count(_ parts: String...) -> Int {
        report.problems.filter { problem in parts.allSatisfy(problem.contains) }.count
      }
      #expect(count("labelsTr/a.nii.gz", "missing") == 1)
      #expect(count("imagesTr/b_0000.nii.gz", "NaN") == 1)
      #expect(count("labelsTr/c.nii.gz", "holds 7,") == 1)
      #expect(count("labelsTr/d.nii.gz", "shape 3 x 6 x 6") == 1)
      #expect(count("labelsTr/d.nii.gz", "spacing") == 1)
      #expect(count("imagesTr/e_0000.nii.gz") == 1)
      #expect(count("imagesTr/f_0001.nii.gz", "1 channels") == 1)
      #expect(report.warnings.contains { $0.contains("labelsTr/lost.nii.gz") && $0.contains("no image") })
      #expect(report.problems.count == 7, "\(report.problems)")
      #expect(report.warnings.contains { $0.contains("labelsTr/f.nii.gz") && $0.contains("background") })
    }
  }

  @Test func aWrongCountAndAnotherOriginAreTold() throws {
    try withTemporaryFolder { folder in
      let raw = SmallDataset(folder: folder)
      try raw.write()
      let text = try String(contentsOf: folder.appendingPathComponent("dataset.json"), encoding: .utf8)
      try Data(text.replacingOccurrences(of: "\"numTraining\": 2", with: "\"numTraining\": 5").utf8)
        .write(to: folder.appendingPathComponent("dataset.json"))
      let moved = NIfTIHeader(
        shape: raw.shape, spacing: raw.spacing, affine: [[1.25, 0, 0, 50], [0, 1, 0, 0], [0, 0, 3, 0]])
      let label = try NIfTI.readLabels(raw.label("a"))
      try NIfTI.write(Volume(shape: raw.shape, voxels: label.voxels, header: moved), to: raw.label("a"))
      let report = try DatasetVerifier.verify(folder)
      #expect(report.problems.count == 1 && report.problems[0].contains("\"numTraining\" is 5"))
      #expect(report.warnings.count == 1 && report.warnings[0].contains("labelsTr/a.nii.gz"))
    }
  }

  /// A broken dataset.json does not hide what is wrong with the cases, nor one of its keys the others.
  @Test func theDescriptionsProblemsComeTogether() throws {
    try withTemporaryFolder { folder in
      let raw = SmallDataset(folder: folder)
      let text =
        "{\"channel_names\": {\"0\": \"CT\"}, \"labels\": {\"background\": 0, \"liver\": 2}, \"numTraining\": \"two\", "
        + "\"file_ending\": \".nii.gz\"}"
      try raw.write(description: text)
      try Data("no image".utf8).write(to: raw.image("b"))
      try FileManager.default.copyItem(at: raw.image("a"), to: folder.appendingPathComponent("imagesTr/a-0.nii.gz"))
      let problems = try DatasetVerifier.verify(folder).problems
      for part in ["without gaps", "\"numTraining\" must be", "b_0000.nii.gz", "imagesTr/a-0.nii.gz: an image's name"] {
        #expect(problems.count { $0.contains(part) } == 1, "\(part): \(problems)")
      }
      #expect(problems.count == 4, "\(problems)")
      try Data("{\"labels\": {}}".utf8).write(to: folder.appendingPathComponent("dataset.json"))
      #expect(try DatasetVerifier.verify(folder).problems.count == 4)
    }
  }

  @Test func linkedFoldersAreFollowed() throws {
    try withTemporaryFolder { folder in
      let real = folder.appendingPathComponent("real")
      try SmallDataset(folder: real).write()
      let linked = folder.appendingPathComponent("linked")
      try FileManager.default.createDirectory(at: linked, withIntermediateDirectories: true)
      for name in ["imagesTr", "labelsTr", "dataset.json"] {
        try FileManager.default.createSymbolicLink(
          at: linked.appendingPathComponent(name), withDestinationURL: real.appendingPathComponent(name))
      }
      #expect(try DatasetVerifier.verify(linked) == DatasetVerifier.Report())
      #expect(try RawDataset(directory: linked).cases.count == 2)
    }
  }

  @Test func whatIsNoDatasetIsRefused() throws {
    try withTemporaryFolder { folder in
      #expect(
        inputError { _ = try RawDataset(directory: folder.appendingPathComponent("none")) }.contains("no such folder"))
      #expect(inputError { _ = try RawDataset(directory: folder) }.contains("dataset.json"))
      let raw = SmallDataset(folder: folder)
      try raw.write(cases: [])
      #expect(inputError { _ = try RawDataset(directory: folder) }.contains("imagesTr"))
      try Data().write(to: folder.appendingPathComponent("imagesTr/wrong.nii.gz"))
      #expect(inputError { _ = try RawDataset(directory: folder) }.contains("wrong.nii.gz"))
    }
  }
}

struct NonzeroRegionTests {
  /// Against the definition, worked out by brute force: what a walk over zeros from beyond the box reaches is outside.
  @Test func holesAreFilled() throws {
    for seed in 0..<20 {
      let shape = [4, 6, 7]
      let values = formula(168, seed: seed * 977).map { $0 > (seed % 2 == 0 ? 0.2 : -0.5) ? $0 : 0 }
      let image = Volume(shape: shape, voxels: values, header: NIfTIHeader(shape: shape, spacing: [1, 1, 1]))
      let bounds = NonzeroRegion.bounds(of: [.floats(image)])
      func value(_ z: Int, _ y: Int, _ x: Int) -> Float { values[(z * 6 + y) * 7 + x] }
      for axis in 0..<3 {
        let used = Set(values.indices.filter { values[$0] != 0 }.map { [$0 / 42, $0 / 7 % 6, $0 % 7][axis] })
        #expect(bounds[axis] == used.min()!..<(used.max()! + 1))
      }
      // Repeated sweeps until nothing changes; one layer of zeros about the box is where it starts.
      var reached = Set<[Int]>()
      func isZero(_ p: [Int]) -> Bool {
        !(0..<3).allSatisfy { bounds[$0].contains(p[$0]) } || value(p[0], p[1], p[2]) == 0
      }
      var changed = true
      while changed {
        changed = false
        for z in (bounds[0].lowerBound - 1)...bounds[0].upperBound {
          for y in (bounds[1].lowerBound - 1)...bounds[1].upperBound {
            for x in (bounds[2].lowerBound - 1)...bounds[2].upperBound
            where isZero([z, y, x]) && !reached.contains([z, y, x]) {
              let beyond = !(bounds[0].contains(z) && bounds[1].contains(y) && bounds[2].contains(x))
              let neighbours = [
                [z - 1, y, x], [z + 1, y, x], [z, y - 1, x], [z, y + 1, x], [z, y, x - 1], [z, y, x + 1],
              ]
              if beyond || neighbours.contains(where: reached.contains) {
                reached.insert([z, y, x])
                changed = true
              }
            }
          }
        }
      }
      var expected: [UInt8] = []
      for z in bounds[0] {
        for y in bounds[1] { for x in bounds[2] { expected.append(reached.contains([z, y, x]) ? 1 : 0) } }
      }
      #expect(
        (NonzeroRegion.outside(of: [.floats(image)], in: bounds) ?? [UInt8](repeating: 0, count: expected.count))
          == expected)
    }
  }

  @Test func anEmptyImageIsKeptWhole() {
    let shape = [2, 3, 4]
    let image = Volume(
      shape: shape, voxels: [Float](repeating: 0, count: 24), header: NIfTIHeader(shape: shape, spacing: [1, 1, 1]))
    #expect(NonzeroRegion.bounds(of: [.floats(image)]) == [0..<2, 0..<3, 0..<4])
  }
}
