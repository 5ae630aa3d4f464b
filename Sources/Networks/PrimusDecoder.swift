import Tensors

/// The decoder of Primus (Wald et al. 2025) in two dimensions, as MedDINOv3 has it: log2(patch) steps that each double the
/// resolution and halve the width, then a linear map of every pixel to the classes.
///
/// A step is a 2 x 2 transposed convolution of stride 2, LayerNorm over the channels (ε = 1e-6) and GELU. The image stays
/// `[N, H, W, C]` until the logits.
struct PrimusDecoder: Module {
  private struct Step: Module {
    let upsample: TransposedConvolutionBlock
    let norm: LayerNorm
  }
  private let steps: [Step]
  /// `[classes, width]`: PyTorch's 1 x 1 convolution.
  private let headWeight: Parameter
  private let headBias: Parameter

  /// - Parameter width: the channels of the tokens that come in, divisible by the patch size.
  init(_ name: String, width: Int, patch: Int, classes: Int, _ initializer: Initializer) {
    precondition(patch >= 2 && patch & (patch - 1) == 0, "a patch size of \(patch) is not a power of two")
    precondition(width >= patch, "a width of \(width) cannot be halved for a patch size of \(patch)")
    var width = width
    steps = (0..<patch.trailingZeroBitCount).map { index in
      let (inputs, outputs) = (width, width / 2)
      width = outputs
      return Step(
        upsample: TransposedConvolutionBlock(
          "\(name).steps.\(index).upsample", inputs: inputs, outputs: outputs, initializer),
        norm: LayerNorm("\(name).steps.\(index).norm", width: outputs, epsilon: 1e-6, initializer))
    }
    headWeight = initializer.he("\(name).head.weight", [classes, width], fanIn: width, slope: 0.01)
    headBias = initializer.bias("\(name).head.bias", [classes])
  }

  /// tokens `[N, rows, columns, width]` → logits `[N, classes, rows · patch, columns · patch]`
  func callAsFunction(_ tokens: Tensor) -> Tensor {
    let half = steps.count / 2
    let coarse = enlarged(tokens, by: steps[..<half])
    let logits = Tape.isRecording ? finished(coarse, from: half) : finishedInBands(coarse, from: half)
    return logits.permuted([0, 3, 1, 2])
  }

  private func enlarged(_ x: Tensor, by steps: ArraySlice<Step>) -> Tensor {
    steps.reduce(x) { x, step in
      Tape.recomputable {
        step.norm(step.upsample(x), gelu: true)
      }
    }
  }

  /// The steps from `first` on and the classes: `[N, H, W, C]` → `[N, ·, ·, classes]`.
  private func finished(_ x: Tensor, from first: Int) -> Tensor {
    linear(enlarged(x, by: steps[first...]), weight: headWeight.value, bias: headBias.value)
  }

  /// The same bits, as many rows of an image at a time as the device needs: no token sees another, and where nothing is kept for
  /// the backward pass, a band's pixels are used while they lie in the cache and their memory serves the next band.
  private func finishedInBands(_ x: Tensor, from first: Int) -> Tensor {
    let (count, rows) = (x.shape[0], x.shape[1])
    // Every step has four pixels for one, of half the channels.
    let finest = x.shape[2] * x.shape[3] << (steps.count - first)
    let height = x.device.backend.cachedElements.map { max(1, $0 / finest) } ?? .max
    if count * rows <= height { return finished(x, from: first) }
    let images = (0..<count).map { item in
      let image = x.sliced(axis: 0, item..<(item + 1))
      return concatenate(
        stride(from: 0, to: rows, by: height).map { row in
          finished(image.sliced(axis: 1, row..<min(rows, row + height)), from: first)
        }, axis: 1)
    }
    return images.count == 1 ? images[0] : concatenate(images, axis: 0)
  }
}
