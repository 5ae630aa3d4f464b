import Tensors

/// Normalises every channel of `[N, C, H, W]` over the batch in training, and by the running statistics of training in
/// evaluation (Ioffe and Szegedy 2015), with PyTorch's momentum of 0.1 and its unbiased running variance.
struct BatchNormalization {
  /// `[channels]`, all four; the statistics are kept with the parameters but not trained.
  let weight: Parameter
  let bias: Parameter
  let mean: Parameter
  let variance: Parameter
  private let epsilon = 1e-5
  private let momentum = 0.1

  init(_ name: String, channels: Int, _ initializer: Initializer) {
    weight = initializer.constant("\(name).weight", [channels], 1)
    bias = initializer.constant("\(name).bias", [channels], 0)
    mean = initializer.constant("\(name).mean", [channels], 0)
    variance = initializer.constant("\(name).variance", [channels], 1)
    mean.isTrainable = false
    variance.isTrainable = false
  }

  var parameters: [Parameter] { [weight, bias, mean, variance] }

  func callAsFunction(_ x: Tensor, _ context: ForwardContext) -> Tensor {
    let channel = [1, x.shape[1], 1, 1]
    func spread(_ parameter: Parameter) -> Tensor { parameter.value.reshaped(channel) }
    if context == .evaluation {
      let factor = spread(weight) / (spread(variance) + epsilon).activated(.squareRoot)
      return x * factor + (spread(bias) - spread(mean) * factor)
    }
    let rows = x.permuted([1, 0, 2, 3])
    let flat = rows.reshaped([x.shape[1], x.count / x.shape[1]])
    Tape.withoutRecording { update(with: flat.detached) }
    let normal = normalizedRows(flat, epsilon: epsilon).reshaped(rows.shape).permuted([1, 0, 2, 3])
    return normal * spread(weight) + spread(bias)
  }

  /// Moves the running statistics towards those of the channels' values `[C, ·]`.
  private func update(with rows: Tensor) {
    let means = rows.mean(axes: [1], keep: true)
    let deviations = rows - means
    let count = Double(rows.shape[1])
    let variances = (deviations * deviations).sum(axes: [1]) / max(1, count - 1)
    mean.set(mean.value * (1 - momentum) + means.reshaped(mean.shape) * momentum)
    variance.set(variance.value * (1 - momentum) + variances * momentum)
  }
}

/// (x - mean) / √(variance + ε) of every row.
func normalizedRows(_ x: Tensor, epsilon: Double) -> Tensor {
  layerNorm(
    x, weight: Tensor(repeating: 1, shape: [x.shape[1]], x.elementType),
    bias: Tensor(zeros: [x.shape[1]], x.elementType),
    epsilon: epsilon)
}
