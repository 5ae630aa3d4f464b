import Datasets
import Files
import Foundation
import Recipes
import Synchronization
import Tensors

/// What a step of a training took on a device, kept in the workspace's `measured` folder: what estimates rest on.
struct StepMeasurement: Codable {
  let version: Int
  /// Of the training, for people who look into the folder.
  let title: String
  let device: String
  let secondsPerStep: Double
  /// How many steps that is the mean of.
  let steps: Int
  /// The most memory that the process held while it trained, in bytes; 0 where the system does not say.
  let memoryBytes: Int
  /// What the run leaves on disk at most, in bytes, without its predictions.
  let diskBytes: Int

  /// This machine as far as a step's time depends on it.
  static let currentDevice: String = {
    let provenance = (processor: processorName(), set: Compute.instructionSet.rawValue, threads: Compute.threadCount)
    return
      "\(provenance.processor), \(provenance.set), \(provenance.threads) thread\(provenance.threads == 1 ? "" : "s")"
  }()

  private static func file(_ key: String, in workspace: Workspace) -> URL {
    workspace.measured.appendingPathComponent(Digest.sha256(of: "\(key)\n\(currentDevice)").prefix(24) + ".json")
  }

  /// - Parameter key: what the time of a step depends on beside the device.
  static func read(_ key: String, in workspace: Workspace) -> StepMeasurement? {
    guard let data = try? Data(contentsOf: file(key, in: workspace)), data.count < 1 << 16,
      let found = try? JSONDecoder().decode(StepMeasurement.self, from: data), found.version == 1,
      found.secondsPerStep.isFinite, found.secondsPerStep > 0, found.secondsPerStep < 1e9, found.memoryBytes >= 0,
      found.memoryBytes < 1 << 50, found.diskBytes >= 0, found.diskBytes < 1 << 50
    else { return nil }
    return found
  }

  /// Keeps it. What can't be kept stops no training.
  func write(_ key: String, in workspace: Workspace) {
    try? makeFolder(workspace.measured)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    if let data = try? encoder.encode(self) { try? AtomicFile.write(data, to: Self.file(key, in: workspace)) }
  }
}

extension Workspace {
  /// What steps took on the devices that were used.
  var measured: URL { root.appendingPathComponent("measured", isDirectory: true) }
}

/// Times a training's steps by the progress that it reports. The first is left out: what it needs is made in it.
final class StepClock: Sendable {
  private struct Times {
    var first: (done: Int, at: ContinuousClock.Instant)?
    var last: (done: Int, at: ContinuousClock.Instant)?
  }
  private let times = Mutex(Times())

  /// From here on the system's greatest memory counts.
  init() {
    if let handle = FileHandle(forWritingAtPath: "/proc/self/clear_refs") {
      try? handle.write(contentsOf: Data("5".utf8))
      try? handle.close()
    }
  }

  /// Progress that is timed on its way.
  func timing(_ progress: Files.Progress) -> Files.Progress {
    Files.Progress { done, total, note in
      self.times.withLock { times in
        // What a resumed training had done already is told first, and is no step.
        if times.last == nil {
          times.last = (done, .now)
        } else if times.first == nil {
          times.first = (done, .now)
          times.last = times.first
        } else {
          times.last = (done, .now)
        }
      }
      progress(done, of: total, note: note)
    }
  }

  /// Steps after the first, and what each took; nil before there is one.
  var pace: (steps: Int, seconds: Double)? {
    times.withLock { times in
      guard let first = times.first, let last = times.last, last.done > first.done else { return nil }
      let steps = last.done - first.done
      return (steps, (last.at - first.at) / .seconds(1) / Double(steps))
    }
  }

  /// Keeps what was measured, if anything was.
  func keep(_ recipe: ResolvedRecipe, key: String, diskBytes: Int, in workspace: Workspace) {
    guard let pace, pace.seconds > 0 else { return }
    StepMeasurement(
      version: 1, title: recipe.recipe.title, device: StepMeasurement.currentDevice, secondsPerStep: pace.seconds,
      steps: pace.steps, memoryBytes: Self.peakMemory, diskBytes: diskBytes
    ).write(key, in: workspace)
  }

  /// The process's greatest memory, in bytes.
  private static var peakMemory: Int {
    let text = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let line = text.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    return (line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) << 10
  }
}

extension ResolvedRecipe {
  /// What the time of a step depends on beside the device; nil for what trains nothing.
  /// - Parameters:
  ///   - plan: the dataset's, for a recipe that leaves its patch, its batch or its network to it.
  ///   - device: what computes the steps where the CPU doesn't (`RunContext.device`).
  func stepKey(plan: String?, device: String?) -> String? {
    let prefixes: [String]
    switch recipe.task {
    case .segmentation:
      prefixes = ["network.", "plan.", "training.recompute", "training.optimizer.kind", "dataset.targets"]
    case .pretraining: prefixes = ["network.", "self_distillation."]
    case .predictions, .curation: return nil
    }
    // What says how long, and not what a step is.
    let length = ["iterations", "snapshots", "weight_decay", "learning_rate", "momentum", "temperature"]
    let lines = values.filter { value in
      value.affectsResult && prefixes.contains { value.key.hasPrefix($0) }
        && !length.contains { value.key.hasSuffix($0) }
    }
    return
      (["engine \(engineVersion)", plan ?? ""] + (device.map { ["on \($0)"] } ?? [])
      + lines.map { "\($0.key): \($0.text)" }).joined(separator: "\n")
  }
}

extension Plans.Configuration {
  /// What a step's time depends on of it.
  var text: String { "\(batchSize) \(patchSize) \(network.map { "\($0)" } ?? "")" }
}
