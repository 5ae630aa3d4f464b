import Tensors

/// Patch tokens as an image of tokens, brought to another number of rows and columns.
package enum TokenGrid {
  /// Tokens `[N, rows · columns, width]` resampled as PyTorch's `interpolate(mode="bicubic", antialias=False)`: how DINOv3
  /// brings a Gram teacher's features to the student's grid. Not differentiable.
  package static func resized(
    _ tokens: Tensor, from grid: (rows: Int, columns: Int), to target: (rows: Int, columns: Int)
  )
    -> Tensor
  {
    let (count, width) = (tokens.shape[0], tokens.shape[2])
    precondition(tokens.shape[1] == grid.rows * grid.columns, "\(tokens.shape) on a grid of \(grid)")
    if grid == target { return tokens.detached }
    return Tape.withoutRecording {
      tokens.detached.reshaped([count, grid.rows, grid.columns, width])
        .resized(height: target.rows, width: target.columns, .bicubic, layout: .channelsLast)
        .reshaped([count, target.rows * target.columns, width])
    }
  }
}
