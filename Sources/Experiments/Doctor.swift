import CBLAS
import Foundation
import Tensors
import TorchBackend

/// What `segbench doctor` finds: everything that decides whether and how fast this machine can run.
public struct Doctor: Codable, Sendable {
  public var provenance: Provenance
  public var memoryGiB: Double
  public var userData: String?
  public var runs: Int
  public var data: DataInventory
  public var torch: TorchReport
  public var warnings: [String]

  /// Looks at this machine and workspace.
  public static func examine() throws -> Doctor {
    let workspace = try Workspace.fromEnvironment()
    var warnings: [String] = []
    if openblas_get_parallel() != 2 {
      warnings.append(
        "OpenBLAS was built without OpenMP, so that its threads come beside the engine's; install libopenblas0-openmp "
          + "and choose it with update-alternatives --config libopenblas.so.0-x86_64-linux-gnu")
    }
    if workspace.userData == nil {
      warnings.append("SEGBENCH_DATA is not set: the paper profile needs it, the phantom profile does not")
    }
    let runs = (try? FileManager.default.contentsOfDirectory(atPath: workspace.runs.path))?.count ?? 0
    return Doctor(
      provenance: .current(root: workspace.root),
      memoryGiB: Double(ProcessInfo.processInfo.physicalMemory) / Double(1 << 30), userData: workspace.userData?.path,
      runs: runs, data: try DataInventory(of: workspace), torch: .examine(),
      warnings: warnings)
  }

  /// The findings as name and value.
  public var lines: [(String, String)] {
    [
      ("engine", provenance.engineVersion), ("commit", provenance.gitCommit), ("processor", provenance.processor),
      ("instruction set", provenance.instructionSet), ("threads", "\(provenance.threads)"),
      ("memory", String(format: "%.1f GiB", memoryGiB)), ("system", provenance.operatingSystem),
    ] + provenance.libraries.sorted { $0.key < $1.key }.map { ($0.key, $0.value) } + [
      ("SEGBENCH_DATA", userData ?? "not set"), ("runs", "\(runs) folders"),
    ] + torch.lines
  }
}
