/// A block of a device's memory that tensors share.
package final class Storage: @unchecked Sendable {
  package let device: Device
  package let byteCount: Int
  /// The device's own name for the block: an address on the CPU, on others whatever the backend likes.
  package let handle: UnsafeMutableRawPointer

  /// Takes a block of at least `byteCount` bytes, its content undefined.
  package init(byteCount: Int, on device: Device) {
    self.device = device
    self.byteCount = byteCount
    handle = device.backend.allocate(byteCount: byteCount)
  }

  /// Takes over a block that the device's backend has allocated, for instance inside an operation.
  package init(adopting handle: UnsafeMutableRawPointer, byteCount: Int, on device: Device) {
    self.device = device
    self.byteCount = byteCount
    self.handle = handle
  }

  deinit { device.backend.free(handle, byteCount: byteCount) }

  /// Nothing; where a tensor without elements points.
  static func empty(on device: Device) -> Storage { device == .cpu ? emptyOnCPU : Storage(byteCount: 0, on: device) }

  private static let emptyOnCPU = Storage(byteCount: 0, on: .cpu)
}
