import Tensors

/// What one step of training or validation sees.
public struct Batch: Sendable {
  /// float32 `[N, C, H, W]`
  public let images: Tensor
  /// int32 `[N, H, W]`
  public let labels: Tensor

  public init(images: Tensor, labels: Tensor) {
    self.images = images
    self.labels = labels
  }
}
