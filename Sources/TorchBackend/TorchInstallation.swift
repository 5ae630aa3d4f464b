import CTorchPlugin
import Files
import Foundation

/// A plugin that was compiled against a PyTorch of this machine (`make torch-plugin`), by its folder in the user's cache.
public struct TorchInstallation: Sendable, Equatable {
  /// The folder with `segtorch.so` and, in `pytorch`, what it was compiled against.
  public let folder: URL
  /// PyTorch's version, such as "2.13.0+cpu".
  public let version: String
  /// PyTorch's own folder.
  public let torch: URL
  /// The Python that has it.
  public let python: String
  /// The interface that the plugin has.
  let interface: Int32

  public var library: URL { folder.appendingPathComponent("segtorch.so") }

  /// Reads what `Plugins/Torch/build.sh` wrote: the version, PyTorch's folder, the Python and the interface's number.
  init?(_ folder: URL) {
    guard let text = try? String(contentsOf: folder.appendingPathComponent("pytorch"), encoding: .utf8) else {
      return nil
    }
    let lines = text.split(separator: "\n").map(String.init)
    guard lines.count >= 4, let interface = Int32(lines[3]) else { return nil }
    self.folder = folder
    (version, torch, python) = (lines[0], URL(fileURLWithPath: lines[1]), lines[2])
    self.interface = interface
  }

  /// The interface that this program uses.
  package static let usableInterface = SEGTORCH_INTERFACE

  /// The plugin in use: `SEGBENCH_TORCH_PLUGIN`'s, else the newest in the cache that this program can use and whose PyTorch
  /// is there.
  /// - Throws: `TorchError` where there is none; where no PyTorch is what its plugin was compiled against, of the newest.
  public static func find(
    _ environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws(TorchError) -> TorchInstallation {
    if let path = environment["SEGBENCH_TORCH_PLUGIN"], !path.isEmpty {
      guard let found = TorchInstallation(URL(fileURLWithPath: path)) else { throw .noPlugin(at: path) }
      guard found.interface == usableInterface else { throw .otherInterface(found) }
      try found.check()
      return found
    }
    let all = inCache(environment)
    let usable = all.filter { $0.interface == usableInterface }
    guard let newest = usable.first else {
      if let other = all.first { throw .otherInterface(other) }
      throw .notBuilt
    }
    if let found = usable.first(where: { $0.versionNow == $0.version }) { return found }
    try newest.check()
    return newest
  }

  /// The plugins in the cache, the newest first.
  static func inCache(_ environment: [String: String]) -> [TorchInstallation] {
    let cache: URL
    if let path = environment["XDG_CACHE_HOME"], !path.isEmpty {
      cache = URL(fileURLWithPath: path)
    } else {
      cache = URL(fileURLWithPath: environment["HOME"] ?? NSHomeDirectory()).appendingPathComponent(".cache")
    }
    let folders =
      (try? FileManager.default.contentsOfDirectory(
        at: cache.appendingPathComponent("segbench/torch"), includingPropertiesForKeys: [.contentModificationDateKey]))
      ?? []
    func date(_ url: URL) -> Date {
      (try? url.resourceValues(forKeys: [.contentModificationDateKey]).contentModificationDate) ?? .distantPast
    }
    return folders.filter { FileManager.default.fileExists(atPath: $0.appendingPathComponent("segtorch.so").path) }
      .sorted { (date($0), $0.path) > (date($1), $1.path) }.compactMap { TorchInstallation($0) }
  }

  /// PyTorch as it lies there now must be the one that the plugin was compiled against: C++ has no other protection.
  private func check() throws(TorchError) {
    guard let found = versionNow else { throw .torchIsGone(self) }
    guard found == version else { throw .otherTorch(self, found: found) }
  }

  /// `__version__` of PyTorch's `version.py`.
  private var versionNow: String? {
    guard let text = try? String(contentsOf: torch.appendingPathComponent("version.py"), encoding: .utf8) else {
      return nil
    }
    for line in text.split(separator: "\n") where line.hasPrefix("__version__") {
      return line.split(whereSeparator: { $0 == "'" || $0 == "\"" }).dropFirst().first.map(String.init)
    }
    return nil
  }
}

/// Why PyTorch cannot be used, and what to do about it.
public enum TorchError: InputError, Equatable {
  case notBuilt
  case noPlugin(at: String)
  case otherInterface(TorchInstallation)
  case torchIsGone(TorchInstallation)
  case otherTorch(TorchInstallation, found: String)
  case unloadable(URL, String)
  case noGPU(asked: Int, version: String, count: Int)
  case unknownDevice(String)

  public var description: String {
    switch self {
    case .notBuilt:
      "PyTorch's plugin is not built: make torch-plugin PYTHON=python3, with a Python that has PyTorch 2.4 or newer "
        + "(python3 -m pip install torch)"
    case .noPlugin(let path):
      "SEGBENCH_TORCH_PLUGIN is \(path), where no plugin is; it must be a folder that make torch-plugin printed"
    case .otherInterface(let plugin):
      "the plugin in \(plugin.folder.path) is of another version of segbench: \(Self.rebuild(plugin))"
    case .torchIsGone(let plugin):
      "the plugin in \(plugin.folder.path) was compiled for PyTorch \(plugin.version) in \(plugin.torch.path), which is no "
        + "longer there: make torch-plugin PYTHON=python3, with a Python that has PyTorch"
    case .otherTorch(let plugin, let found):
      "the plugin in \(plugin.folder.path) was compiled for PyTorch \(plugin.version), but \(plugin.torch.path) is now "
        + "\(found): \(Self.rebuild(plugin))"
    case .unloadable(let library, let reason):
      "\(library.path) cannot be loaded (\(reason)); remove \(library.deletingLastPathComponent().path) and "
        + "make torch-plugin again"
    case .noGPU(let asked, let version, let count):
      count == 0
        ? "there is no GPU for cuda:\(asked): PyTorch \(version) sees none; "
          + (version.hasSuffix("+cpu")
            ? "it is built for CPUs alone (install one for CUDA)" : "nvidia-smi shows what the driver sees")
        : "there is no GPU cuda:\(asked): PyTorch sees \(count), numbered from 0"
    case .unknownDevice(let text): "there is no device \"\(text)\"; devices are cpu, torch, cuda and cuda:N"
    }
  }

  private static func rebuild(_ plugin: TorchInstallation) -> String { "make torch-plugin PYTHON=\(plugin.python)" }
}
