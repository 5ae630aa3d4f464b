import Tensors

/// Sets whole channels of `[N, H, W, C]` to zero in training (Tompson et al. 2015), each with probability `rate`, and multiplies
/// the others by 1 / (1 - rate).
struct ChannelDropout {
  let rate: Double

  func callAsFunction(_ x: Tensor, _ context: ForwardContext) -> Tensor {
    guard rate > 0, var random = context.random(for: "channel dropout", index: 0) else { return x }
    let factors = (0..<(x.shape[0] * x.shape[3])).map { _ in random.chance(rate) ? 0 : Float(1 / (1 - rate)) }
    return x * Tensor(factors, shape: [x.shape[0], 1, 1, x.shape[3]]).converted(to: x.elementType)
  }
}
