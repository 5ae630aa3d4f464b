import Datasets
import Files
import Foundation
import TestSupport
import Testing

/// Plans against nnU-Net's for fingerprints over the sizes and spacings that datasets have.
struct PlansTests {
  private func write(_ value: JSONValue, _ name: String, _ folder: URL) throws -> URL {
    let url = folder.appendingPathComponent(name)
    try Data(value.text().utf8).write(to: url)
    return url
  }

  @Test func plansEqualNNUNetsInEveryField() throws {
    let entries = try #require(JSONValue.read(fixture("plans.json")).array)
    #expect(entries.count == 24)
    try withTemporaryFolder { folder in
      for entry in entries {
        let name = try #require(entry["name"]?.string)
        let fingerprint = try Fingerprint(contentsOf: write(try #require(entry["fingerprint"]), "f.json", folder))
        let description = try DatasetDescription(contentsOf: write(try #require(entry["dataset"]), "d.json", folder))
        let plans = try Plans(fingerprint: fingerprint, description: description, datasetName: name)
        #expect(differences(plans.document, entry["plans"]) == [], "\(name)")
        // nnU-Net's file is taken as ours is, and ours comes back as written.
        let theirs = try Plans(contentsOf: write(try #require(entry["plans"]), "p.json", folder))
        let url = folder.appendingPathComponent("q.json")
        try plans.write(to: url)
        #expect(try Plans(contentsOf: url).document == plans.document)
        let (a, b) = (try plans.configuration("2d"), try theirs.configuration("2d"))
        #expect(a.network != nil && a.network == b.network && a.patchSize == b.patchSize && a.batchSize == b.batchSize)
      }
    }
  }

  /// Voxel sizes that a header may state and no image can be resampled by.
  @Test(arguments: [
    ([[1, 1, 1], [1, 1, 1], [1, 1e30, 1]], "would have"),
    ([[1e-300, 1e-300, 1e-300], [1e-300, 1e-300, 1e-300]], "spacing is"),
    ([[1e300, 1, 1], [1e300, 1, 1]], "spacing is"), ([[1, 1e-200, 1], [1, 1e-200, 1]], "spacing is"),
  ])
  func absurdVoxelSizesAreRefused(spacings: [[Double]], problem: String) throws {
    try withTemporaryFolder { folder in
      let entry = try #require(JSONValue.read(fixture("plans.json")).array?[1])
      var fingerprint = try #require(entry["fingerprint"])
      fingerprint["spacings"] = .array(spacings.map { JSONValue($0) })
      fingerprint["shapes_after_crop"] = .array(spacings.map { _ in JSONValue([16, 48, 48]) })
      let read = try Fingerprint(contentsOf: write(fingerprint, "f.json", folder))
      let description = try DatasetDescription(contentsOf: write(try #require(entry["dataset"]), "d.json", folder))
      #expect(
        inputError { _ = try Plans(fingerprint: read, description: description, datasetName: "X") }.contains(problem))
    }
  }

  private func plans(_ change: (inout JSONValue) -> Void = { _ in }) throws -> Plans {
    try withTemporaryFolder { folder in
      var document = try #require(JSONValue.read(fixture("plans.json")).array?[1]["plans"])
      change(&document)
      return try Plans(contentsOf: write(document, "nnUNetPlans.json", folder))
    }
  }

  @Test func aDerivedConfigurationKeepsTheFieldOfView() throws {
    let plans = try plans()
    let base = try plans.configuration("2d")
    for size in [96, 640, 896] {
      let derived = try plans.configuration("2d_\(size)")
      #expect(derived.patchSize == [size, size])
      for axis in 0..<2 {
        #expect(abs(derived.spacing[axis] * Double(size) - base.spacing[axis] * Double(base.patchSize[axis])) < 1e-9)
      }
      #expect(derived.normalizations == base.normalizations && derived.batchSize == base.batchSize)
      let written = try plans.adding(size: size)
      #expect(written.configurationNames == ["2d", "2d_\(size)"])
      #expect(try written.configuration("2d_\(size)") == derived)
    }
    for name in ["2d_0", "2d_", "2d_-5", "2d_ 96", "2d_0896", "2d_99999999999999999999", "3d"] {
      #expect(inputError { _ = try plans.configuration(name) }.contains("no configuration \"\(name)\""))
    }
  }

  @Test func spoiltPlansAreRefused() {
    func refusal(_ path: [String], _ value: JSONValue?) -> String {
      inputError {
        _ = try plans { document in
          func set(_ node: inout JSONValue, _ rest: ArraySlice<String>) {
            guard rest.count > 1, var child = node[rest.first!] else { return node[rest.first!] = value }
            set(&child, rest.dropFirst())
            node[rest.first!] = child
          }
          set(&document, path[...])
        }.configuration("2d")
      }
    }
    let two = ["configurations", "2d"]
    #expect(refusal(["transpose_forward"], [0, 0, 1]).contains("transpose_forward"))
    #expect(refusal(["transpose_backward"], [2, 0, 1]).contains("transpose_backward"))
    #expect(refusal(["dataset_name"], nil).contains("dataset_name"))
    #expect(refusal(["configurations"], nil).contains("configurations"))
    #expect(refusal(["foreground_intensity_properties_per_channel"], ["1": 2]).contains("foreground_intensity"))
    #expect(refusal(two + ["spacing"], [0.0, 1.0]).contains("spacing"))
    #expect(refusal(two + ["spacing"], [1.0, 1.0, 1.0]).contains("two-dimensional"))
    #expect(refusal(two + ["patch_size"], [1_000_000_000_000, 64]).contains("patch_size"))
    #expect(refusal(two + ["batch_size"], 0).contains("batch_size"))
    #expect(refusal(two + ["normalization_schemes"], ["Magic", "Magic", "Magic"]).contains("normali"))
    #expect(refusal(two + ["resampling_fn_data"], "resample_torch_fornnunet").contains("resample_torch_fornnunet"))
    #expect(refusal(two + ["resampling_fn_seg_kwargs", "order"], 0).contains("resampling_fn_seg_kwargs"))
    #expect(refusal(two + ["inherits_from"], "2d").contains("circle"))
  }

  @Test func descriptionsAreChecked() throws {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("dataset.json")
      func refusal(_ change: (inout JSONValue) -> Void) -> String {
        var value: JSONValue = [
          "channel_names": ["0": "CT"], "labels": ["background": 0, "liver": 1], "numTraining": 3,
          "file_ending": ".nii.gz",
        ]
        change(&value)
        try! Data(value.text().utf8).write(to: url)
        return inputError { _ = try DatasetDescription(contentsOf: url) }
      }
      #expect(refusal { _ in } == "no error")
      #expect(refusal { $0["labels"] = ["background": 0, "whole": [1, 2]] }.contains("region"))
      #expect(refusal { $0["labels"] = ["background": 0, "liver": 2] }.contains("gaps"))
      #expect(refusal { $0["labels"] = ["background": 0, "liver": 1.5] }.contains("integer"))
      #expect(refusal { $0["labels"] = ["nothing": 0, "liver": 1] }.contains("background"))
      #expect(refusal { $0["labels"] = ["background": 0, "ignore": 1] }.contains("ignore"))
      #expect(refusal { $0["labels"] = nil }.contains("labels"))
      #expect(refusal { $0["channel_names"] = ["1": "CT"] }.contains("channel_names"))
      #expect(refusal { $0["channel_names"] = ["0": 7] }.contains("channel_names"))
      #expect(refusal { $0["numTraining"] = -1 }.contains("numTraining"))
      #expect(refusal { $0["file_ending"] = ".png" }.contains("file_ending"))
      // Labels as text, as nnU-Net's older files have them, in any order.
      #expect(refusal { $0["labels"] = ["liver": "1", "background": "0"] } == "no error")
      let description = try DatasetDescription(contentsOf: url)
      #expect(description.labels.map(\.name) == ["background", "liver"])
    }
  }
}
