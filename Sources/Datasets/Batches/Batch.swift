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

  /// The same on another device.
  public func moved(to device: Device) -> Batch {
    Batch(images: images.moved(to: device), labels: labels.moved(to: device))
  }
}
