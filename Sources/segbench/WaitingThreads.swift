import Foundation

/// How long idle compute threads spin before they sleep.
enum WaitingThreads {
  /// libgomp lets them spin for long, which starves whatever else runs on the same cores: beside one other busy process a
  /// training step was seen to take ten times as long. It reads its settings when it is loaded, so this program starts
  /// itself once more with a short spin, unless the user has chosen.
  static func keepShort() {
    let settings = ["OMP_WAIT_POLICY", "GOMP_SPINCOUNT"]
    guard settings.allSatisfy({ getenv($0) == nil }) else { return }
    setenv("GOMP_SPINCOUNT", "20000", 1)
    // By its own path, so that the process keeps its name. Returns only when it fails; then the work goes on as it is.
    let path = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    // The words as they came: not every one is a text.
    execv(path ?? "/proc/self/exe", CommandLine.unsafeArgv)
  }
}
