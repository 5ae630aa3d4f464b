import Evaluation
import Files
import Foundation
import Imaging
import TestSupport
import Testing

@Suite struct EvaluatorTests {
  private let header = NIfTIHeader(shape: [1, 2, 4], spacing: [3, 1, 1])

  private func write(_ voxels: [Int16], _ name: String, _ folder: URL, header: NIfTIHeader? = nil) throws {
    let header = header ?? self.header
    try NIfTI.write(
      Volume(shape: header.shape, voxels: voxels, header: header), to: folder.appendingPathComponent(name))
  }

  /// Runs `body` with two new folders.
  private func withFolders(_ body: (_ references: URL, _ predictions: URL) throws -> Void) throws {
    try withTemporaryFolder { folder in
      let (references, predictions) = (folder.appendingPathComponent("r"), folder.appendingPathComponent("p"))
      for url in [references, predictions] {
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
      }
      try body(references, predictions)
    }
  }

  private let classes = [
    EvaluationClass(name: "spleen", labels: [1]), EvaluationClass(name: "liver", labels: [2]),
    EvaluationClass(name: "bladder", labels: [3]),
  ]

  @Test func meansLeaveOutCasesWithoutTheClass() throws {
    try withFolders { references, predictions in
      try write([1, 1, 0, 0, 2, 2, 2, 2], "a.nii.gz", references)
      try write([1, 0, 0, 0, 2, 2, 2, 2], "a.nii", predictions)
      // No spleen in this reference; the prediction's counts against nobody's mean.
      try write([0, 0, 0, 0, 2, 2, 0, 0], "b.nii", references)
      try write([1, 0, 0, 0, 2, 2, 2, 2], "b.nii.gz", predictions)
      let report = try Evaluator(classes: classes).evaluate(references: references, predictions: predictions)
      #expect(report.cases.map(\.name) == ["a", "b"])
      let twoThirds = 2.0 / 3
      let (spleen, liver): (Double, Double) = (twoThirds, (1 + twoThirds) / 2)
      let expected: [[Double?]] = [
        [twoThirds, 1, nil], [0, twoThirds, nil], [spleen, liver, nil], [liver, twoThirds],
      ]
      #expect(report.cases[0].classes.map(\.dsc) == expected[0])
      #expect(report.cases[1].classes.map(\.dsc) == expected[1])
      #expect(report.cases[1].classes[0].nsd == 0 && report.cases[1].classes[0].hd95 == nil)
      #expect(report.classMeans.map(\.dsc) == expected[2])
      #expect(report.mean.dsc == (spleen + liver) / 2)
      #expect(report.caseMeans.map(\.dsc) == expected[3])

      let json = try JSONSerialization.jsonObject(with: report.json()) as? [String: Any]
      let cases = json?["cases"] as? [[String: Any]]
      #expect(cases?.map { $0["name"] as? String } == ["a", "b"])
      let first = cases?[0]["classes"] as? [String: [String: Any]]
      #expect(first?["1"]?["dsc"] as? Double == twoThirds)
      #expect(first?["3"]?["dsc"] is NSNull && first?["3"]?["nsd"] is NSNull && first?["3"]?["hd95"] is NSNull)
      let means = json?["classes"] as? [String: [String: Any]]
      #expect(means?["2"]?["name"] as? String == "liver" && means?["3"]?["dsc"] is NSNull)
      #expect((json?["mean"] as? [String: Any])?["dsc"] as? Double == report.mean.dsc)
      #expect((json?["mean"] as? [String: Any])?["nsd"] as? Double == report.mean.nsd)

      // Without classes, those that occur.
      let found = try Evaluator(classes: nil).evaluate(references: references, predictions: predictions)
      #expect(found.classes.map(\.key) == ["1", "2"] && found.mean == report.mean)
      // And only one case.
      let one = try Evaluator(classes: classes)
        .evaluate(references: references, predictions: predictions, cases: ["b"])
      #expect(one.cases == [report.cases[1]])
    }
  }

  @Test func everyProblemIsSaidAtOnce() throws {
    try withFolders { references, predictions in
      let sound: [Int16] = [1, 1, 0, 0, 2, 2, 2, 2]
      for name in ["a", "b", "c", "d", "e", "f"] { try write(sound, "\(name).nii", references) }
      try write(sound, "a.nii", predictions)
      try write(
        [Int16](repeating: 1, count: 6), "b.nii", predictions,
        header: NIfTIHeader(shape: [1, 2, 3], spacing: [3, 1, 1]))
      try write(sound, "c.nii", predictions, header: NIfTIHeader(shape: [1, 2, 4], spacing: [3, 1, 1.5]))
      try write(
        sound, "d.nii", predictions,
        header: NIfTIHeader(
          shape: [1, 2, 4], spacing: [3, 1, 1], affine: [[-1, 0, 0, 3], [0, 1, 0, 0], [0, 0, 3, 0]]))
      try write([1, 1, 0, 0, 9, -2, 2, 2], "e.nii", predictions)
      try write(sound, "g.nii", predictions)
      try AtomicFile.write(Data("nothing".utf8), to: predictions.appendingPathComponent("h.nii"))
      try AtomicFile.write(Data("nothing".utf8), to: references.appendingPathComponent("h.nii"))
      let text = errorText {
        _ = try Evaluator(classes: classes, strictGeometry: true).evaluate(
          references: references, predictions: predictions)
      }
      for problem in [
        "there is no prediction for \"f\"", "there is no reference for \"g\"",
        "\"b\" has 3 x 2 x 1 voxels in the prediction and 4 x 2 x 1 in the reference",
        "c.nii: its voxels measure 1.5 x 1.0 x 3.0 mm, those of the reference 1.0 x 1.0 x 3.0 mm; they must agree",
        "d.nii: its axes run to LAS, those of the reference to RAS; they must agree",
        "\"e\" has the labels -2, 9, which no class has",
        "h.nii is not a NIfTI-1 or NIfTI-2 file", "for 8 reasons",
      ] {
        #expect(text.contains(problem), "\(problem) in \(text)")
      }
    }
  }

