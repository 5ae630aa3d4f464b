import Synchronization

/// Whether this process was asked to stop. A signal means the whole process, and so does this: every long loop asks, on
/// whatever thread it runs.
public enum Cancellation {
  /// The signal that asked, 0 before.
  private static let received = Atomic<Int32>(0)

  /// A process that reads files for this one, 0 while there is none; it is to stop with it.
  public static let child = Atomic<Int32>(0)

  /// The signal that asked; nil while nothing has.
  public static var signal: Int32? {
    let number = received.load(ordering: .relaxed)
    return number == 0 ? nil : number
  }

  public static var isRequested: Bool { signal != nil }

  /// Asks for a stop; may be called by a signal's handler.
  /// - Returns: whether this is the first time.
  public static func request(signal: Int32) -> Bool { received.exchange(signal, ordering: .relaxed) == 0 }

  @TaskLocal private static var isDeferred = false

  /// - Throws: `CancellationError` once a stop was asked for, but not within `deferred`.
  public static func check() throws {
    if isRequested && !isDeferred { throw CancellationError() }
  }

  /// Lets `body` finish though a stop was asked for: a checkpoint is written, read back and sealed because of the stop.
  public static func deferred<Result>(_ body: () throws -> Result) rethrows -> Result {
    try $isDeferred.withValue(true, operation: body)
  }
}
