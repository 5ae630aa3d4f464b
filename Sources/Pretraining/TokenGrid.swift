import Tensors

/// Patch tokens as an image of tokens, brought to another number of rows and columns.
package enum TokenGrid {
  /// Tokens `[N, rows · columns, width]` resampled by cubic convolution (a = -0.75, pixel centres at half-integers, edges
  /// repeated), as PyTorch's `interpolate(mode="bicubic", antialias=False)`: how DINOv3 brings a Gram teacher's features to
  /// the student's grid. Not differentiable.
  package static func resized(
    _ tokens: Tensor, from grid: (rows: Int, columns: Int), to target: (rows: Int, columns: Int)
  )
    -> Tensor
  {
    let (count, width) = (tokens.shape[0], tokens.shape[2])
    precondition(tokens.shape[1] == grid.rows * grid.columns, "\(tokens.shape) on a grid of \(grid)")
    if grid == target { return tokens.detached }
    return Tape.withoutRecording {
      // Each axis in its turn comes last, where a matrix of weights is a linear layer.
      let down = linear(
        tokens.detached.reshaped([count, grid.rows, grid.columns, width]).permuted([0, 3, 2, 1]),
        weight: weights(inputs: grid.rows, outputs: target.rows))
      let across = linear(down.permuted([0, 1, 3, 2]), weight: weights(inputs: grid.columns, outputs: target.columns))
      return across.permuted([0, 2, 3, 1]).reshaped([count, target.rows * target.columns, width])
    }
  }

  /// The weight of each input in each output: `[outputs, inputs]`.
  private static func weights(inputs: Int, outputs: Int) -> Tensor {
    let a = -0.75
    func near(_ x: Double) -> Double { ((a + 2) * x - (a + 3)) * x * x + 1 }
    func far(_ x: Double) -> Double { ((a * x - 5 * a) * x + 8 * a) * x - 4 * a }
    return Tensor(shape: [outputs, inputs], of: Float.self) { values in
      for output in 0..<outputs {
        let position = (Double(output) + 0.5) * Double(inputs) / Double(outputs) - 0.5
        let first = position.rounded(.down)
        let part = position - first
        for (offset, weight) in [(-1, far(1 + part)), (0, near(part)), (1, near(1 - part)), (2, far(2 - part))] {
          let input = min(max(Int(first) + offset, 0), inputs - 1)
          values[output * inputs + input] += Float(weight)
        }
      }
    }
  }
}