  /// As nnU-Net scores them: by voxel, whatever the headers say.
  @Test func otherToolsPredictionsAreScoredVoxelByVoxel() throws {
    try withFolders { references, predictions in
      let sound: [Int16] = [1, 1, 0, 0, 2, 2, 2, 2]
      // y flipped; another spacing; no form at all and voxels of 1 mm, as `nib.Nifti1Image(array, None)` is written.
      let headers = [
        "a": header,
        "b": NIfTIHeader(
          shape: [1, 2, 4], spacing: [3, 1, 1], affine: [[1, 0, 0, 0], [0, -1, 0, 1], [0, 0, 3, 0]]),
        "c": NIfTIHeader(shape: [1, 2, 4], spacing: [3, 1, 1.5]),
        "d": NIfTIHeader(shape: [1, 2, 4], spacing: [1, 1, 1]),
      ]
      for (name, theirs) in headers {
        try write(sound, "\(name).nii", references)
        try write(sound, "\(name).nii", predictions, header: theirs)
      }
      let file = predictions.appendingPathComponent("d.nii")
      var bytes = try Data(contentsOf: file)
      for offset in 252..<256 { bytes[offset] = 0 }
      for offset in 280..<328 { bytes[offset] = 0 }
      try AtomicFile.write(bytes, to: file)
      let evaluator = Evaluator(classes: classes)
      let report = try evaluator.evaluate(references: references, predictions: predictions)
      for measured in report.cases {
        #expect(
          measured.classes.filter { $0.referenceVoxels > 0 }.allSatisfy { $0.dsc == 1 && $0.nsd == 1 && $0.hd95 == 0 })
      }
      let said = Dictionary(grouping: report.warnings) { URL(fileURLWithPath: $0.path).lastPathComponent }
        .mapValues { $0.map(\.topic) }
      #expect(
        said["a.nii"] == nil && said["b.nii"]?.count == 2 && said["c.nii"]?.count == 1 && said["d.nii"]?.count == 2)
      // Distances are the reference's: the header of c is 1.5 mm wide.
      try write([1, 1, 1, 0, 2, 2, 2, 2], "c.nii", predictions, header: headers["c"])
      let moved = try evaluator.evaluate(references: references, predictions: predictions, cases: ["c"])
      #expect(moved.cases[0].classes[0].hd95! <= 1)
      // A sheared reference hinders no score either.
      var sheared = try Data(contentsOf: references.appendingPathComponent("a.nii"))
      sheared.replaceSubrange(252..<254, with: [0, 0])
      sheared.replaceSubrange(284..<288, with: withUnsafeBytes(of: Float(0.3)) { Data($0) })
      try AtomicFile.write(sheared, to: references.appendingPathComponent("a.nii"))
      let again = try evaluator.evaluate(references: references, predictions: predictions, cases: ["a"])
      #expect(again.mean.dsc == 1 && again.warnings.map(\.topic) == ["label maps whose axes are not at right angles"])
    }
  }

  /// MONAI 1.5 on the same two squares as arrays of two axes: voxels of 1 x 1 and of 1 x 1.5 mm.
  @Test func twoDimensionalImagesHaveOutlines() throws {
    for (width, nsd, hd95) in [(1.0, 0.5416666865348816, 2.0), (1.5, 0.5, 3.0)] {
      try withFolders { references, predictions in
        let square = NIfTIHeader(shape: [1, 12, 14], spacing: [1, 1, width])
        for (folder, top, left) in [(references, 2, 3), (predictions, 3, 5)] {
          var voxels = [Int16](repeating: 0, count: 168)
          for y in top..<(top + 7) { for x in left..<(left + 7) { voxels[y * 14 + x] = 1 } }
          try write(voxels, "a.nii", folder, header: square)
          var bytes = try Data(contentsOf: folder.appendingPathComponent("a.nii"))
          bytes[40] = 2
          try AtomicFile.write(bytes, to: folder.appendingPathComponent("a.nii"))
        }
        let report = try Evaluator(classes: classes).evaluate(references: references, predictions: predictions)
        #expect(report.warnings == [])
        #expect(
          abs(report.cases[0].classes[0].nsd! - nsd) < 1e-6 && abs(report.cases[0].classes[0].hd95! - hd95) < 1e-6)
      }
    }
  }

  @Test func emptyAndMissingFolders() throws {
    try withFolders { references, predictions in
      #expect(throws: EvaluationError.self) {
        try Evaluator(classes: nil).evaluate(references: references, predictions: predictions)
      }
      let missing = references.appendingPathComponent("none")
      #expect(throws: FileError.notFound(path: missing.path)) {
        try Evaluator(classes: nil).evaluate(references: missing, predictions: predictions)
      }
    }
  }
}
