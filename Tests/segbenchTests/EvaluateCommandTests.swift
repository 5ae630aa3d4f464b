import Files
import Foundation
import Imaging
import TestSupport
import Testing

/// Three cases of 8 x 8 x 4 voxels of 1 mm. Class 1 is one cube everywhere and always found. Class 2 is found in the first,
/// invented in the second, and missed in the third.
@Suite("evaluate's rules, against the built command") struct EvaluateCommandTests {
  private func label(_ second: Bool) -> Volume<Int16> {
    var voxels = [Int16](repeating: 0, count: 4 * 8 * 8)
    for z in 1..<3 {
      for y in 1..<4 {
        for x in 1..<4 { voxels[(z * 8 + y) * 8 + x] = 1 }
        if second { for x in 5..<7 { voxels[(z * 8 + y) * 8 + x] = 2 } }
      }
    }
    return Volume(shape: [4, 8, 8], voxels: voxels, header: NIfTIHeader(shape: [4, 8, 8], spacing: [1, 1, 1]))
  }

  private func withCases(_ body: (_ evaluate: ([String]) throws -> (JSONValue, String)) throws -> Void) throws {
    try withTemporaryFolder { folder in
      for (index, (reference, prediction)) in [(true, true), (false, true), (true, false)].enumerated() {
        for (name, second) in [("reference", reference), ("prediction", prediction)] {
          let place = folder.appendingPathComponent(name)
          try makeFolder(place)
          try NIfTI.write(label(second), to: place.appendingPathComponent("case\(index).nii.gz"))
        }
      }
      try Data(
        #"""
        {"channel_names": {"0": "CT"}, "labels": {"background": 0, "whole": [1, 2], "core": [2]},
         "regions_class_order": [1, 2], "numTraining": 3, "file_ending": ".nii.gz"}
        """#.utf8
      ).write(to: folder.appendingPathComponent("dataset.json"))
      try body { options in
        let words = ["evaluate", "--reference", "reference", "--prediction", "prediction", "--json", "out.json"]
        let result = try segbench(words + options, home: folder)
        #expect(result.code == 0, "\(result.errors)")
        return (try JSONValue.read(folder.appendingPathComponent("out.json")), result.output + result.errors)
      }
      // Of one case there is no prediction any more, and of another no reference.
      let prediction = folder.appendingPathComponent("prediction")
      try FileManager.default.moveItem(
        at: prediction.appendingPathComponent("case2.nii.gz"), to: prediction.appendingPathComponent("stray.nii.gz"))
      let words = ["evaluate", "--reference", "reference", "--prediction", "prediction"]
      let refused = try segbench(words, home: folder)
      #expect(refused.code == 2 && refused.errors.contains("there is no prediction for \"case2\" in prediction"))
      let subset = try segbench(words + ["--subset", "--json", "out.json"], home: folder)
      #expect(subset.code == 0, "\(subset.errors)")
      #expect(subset.errors.contains("warning: 1 of 3 cases are without a prediction and left out: case2"))
      #expect(subset.errors.contains("without a reference and left out: stray"))
      let document = try JSONValue.read(folder.appendingPathComponent("out.json"))
      #expect(document["cases"]?.array?.count == 2)
      #expect(document["without_prediction"]?.array?.map(\.string) == ["case2"])
      #expect(document["without_reference"]?.array?.map(\.string) == ["stray"])
    }
  }

  private func mean(_ document: JSONValue, _ name: String, _ metric: String) -> Double? {
    guard case .object(let members)? = document["classes"] else { return nil }
    return members.first { $0.value["name"]?.string == name || $0.key == name }?.value[metric]?.double
  }

  @Test func absentMissingAndClasses() throws {
    try withCases { evaluate in
      let (standard, text) = try evaluate([])
      #expect(mean(standard, "1", "dsc") == 1)
      // The first and the third case have class 2.
      #expect(mean(standard, "2", "dsc") == 0.5 && mean(standard, "2", "hd95") == 0)
      #expect(text.contains("1 false positive left out"))
      let (zero, _) = try evaluate(["--absent", "zero"])
      // The invented one counts 0, too.
      #expect(abs((mean(zero, "2", "dsc") ?? 0) - 1.0 / 3) < 1e-12)
      let (diagonal, words) = try evaluate(["--hd95-missing", "diagonal"])
      let expected = (64.0 + 64 + 16).squareRoot() / 2
      #expect(abs((mean(diagonal, "2", "hd95") ?? 0) - expected) < 1e-6, "\(words)")
      // A region of both classes, and the labels themselves.
      let (regions, _) = try evaluate(["--labels", "dataset.json"])
      #expect(mean(regions, "whole", "dsc").map { $0 < 1 } == true && mean(regions, "core", "dsc") == 0.5)
      let (labels, _) = try evaluate(["--labels", "dataset.json", "--classes", "labels"])
      #expect(mean(labels, "core", "dsc") == 0.5 && mean(labels, "1", "dsc") != mean(regions, "whole", "dsc"))
    }
  }

  @Test(arguments: [
    (["--absent", "one"], "--absent is one of exclude, zero, not \"one\""),
    (["--hd95-missing", "none"], "--hd95-missing is one of exclude, diagonal"),
    (["--classes", "labels"], "give it with --labels FILE"),
    (["--classes", "all"], "--classes is one of labels, regions"),
  ])
  func wrongRulesAreRefused(options: [String], mention: String) throws {
    let result = try segbench(["evaluate", "--reference", "a", "--prediction", "b"] + options)
    #expect(result.code == 2 && result.errors.contains(mention), "\(result.errors)")
  }
}
