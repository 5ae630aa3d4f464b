import Foundation
import Synchronization
import Tensors

/// A device as a user names it.
public enum DeviceChoice: Sendable, Equatable {
  /// The engine's own backend.
  case cpu
  /// PyTorch on the CPU.
  case torch
  /// PyTorch on a GPU, by its number.
  case cuda(Int)

  /// - Throws: `TorchError.unknownDevice`.
  public init(_ text: String) throws(TorchError) {
    switch text {
    case "cpu": self = .cpu
    case "torch": self = .torch
    case "cuda": self = .cuda(0)
    default:
      guard text.hasPrefix("cuda:"), text.count <= 8, let number = UInt8(text.dropFirst(5)), "cuda:\(number)" == text
      else {
        throw .unknownDevice(text)
      }
      self = .cuda(Int(number))
    }
  }

  /// What runs' identities say of the devices, beside nothing for the CPU.
  public static let identities = ["torch", "cuda"]

  /// What a run's identity says of it, which needs no device; nil for the CPU.
  public var identity: String? {
    switch self {
    case .cpu: nil
    case .torch: Self.identities[0]
    case .cuda: Self.identities[1]
    }
  }

  /// The device itself.
  /// - Throws: `TorchError` where PyTorch or the GPU cannot be used, `TorchFailure` where it fails.
  public func open() throws -> Device {
    if self == .cpu { return .cpu }
    let plugin = try TorchPlugin.shared()
    guard case .cuda(let number) = self else { return Device(try TorchBackend(plugin, identity: identity!, gpu: nil)) }
    let count = plugin.gpuCount
    guard number < count else { throw TorchError.noGPU(asked: number, version: plugin.torchVersion, count: count) }
    return Device(try TorchBackend(plugin, identity: identity!, gpu: number))
  }
}

extension TorchPlugin {
  private static let loaded = Mutex<TorchPlugin?>(nil)

  /// The process's plugin: the one that `TorchInstallation.find` finds.
  /// - Throws: `TorchError`.
  package static func shared() throws(TorchError) -> TorchPlugin {
    try loaded.withLock { loaded throws(TorchError) in
      if let loaded { return loaded }
      let plugin = try TorchPlugin(TorchInstallation.find(), threads: Compute.threadCount)
      loaded = plugin
      return plugin
    }
  }
}
