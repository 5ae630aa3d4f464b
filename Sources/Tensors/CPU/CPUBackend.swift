/// Computes on the processor's cores, by the loops of `Kernels`.
///
/// Results depend neither on the processor, nor on its instruction set, nor on the number of threads.
package final class CPUBackend: Backend {
  package let name = "cpu"

  init() {}

  package let cachedElements: Int? = 1 << 21

  package func forward(_ operation: Operation, _ inputs: [Tensor], willDifferentiate: Bool) -> ForwardResult {
    let x = inputs[0]
    switch operation {
    case .add: return ForwardResult([binary(.add, x, inputs[1])])
    case .subtract: return ForwardResult([binary(.subtract, x, inputs[1])])
    case .multiply: return ForwardResult([binary(.multiply, x, inputs[1])])
    case .divide: return ForwardResult([binary(.divide, x, inputs[1])])
    case .affine(let scale, let shift): return ForwardResult([affine(x, scale: scale, shift: shift)])
    case .activation(let activation): return ForwardResult([activate(x, activation)])
    case .residual(let hasScale, let hasKeep):
      return ForwardResult([residual(inputs, hasScale: hasScale, hasKeep: hasKeep)])
    case .matrixProduct(let transposeA, let transposeB):
      return ForwardResult([product(x, inputs[1], transposeA, transposeB)])
    case .linear(let hasBias, let gelu):
      let bias = hasBias ? inputs[2] : nil
      return gelu
        ? linearGelu(x, inputs[1], bias, save: willDifferentiate) : ForwardResult([linear(x, inputs[1], bias)])
    case .convolution(let attributes, let hasBias):
      return ForwardResult([convolve(x, inputs[1], hasBias ? inputs[2] : nil, attributes)])
    case .transposedConvolution(let attributes, let hasBias):
      return ForwardResult([convolveTransposed(x, inputs[1], hasBias ? inputs[2] : nil, attributes)])
    case .layerNorm(let epsilon, let gelu): return layerNorm(inputs, epsilon, gelu, save: willDifferentiate)
    case .groupNorm(let groups, let epsilon, let slope, let layout):
      return channelNorm(inputs, .groups(groups), epsilon, slope: slope, layout)
    case .batchNorm(let epsilon, let slope, let layout):
      return channelNorm(inputs, .batch, epsilon, slope: slope, layout)
    case .fixedNorm(let epsilon, let slope, let layout): return fixedNorm(inputs, epsilon, slope: slope, layout)
    case .normalize(let epsilon): return normalize(x, epsilon)
    case .softmax: return ForwardResult([softmax(x, logarithm: false)])
    case .logSoftmax: return ForwardResult([softmax(x, logarithm: true)])
    case .attention(let scale): return attention(inputs, scale, save: willDifferentiate)
    case .rotary(let prefix): return ForwardResult([rotary(x, inputs[1], inputs[2], prefix, backward: false)])
    case .deformableAttention(let maps): return ForwardResult([deformableAttention(inputs, maps)])
    case .reshape(let shape): return ForwardResult([reshape(x, shape)])
    case .permute(let axes): return ForwardResult([permute(x, axes)])
    case .concatenate(let axis): return ForwardResult([concatenate(inputs, axis)])
    case .slice(let axis, let start, let count): return ForwardResult([slice(x, axis, start, count)])
    case .resize(let height, let width, let mode, let layout):
      return ForwardResult([resize(x, height, width, mode, layout)])
    case .maxPool(let attributes): return maxPool(x, attributes)
    case .gather: return ForwardResult([gather(x, inputs[1])])
    case .sum(let axes, let keep): return ForwardResult([sum(x, axes, keep: keep)])
    case .crossEntropy: return crossEntropy(x, inputs[1])
    case .softDice(let overBatch, let includeBackground, let smooth):
      return softDice(x, inputs[1], overBatch, includeBackground, smooth)
    case .regionCrossEntropy(let regions, let perPixel): return regionCrossEntropy(x, inputs[1], regions, perPixel)
    case .regionDice(let regions, let overBatch, let smooth):
      return regionDice(x, inputs[1], regions, overBatch, smooth)
    }
  }

  package func backward(
    _ operation: Operation, inputs: [Tensor], outputs: [Tensor], saved: [Tensor], outputGradients: [Tensor?],
    needed: [Bool]
  ) -> [Tensor?] {
    let x = inputs[0]
    let y = outputs[0]
    guard let g = outputGradients[0] else { return inputs.map { _ in nil } }
    switch operation {
    case .add, .subtract, .multiply, .divide: return binaryBackward(operation, x, inputs[1], y, g, needed)
    case .affine(let scale, _): return [scale == 1 ? g : affine(g, scale: scale, shift: 0)]
    case .activation(let activation): return [activateBackward(x, y, g, activation)]
    case .residual(let hasScale, let hasKeep):
      return residualBackward(inputs, g, hasScale: hasScale, hasKeep: hasKeep, needed)
    case .matrixProduct(let transposeA, let transposeB):
      return productBackward(x, inputs[1], g, transposeA, transposeB, needed)
    case .linear(_, let gelu):
      return linearBackward(inputs, gelu ? activateBackward(saved[0], y, g, .gelu) : g, needed)
    case .convolution(let attributes, _): return convolveBackward(inputs, g, attributes, needed)
    case .transposedConvolution(let attributes, _): return convolveTransposedBackward(inputs, g, attributes, needed)
    case .layerNorm(_, let gelu): return layerNormBackward(inputs, saved, g, gelu, needed)
    case .groupNorm(let groups, _, let slope, let layout):
      return channelNormBackward(inputs, saved, g, .groups(groups), slope: slope, layout, needed)
    case .batchNorm(_, let slope, let layout):
      return channelNormBackward(inputs, saved, g, .batch, slope: slope, layout, needed)
    case .fixedNorm(_, let slope, let layout):
      return channelNormBackward(inputs, saved, g, nil, slope: slope, layout, needed)
    case .normalize: return [normalizeBackward(y, saved[0], g)]
    case .softmax: return [softmaxBackward(y, g, logarithm: false)]
    case .logSoftmax: return [softmaxBackward(y, g, logarithm: true)]
    case .attention(let scale): return attentionBackward(inputs, y, saved, g, scale)
    case .rotary(let prefix):
      precondition(!needed[1] && !needed[2], "the rotary tables are constants")
      return [rotary(g, inputs[1], inputs[2], prefix, backward: true), nil, nil]
    case .deformableAttention(let maps): return deformableAttentionBackward(inputs, g, maps)
    case .reshape: return [reshape(g, x.shape)]
    case .permute(let axes): return [permuteBackward(g, axes)]
    case .concatenate(let axis): return concatenateBackward(inputs, g, axis, needed)
    case .slice(let axis, let start, let count): return [sliceBackward(x.shape, g, axis, start, count)]
    case .resize(let height, let width, let mode, let layout):
      return [resizeBackward(x.shape, g, height, width, mode, layout)]
    case .maxPool(let attributes): return [maxPoolBackward(x, saved[0], g, attributes)]
    case .gather: return [gatherBackward(x.shape, g, inputs[1]), nil]
    case .sum(let axes, _): return [sumBackward(x.shape, g, axes)]
    case .crossEntropy: return [crossEntropyBackward(x, inputs[1], saved, g), nil]
    case .softDice(let overBatch, let includeBackground, let smooth):
      return [softDiceBackward(x, inputs[1], saved, g, overBatch, includeBackground, smooth), nil]
    case .regionCrossEntropy(let regions, _): return [regionCrossEntropyBackward(x, inputs[1], regions, saved, g), nil]
    case .regionDice(let regions, let overBatch, let smooth):
      return [regionDiceBackward(x, inputs[1], regions, saved, g, overBatch, smooth), nil]
    }
  }
}
