import Foundation

/// How long libgomp's threads, on which oneDNN's convolutions compute, spin before they sleep.
enum OpenMPSpin {
  /// By itself libgomp lets them spin for milliseconds, after a convolution on a core that the engine's own threads are to have by
  /// then: a step of nnU-Net took a fifth more of the processor's time. It reads its settings when it is loaded, so this
  /// program starts itself once more with a short spin, unless the user has chosen.
  static func shorten() {
    let settings = ["OMP_WAIT_POLICY", "GOMP_SPINCOUNT"]
    guard settings.allSatisfy({ getenv($0) == nil }) else { return }
    setenv("GOMP_SPINCOUNT", "1000", 1)
    // By its own path, so that the process keeps its name. Returns only when it fails; then the work goes on as it is.
    let path = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    // The words as they came: not every one is a text.
    execv(path ?? "/proc/self/exe", CommandLine.unsafeArgv)
  }
}
