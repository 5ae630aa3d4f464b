import Tensors

/// Normalises every channel of `[N, H, W, C]` over the batch in training, and by the running statistics of training in
/// evaluation (Ioffe and Szegedy 2015), with PyTorch's momentum of 0.1 and its unbiased running variance.
struct BatchNormalization: Module {
  /// `[channels]`, all four; the statistics are kept with the parameters but not trained.
  let weight: Parameter
  let bias: Parameter
  let mean: Parameter
  let variance: Parameter
  private let epsilon = 1e-5
  private let momentum = 0.1

  init(_ name: String, channels: Int, _ initializer: Initializer) {
    weight = initializer.scale("\(name).weight", channels)
    bias = initializer.bias("\(name).bias", [channels])
    mean = initializer.constant("\(name).mean", [channels], 0)
    variance = initializer.constant("\(name).variance", [channels], 1)
    mean.isTrainable = false
    variance.isTrainable = false
  }

  /// - Parameter slope: of the leaky ReLU that follows: 0 for ReLU, 1 for none.
  func callAsFunction(_ x: Tensor, _ context: ForwardContext, slope: Double = 1) -> Tensor {
    if context == .evaluation {
      return batchNorm(
        x, weight: weight.value, bias: bias.value, mean: mean.value, variance: variance.value, epsilon: epsilon,
        slope: slope, layout: .channelsLast)
    }
    let (y, means, variances) = batchNorm(
      x, weight: weight.value, bias: bias.value, epsilon: epsilon, slope: slope, layout: .channelsLast)
    let count = Double(x.count / x.shape[3])
    Tape.withoutRecording {
      mean.set(mean.value * (1 - momentum) + means * momentum)
      variance.set(variance.value * (1 - momentum) + variances * (momentum * count / max(1, count - 1)))
    }
    return y
  }
}
