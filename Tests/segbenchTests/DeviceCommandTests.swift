import Foundation
import TestSupport
import Testing

/// Devices against the built command: one sentence and exit code 2 for what is not there.
@Suite struct DeviceCommandTests {
  /// What is said, on one line, without "segbench: ".
  private func complaint(_ arguments: [String], _ settings: [String: String] = [:]) throws -> String {
    try withTemporaryHome { home in
      let empty = ["XDG_CACHE_HOME": home.path]
      let result = try segbench(arguments, home: home, settings: empty.merging(settings) { $1 })
      #expect(result.code == 2 && result.output.isEmpty && result.errors.hasPrefix("segbench: "), "\(result.errors)")
      #expect(result.errors.filter { $0 == "\n" }.count == 1)
      return result.errors
    }
  }

  private static let run = ["run", "meddinov3/table1", "--profile", "quick"]

  @Test func withoutAPluginItSaysWhatToType() throws {
    for device in ["torch", "cuda", "cuda:1"] {
      #expect(try complaint(Self.run + ["--device", device]).contains("make torch-plugin PYTHON="))
    }
    #expect(try complaint(Self.run, ["SEGBENCH_DEVICE": "cuda"]).contains("make torch-plugin PYTHON="))
    #expect(
      try complaint(Self.run + ["--device", "torch"], ["SEGBENCH_TORCH_PLUGIN": "/nowhere"]).contains("/nowhere"))
  }

  @Test func anUnknownDeviceIsNamedWithItsSource() throws {
    #expect(try complaint(Self.run + ["--device", "gpu"]).contains("--device: there is no device \"gpu\""))
    #expect(try complaint(Self.run, ["SEGBENCH_DEVICE": "tpu"]).contains("SEGBENCH_DEVICE: there is no device \"tpu\""))
  }

  /// Neither needs the device itself, so that tables are made where there is none.
  @Test func reportsAndStatusNeedNoPlugin() throws {
    try withTemporaryHome { home in
      for verb in ["status", "report"] {
        let result = try segbench(
          [verb, "meddinov3/table1", "--profile", "quick", "--device", "cuda"], home: home,
          settings: ["XDG_CACHE_HOME": home.path])
        #expect(result.code == 0, "\(result.errors)")
      }
    }
  }

  @Test func bfloat16NeedsPyTorch() throws {
    try withTemporaryHome { home in
      let result = try segbench(
        ["run", "meddinov3/table2/lits-segformer.yaml", "--profile", "quick", "--set", "training.precision=bf16"],
        home: home)
      #expect(
        result.code == 2 && result.errors.contains("bf16") && result.errors.contains("--device"), "\(result.errors)")
    }
  }

  @Test func doctorSaysWhatToType() throws {
    try withTemporaryHome { home in
      let result = try segbench(["doctor"], home: home, settings: ["XDG_CACHE_HOME": home.path])
      #expect(result.code == 0 && result.output.contains("make torch-plugin PYTHON="))
    }
  }
}
