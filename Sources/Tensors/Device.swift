/// Where tensors live and what computes with them.
///
/// A tensor knows its device. New ones are made on the current device, which is scoped to a task: the CPU unless said otherwise.
public struct Device: Sendable, Equatable {
  package let backend: any Backend

  package init(_ backend: any Backend) { self.backend = backend }

  /// The processor's cores.
  public static let cpu = Device(CPUBackend())

  /// Where new tensors are made.
  @TaskLocal public static var current = Device.cpu

  /// Such as "cpu".
  public var name: String { backend.name }

  /// What a run's identity says of it, such as "cuda"; nil where its bits are the CPU's.
  public var identity: String? { backend.identity }

  /// What a run's provenance says of it, such as PyTorch's version, by name.
  public var provenance: [String: String] { backend.provenance }

  /// Whether the host addresses its memory, so that lending elements is no copy.
  public var isHost: Bool { backend.isHost }

  /// Runs `body`, in which new tensors are made here.
  public func callAsFunction<Result>(_ body: () throws -> Result) rethrows -> Result {
    if Self.current == self { return try body() }
    return try Self.$current.withValue(self) { try body() }
  }

  public static func == (a: Self, b: Self) -> Bool { a.backend === b.backend }
}
