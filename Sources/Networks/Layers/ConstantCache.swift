import Tensors

/// Tensors that a layer computes from sizes alone: made at the first use on a device, so that later passes bring none there.
final class ConstantCache<Key: Hashable> {
  private var tensors: [Key: [Tensor]] = [:]

  /// - Parameter make: gives what the key determines, on the current device.
  func callAsFunction(_ key: Key, _ make: () -> [Tensor]) -> [Tensor] {
    if let known = tensors[key], known.allSatisfy({ $0.device == .current }) { return known }
    let made = make()
    tensors[key] = made
    return made
  }
}
