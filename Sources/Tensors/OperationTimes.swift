import Synchronization

/// Where the engine's time goes, by operation and direction; nothing is measured unless asked.
public enum OperationTimes {
  private static let times = Mutex<[String: Duration]>([:])
  private static let measuring = Atomic(false)

  /// Begins or ends measuring.
  public static var isMeasuring: Bool {
    get { measuring.load(ordering: .relaxed) }
    set { measuring.store(newValue, ordering: .relaxed) }
  }

  /// The time of each operation since the last report, the longest first, in milliseconds.
  public static func report() -> String {
    let taken = times.withLock { times in
      defer { times = [:] }
      return times
    }
    return taken.sorted { $0.value > $1.value }
      .map { "\($0.key) \(Int(($0.value / .milliseconds(1)).rounded()))" }.joined(separator: ", ")
  }

  static func measure<Result>(_ name: @autoclosure () -> String, _ body: () -> Result) -> Result {
    guard isMeasuring else { return body() }
    let start = ContinuousClock.now
    let result = body()
    let taken = ContinuousClock.now - start
    let name = name()
    times.withLock { $0[name, default: .zero] += taken }
    return result
  }
}

extension Operation {
  /// The case's name.
  var name: String { String(String(describing: self).prefix { $0 != "(" }) }
}
