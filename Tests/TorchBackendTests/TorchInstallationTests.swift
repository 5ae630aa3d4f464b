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

  /// A plugin whose PyTorch went does not hide an older one that works.
  @Test func thePluginOfAPyTorchThatIsGoneIsPassedOver() throws {
    try withPlugin { environment, folder in
      let gone = folder.deletingLastPathComponent().appendingPathComponent("2.13.0+cpu-2")
      try FileManager.default.copyItem(at: folder, to: gone)
      try Data("2.13.0+cpu\n/nowhere/torch\n/usr/bin/python3\n\(TorchInstallation.usableInterface)\n".utf8).write(
        to: gone.appendingPathComponent("pytorch"))
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSinceNow: 60)], ofItemAtPath: gone.path)
      #expect(try TorchInstallation.find(environment).version == "2.9.1+cpu")
    }
  }

  /// Two PyTorch installations of one version, each with its plugin: the second is compiled, and the one asked for last is in use.
  @Test func everyPyTorchHasItsOwnPlugin() throws {
    try withTemporaryFolder { root in
      func script(_ name: String, _ lines: String) throws -> String {
        let file = root.appendingPathComponent(name)
        try Data("#!/bin/sh\n\(lines)\n".utf8).write(to: file)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file.path)
        return file.path
      }
      let compiler = try script("compiler", "while [ \"$1\" != -o ]; do shift; done; echo library >\"$2\"")
      let environment = ["XDG_CACHE_HOME": root.path, "CXX": compiler, "PATH": "/usr/bin:/bin"]
      func build(_ torch: String) throws {
        let folder = root.appendingPathComponent(torch)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try Data("__version__ = '2.9.1'\n".utf8).write(to: folder.appendingPathComponent("version.py"))
        let python = try script("python-\(torch)", "cat >/dev/null; printf '%s\\n' 2.9.1 '\(folder.path)' 1 ''")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = [repository.appendingPathComponent("Plugins/Torch/build.sh").path, python]
        (process.environment, process.standardOutput, process.standardError) = (environment, Pipe(), Pipe())
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
      }
      for torch in ["a", "b", "a"] {
        try build(torch)
        #expect(try TorchInstallation.find(environment).torch.lastPathComponent == torch)
        Thread.sleep(forTimeInterval: 0.05)
      }
      try FileManager.default.removeItem(at: root.appendingPathComponent("a"))
      #expect(try TorchInstallation.find(environment).torch.lastPathComponent == "b")
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
