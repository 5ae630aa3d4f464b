/// Receives how far a long piece of work has come. The command line draws it; tests and libraries pass `Progress.silent`.
public struct Progress: Sendable {
  private let report: @Sendable (_ done: Int, _ total: Int, _ note: String) -> Void

  /// - Parameter report: called from any thread with the units done, the units in all, and a short note such as "loss 0.41".
  public init(_ report: @escaping @Sendable (_ done: Int, _ total: Int, _ note: String) -> Void) {
    self.report = report
  }

  /// Says that `done` of `total` units are finished.
  public func callAsFunction(_ done: Int, of total: Int, note: String = "") {
    report(done, total, note)
  }

  /// Reports to nobody.
  public static let silent = Progress { _, _, _ in }
}
