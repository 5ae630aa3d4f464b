import Files
import Foundation

/// What a piece of work has at hand: where things lie, whom to tell, and whether to stop. It knows nothing of other runs.
public final class RunContext {
  public let workspace: Workspace
  /// Asked often; true stops the work after its checkpoint is written.
  public let isCancelled: () -> Bool
  /// Who reads HDF5 files of weights.
  public let hdf5Weights: HDF5WeightReader
  /// What the runs' identities say of the device that computes them (`Device.identity`); nil for the CPU.
  public let device: String?
  /// Whether what is remembered of files is not to be relied on.
  let fresh: Bool
  /// Whether a run at which another process is at work is left to it.
  let leavesBusy: Bool
  /// Told in words what is being done.
  private let speak: (String) -> Void
  /// Makes a receiver of progress for a piece of work with a title.
  private let display: (String) -> Files.Progress
  /// Of the run at work.
  private(set) var log: RunLog?
  /// The folders whose files have been read again.
  private var readAgain: Set<String> = []
  /// The datasets whose warnings have been shown.
  private var warned: Set<String> = []

  init(
    workspace: Workspace, fresh: Bool, leavesBusy: Bool, say: @escaping (String) -> Void,
    progress: @escaping (String) -> Files.Progress,
    isCancelled: @escaping () -> Bool, hdf5Weights: HDF5WeightReader, device: String?
  ) {
    self.workspace = workspace
    self.fresh = fresh
    self.leavesBusy = leavesBusy
    speak = say
    display = progress
    self.isCancelled = isCancelled
    self.hdf5Weights = hdf5Weights
    self.device = device
  }

  /// The same for work that also stops of itself.
  func stopping(when isOver: @escaping () -> Bool) -> RunContext {
    let asked = isCancelled
    return RunContext(
      workspace: workspace, fresh: false, leavesBusy: leavesBusy, say: speak, progress: display,
      isCancelled: { asked() || isOver() }, hdf5Weights: hdf5Weights, device: device)
  }

  /// Says what is being done, to the user and to the log of the run at work.
  func say(_ text: String) {
    speak(text)
    log?.write(text)
  }

  /// Tells the user a dataset's warnings, once.
  func warn(_ warnings: [String], of dataset: IdentifiedDataset) {
    guard warned.insert(dataset.digest).inserted else { return }
    for warning in warnings { speak("warning: \(warning)") }
  }

  /// A receiver of progress for a piece of work with a title.
  func progress(_ title: String) -> Files.Progress {
    let (shown, log) = (display(title), log)
    return Files.Progress { done, total, note in
      shown(done, of: total, note: note)
      log?.write(title, done, total, note)
    }
  }

  /// Throws when the user has asked to stop.
  func checkCancellation() throws {
    if isCancelled() { throw CancellationError() }
  }

  /// Whether a folder's files are to be read whatever is remembered of them: once each, when runs are made afresh.
  func readsAgain(_ folder: URL) -> Bool { fresh && readAgain.insert(folder.path).inserted }

  /// Writes what `body` says into a run's log too.
  func logging<Result>(into folder: URL, _ body: (RunLog) throws -> Result) rethrows -> Result {
    let log = RunLog(folder: folder)
    self.log = log
    defer { self.log = nil }
    return try body(log)
  }
}
