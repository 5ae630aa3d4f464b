/// In what networks are computed where the device can: parameters, gradients of parameters, moments and losses are float32 always.
public enum ComputePrecision: String, Sendable, CaseIterable {
  case float32
  /// Matrix products, convolutions and attention in bfloat16, as PyTorch's autocast has them.
  case bf16

  /// Of the operations that are computed now; scoped to a task.
  @TaskLocal public static var current = ComputePrecision.float32

  /// Computes `body` in it.
  public func callAsFunction<Result>(_ body: () throws -> Result) rethrows -> Result {
    try Self.$current.withValue(self) { try body() }
  }
}
