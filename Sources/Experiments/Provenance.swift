import CBLAS
import CHDF5
import CPNG
import CYAML
import CZip
import Foundation
import Tensors

/// The version of everything that decides a run's bits; part of a run's identity. Raised when results change.
public let engineVersion = "0.5.0"

/// What a run's bits depend on beside its recipe and data, and where it ran.
public struct Provenance: Codable, Sendable {
  public var engineVersion: String
  public var gitCommit: String
  public var libraries: [String: String]
  public var processor: String
  public var instructionSet: String
  public var threads: Int
  public var operatingSystem: String
  /// The device that computed, as the run's identity has it (`Device.identity`); nil for the CPU.
  public var device: String?

  /// This machine and the current device, now.
  public static func current(root: URL) -> Provenance {
    Provenance(
      engineVersion: Experiments.engineVersion, gitCommit: commit(of: root),
      libraries: libraryVersions().merging(Device.current.provenance) { $1 },
      processor: processorName(), instructionSet: Compute.instructionSet.rawValue, threads: Compute.threadCount,
      operatingSystem: ProcessInfo.processInfo.operatingSystemVersionString,
      device: Device.current.identity)
  }
}

/// The versions of the C libraries in use.
public func libraryVersions() -> [String: String] {
  var major: UInt32 = 0
  var minor: UInt32 = 0
  var release: UInt32 = 0
  H5get_libversion(&major, &minor, &release)
  return [
    "OpenBLAS": String(cString: openblas_get_config()),
    "HDF5": "\(major).\(minor).\(release)",
    "libyaml": String(cString: yaml_get_version_string()),
    "libpng": PNG_LIBPNG_VER_STRING,
    "libzip": String(cString: zip_libzip_version()),
  ]
}

private func commit(of root: URL) -> String {
  // A release (`make dist`) says beside its program's folder of which commit it was made.
  let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
  let released = program.deletingLastPathComponent().appendingPathComponent("COMMIT")
  if let text = try? String(contentsOf: released, encoding: .utf8) {
    return String(text.prefix(80)).trimmingCharacters(in: .whitespacesAndNewlines)
  }
  func git(_ arguments: [String]) -> String? {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["git", "-C", root.path] + arguments
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return nil }
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { return nil }
    return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
  }
  guard let commit = git(["rev-parse", "HEAD"]) else { return "unknown" }
  let changed = git(["status", "--porcelain", "--", "Sources", "Recipes", "Package.swift"]) ?? ""
  return changed.isEmpty ? commit : commit + " with changes"
}

func processorName() -> String {
  let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
  for line in text.split(separator: "\n") where line.hasPrefix("model name") {
    if let colon = line.firstIndex(of: ":") {
      return line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
    }
  }
  return "unknown"
}
