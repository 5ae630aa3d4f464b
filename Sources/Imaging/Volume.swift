/// Voxels on a grid, in the order of the file: x runs fastest, then y, then z. That is the [Z, Y, X] order that nnU-Net sees.
public struct Volume<Element: Sendable>: Sendable {
  /// The extents [Z, Y, X].
  public let shape: [Int]
  /// The distance between neighbouring voxels along [z, y, x] in mm.
  public let spacing: [Double]
  /// The voxels, of `shape`'s product.
  public var voxels: [Element]
  /// Where the grid lies in the patient; written out byte for byte.
  public let header: NIfTIHeader

  public init(shape: [Int], voxels: [Element], header: NIfTIHeader) {
    precondition(shape.count == 3 && voxels.count == shape.reduce(1, *), "\(voxels.count) voxels of shape \(shape)")
    self.shape = shape
    self.spacing = header.spacing
    self.voxels = voxels
    self.header = header
  }

  /// Other voxels on the same grid as `volume`'s.
  public init<Other>(voxels: [Element], like volume: Volume<Other>) {
    self.init(shape: volume.shape, voxels: voxels, header: volume.header)
  }
}

extension Volume {
  /// The length of the image's diagonal in mm, its voxels' whole extents counted.
  public var diagonal: Double {
    // A two-dimensional image has no extent across its plane.
    zip(shape, spacing).suffix(header.axisCount)
      .reduce(0) { $0 + Double($1.0) * $1.1 * Double($1.0) * $1.1 }.squareRoot()
  }
}

extension Volume: Equatable where Element: Equatable {}
