import Dispatch
import Synchronization

/// Bounds by the wall's clock for what is done with content from elsewhere: who made it chose how much work it is, and some
/// work does not end. What takes longer than work of its size can take is not waited for.
public struct TimeLimits: Sendable {
  private let factor: Double
  private let exceeded: (@Sendable (String) -> Void)?

  /// No bounds, for content of one's own.
  public static let none = TimeLimits(factor: 1, exceeded: nil)

  /// - Parameters:
  ///   - factor: multiplies every bound, for slow machines.
  ///   - exceeded: called on a thread of its own with a sentence on what took too long. Work in the midst of a library's
  ///     call cannot be unwound: a command ends its process here.
  public init(factor: Double = 1, exceeded: @escaping @Sendable (String) -> Void) {
    self.init(factor: factor, exceeded: .some(exceeded))
  }

  private init(factor: Double, exceeded: (@Sendable (String) -> Void)?) {
    self.factor = factor
    self.exceeded = exceeded
  }

  /// Does a piece of work within its bound.
  /// - Parameters:
  ///   - seconds: many times what it takes on an ordinary machine.
  ///   - work: what it is, such as "reading the record of run 0123456789".
  public func within<Result>(_ seconds: Double, _ work: String, _ body: () throws -> Result) rethrows -> Result {
    guard let exceeded else { return try body() }
    let bound = seconds * factor
    let start = ContinuousClock.now
    let isTold = Mutex(false)
    let tell: @Sendable () -> Void = {
      let isFirst = isTold.withLock { isTold in
        defer { isTold = true }
        return !isTold
      }
      guard isFirst else { return }
      exceeded("\(work) took longer than \(Self.text(bound)), which is more than content of its size can take")
    }
    // A queue of its own gets a thread however busy the others are.
    let timer = DispatchSource.makeTimerSource(queue: DispatchQueue(label: "limit of time", qos: .userInteractive))
    timer.schedule(deadline: .now() + bound)
    timer.setEventHandler(handler: tell)
    timer.resume()
    defer {
      timer.cancel()
      if (ContinuousClock.now - start) / .seconds(1) > bound { tell() }
    }
    return try body()
  }

  private static func text(_ seconds: Double) -> String {
    seconds < 10 ? "\(Double(Int(seconds * 1000)) / 1000) s" : "\(Int(min(seconds, 1e12))) s"
  }

  // MARK: - Bounds

  /// Of reading, checking or hashing files: a minute, and a second for each MiB.
  public static func seconds(forBytes bytes: Int) -> Double { 60 + Double(bytes) / Double(1 << 20) }

  /// Of generating phantoms.
  static func seconds(forPhantomVoxels voxels: Int) -> Double { 120 + Double(voxels) / 20_000 }

  /// Of scoring predictions and the predictors that see no image.
  static func seconds(forScoredVoxels voxels: Int, classes: Int) -> Double {
    120 + Double(voxels) * Double(classes + 1) / 200_000
  }

  /// Of predicting one case.
  static func seconds(forPredictedVoxels voxels: Int) -> Double { 600 + Double(voxels) / 1000 }
}
