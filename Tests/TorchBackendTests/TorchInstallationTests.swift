import Files
import Foundation
import TestSupport
import Testing
import TorchBackend

/// What is said where PyTorch cannot be used: one sentence each, an error of the user's.
@Suite struct TorchInstallationTests {
  /// A cache with one plugin, made for a PyTorch of which only the version is there.
  private func withPlugin(
    interface: String = "\(TorchInstallation.usableInterface)", compiledFor: String = "2.9.1+cpu",
    now: String? = "2.9.1+cpu",
    _ body: (_ environment: [String: String], _ folder: URL) throws -> Void
  ) throws {
    try withTemporaryFolder { root in
      let (plugin, torch) = (
        root.appendingPathComponent("segbench/torch/2.9.1+cpu-1"), root.appendingPathComponent("torch")
      )
      for folder in [plugin, torch] {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      }
      try Data("\(compiledFor)\n\(torch.path)\n/usr/bin/python3\n\(interface)\n".utf8).write(
        to: plugin.appendingPathComponent("pytorch"))
      try Data("no library".utf8).write(to: plugin.appendingPathComponent("segtorch.so"))
      if let now {
        try Data("from typing import Optional\n__version__ = '\(now)'\ndebug = False\n".utf8).write(
          to: torch.appendingPathComponent("version.py"))
      }
      try body(["XDG_CACHE_HOME": root.path], plugin)
    }
  }

  @Test func aPluginThatFitsIsFound() throws {
    try withPlugin { environment, folder in
      let found = try TorchInstallation.find(environment)
      #expect(
        found.version == "2.9.1+cpu"
          && found.folder.resolvingSymlinksInPath().path == folder.resolvingSymlinksInPath().path)
      #expect(try TorchInstallation.find(["SEGBENCH_TORCH_PLUGIN": folder.path]).version == "2.9.1+cpu")
    }
  }

  @Test func noPluginAtAllSaysWhatToType() throws {
    try withTemporaryFolder { empty in
      let said = inputError { _ = try TorchInstallation.find(["XDG_CACHE_HOME": empty.path]) }
      #expect(said.contains("make torch-plugin PYTHON=python3"))
      #expect(inputError { _ = try TorchInstallation.find(["SEGBENCH_TORCH_PLUGIN": empty.path]) }.contains(empty.path))
    }
  }

  @Test func anotherPyTorchIsNamed() throws {
    try withPlugin(now: "2.13.0") { environment, _ in
      let said = inputError { _ = try TorchInstallation.find(environment) }
      #expect(said.contains("2.9.1+cpu") && said.contains("now 2.13.0") && said.contains("PYTHON=/usr/bin/python3"))
    }
    try withPlugin(now: nil) { environment, _ in
      #expect(inputError { _ = try TorchInstallation.find(environment) }.contains("no longer there"))
    }
    try withPlugin(interface: "0") { environment, _ in
      #expect(inputError { _ = try TorchInstallation.find(environment) }.contains("another version of segbench"))
    }
  }

  @Test func aBrokenLibraryIsNoCrash() throws {
    try withPlugin { environment, folder in
      let said = inputError { _ = try TorchPlugin(TorchInstallation.find(environment), threads: 1) }
      #expect(said.contains(folder.lastPathComponent) && said.contains("cannot be loaded"))
    }
  }

  @Test(arguments: ["", "gpu", "cuda:", "cuda:x", "cuda:-1", "cuda:01", "cuda:300", "CPU", "torch:0"])
  func otherDevicesAreNone(name: String) {
    #expect(inputError { _ = try DeviceChoice(name) }.contains("cpu, torch, cuda and cuda:N"))
  }

  @Test func devicesHaveNames() throws {
    #expect(try ["cpu", "torch", "cuda", "cuda:3"].map { try DeviceChoice($0) } == [.cpu, .torch, .cuda(0), .cuda(3)])
    #expect(try ["cpu", "torch", "cuda:1"].map { try DeviceChoice($0).identity } == [nil, "torch", "cuda"])
  }

  @Test(.enabled(if: Torch.isThere, "no plugin is built: make torch-plugin")) func aGPUThatIsNotThereIsNamed() throws {
    #expect(inputError { _ = try DeviceChoice.cuda(250).open() }.contains("cuda:250"))
  }
}
