import Evaluation
import Files
import Foundation
import Imaging
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
        _ = try Evaluator(classes: classes).evaluate(references: references, predictions: predictions)
      }
      for problem in [
        "there is no prediction for \"f\"", "there is no reference for \"g\"",
        "\"b\" has 3 x 2 x 1 voxels in the prediction and 4 x 2 x 1 in the reference",
        "\"c\" has voxels of 1.5 x 1.0 x 3.0 mm in the prediction and 1.0 x 1.0 x 3.0 mm in the reference",
        "\"d\" has axes in other directions", "\"e\" has the labels -2, 9, which no class has",
        "h.nii is not a NIfTI-1 or NIfTI-2 file", "for 7 reasons",
      ] {
        #expect(text.contains(problem), "\(problem) in \(text)")
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
