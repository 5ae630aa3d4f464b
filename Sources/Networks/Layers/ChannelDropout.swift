import Tensors

/// Sets whole channels of `[N, H, W, C]` to zero in training (Tompson et al. 2015), each with probability `rate`, and multiplies
/// the others by 1 / (1 - rate).
struct ChannelDropout {
  let rate: Double

  func callAsFunction(_ x: Tensor, _ context: ForwardContext) -> Tensor {
    guard rate > 0, let random = context.random(for: "channel dropout", index: 0) else { return x }
    return x.dropped(rate: rate, along: [1, 2], random)
  }
}
