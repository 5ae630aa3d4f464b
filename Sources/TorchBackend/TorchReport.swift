/// What `segbench doctor` says of PyTorch: which one there is, whether the plugin fits it, and which devices it has.
public struct TorchReport: Codable, Sendable, Equatable {
  /// PyTorch's version; nil where it cannot be used.
  public var version: String?
  /// The plugin's folder.
  public var plugin: String?
  /// What `--device` may name beside the CPU, such as "cuda:0 (NVIDIA A100-SXM4-80GB, 79.2 GiB)".
  public var devices: [String]
  /// Why PyTorch cannot be used, and what to type.
  public var problem: String?

  /// Looks for the plugin and loads it.
  public static func examine() -> TorchReport {
    do {
      let plugin = try TorchPlugin.shared()
      var devices = ["torch (PyTorch's CPU)"]
      for number in 0..<plugin.gpuCount {
        let memory = try plugin.memory(number)
        let size = (Double(memory.total) / Double(1 << 30) * 10).rounded() / 10
        devices.append("cuda:\(number) (\(try plugin.deviceName(number)), \(size) GiB)")
      }
      return TorchReport(
        version: plugin.torchVersion, plugin: try TorchInstallation.find().folder.path, devices: devices)
    } catch {
      return TorchReport(devices: [], problem: "\(error)")
    }
  }

  /// The findings as name and value.
  public var lines: [(String, String)] {
    guard let version, let plugin else { return [("PyTorch", problem ?? "none")] }
    return [
      ("PyTorch", "\(version), by the plugin in \(plugin)"), ("devices", "cpu, " + devices.joined(separator: ", ")),
    ]
  }
}
