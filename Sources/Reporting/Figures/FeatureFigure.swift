import Experiments
import Files
import Foundation
import Imaging
import Recipes
import Tensors

/// A figure of patch features: which image through which weights, and what of them is shown.
public struct FeatureFigure {
  /// Weights and what the figure calls them.
  public struct Weights: Sendable {
    public let name: String
    public let url: URL

    public init(name: String, url: URL) {
      self.name = name
      self.url = url
    }
  }

  public var title: String
  public var kind: StudyFigure.Kind
  public var image: URL
  /// What the caption calls the image.
  public var imageName: String
  /// A volume's slice, counted from 0; its middle one when nil.
  public var slice: Int?
  /// Across which axis [Z, Y, X] the volume is cut; that of its greatest spacing when nil.
  public var axis: Int?
  /// In the order they are shown; figures of other kinds than `evolution` show the first alone.
  public var weights: [Weights]
  /// Pixels along the image's side; kinds other than `components` show the first alone.
  public var sizes: [Int]
  /// A pixel of the image, x to the right and y down; nil: three patches of the foreground, or one for `evolution`.
  public var mark: (x: Int, y: Int)?
  public var notes: [String]
  /// Who reads weights that are HDF5.
  public var hdf5Weights = HDF5WeightReader.none

  public init(
    title: String, kind: StudyFigure.Kind, image: URL, imageName: String, slice: Int? = nil, axis: Int? = nil,
    weights: [Weights], sizes: [Int], mark: (x: Int, y: Int)? = nil, notes: [String] = []
  ) {
    precondition(!weights.isEmpty && !sizes.isEmpty, "a figure of something")
    self.title = title
    self.kind = kind
    self.image = image
    self.imageName = imageName
    self.slice = slice
    self.axis = axis
    self.weights = weights
    self.sizes = sizes
    self.mark = mark
    self.notes = notes
  }

  /// The picture and its caption in Markdown.
  /// - Throws: `FigureError`, and what reading weights and images throws.
  public func draw() throws -> (picture: PNGImage, caption: String) {
    switch kind {
    case .components: try components()
    case .similarity: try similarity()
    case .evolution: try evolution()
    }
  }

  // MARK: - Kinds

  private func components() throws -> (PNGImage, String) {
    let encoder = try FeatureExtraction(weights: weights[0].url, hdf5: hdf5Weights)
    var panels = FigurePanels()
    var row: [FigurePanels.Panel] = []
    var maps: [(features: Tensor, foreground: PatchGrid<Bool>)] = []
    for size in sizes {
      let (image, features) = try features(encoder, size, of: weights[0].url.path)
      let foreground = FeatureMaps.foreground(image, patch: encoder.patch)
      guard foreground.values.filter({ $0 }).count >= 4 else {
        throw FigureError.nothingToSee(image: self.image.path, size: size)
      }
      maps.append((features, foreground))
      if row.isEmpty { row.append(panel("image", image, side: panels.side)) }
    }
    let (colours, shares) = FeatureMaps.components(maps)
    for (size, colour) in zip(sizes, colours) {
      row.append(.init(title: "\(size) x \(size)", pixels: colour))
    }
    panels.append(row)
    let parts = shares.map { String(format: "%.1f %%", 100 * $0) }.joined(separator: ", ")
    return (
      panels.picture,
      caption(
        "The first three principal components of the last block's patch features as red, green and blue, at "
          + "\(sizes.map { "\($0) x \($0)" }.joined(separator: ", ")) pixels and patches of \(encoder.patch). The components "
          + "are those of the foreground patches of all panels together and hold \(parts) of their variance; a colour means "
          + "the same in each panel. Patches whose mean intensity lies below Otsu's threshold are black.")
    )
  }

  private func similarity() throws -> (PNGImage, String) {
    let encoder = try FeatureExtraction(weights: weights[0].url, hdf5: hdf5Weights)
    let (image, features) = try features(encoder, sizes[0], of: weights[0].url.path)
    var panels = FigurePanels()
    var words: [String] = []
    var rows: [[FigurePanels.Panel]] = []
    for patch in try marks(image, encoder.patch, count: 3) {
      let map = FeatureMaps.similarity(features, to: patch)
      let (low, mean) = (map.values.min()!, map.values.reduce(0, +) / Double(map.values.count))
      let mark = place(patch, map)
      rows.append([
        panel("image", image, side: panels.side, mark: mark),
        .init(title: "cosine similarity", pixels: FigurePanels.coloured(map, from: low, to: 1), mark: mark),
      ])
      words.append(
        "the patch at column \(patch.column), row \(patch.row): \(number(low)) (darkest) to 1, mean \(number(mean))")
    }
    for row in rows { panels.append(row) }
    return (
      panels.picture,
      caption(
        "The cosine similarity between the last block's feature of the patch marked red and those of all "
          + "\(features.shape[0]) x \(features.shape[1]) patches, at \(sizes[0]) x \(sizes[0]) pixels. Each map has colours "
          + "of its own range: \(words.joined(separator: "; ")).")
    )
  }

  private func evolution() throws -> (PNGImage, String) {
    var panels = FigurePanels(side: 288)
    var row: [FigurePanels.Panel] = []
    var marked: (row: Int, column: Int)?
    var maps: [(name: String, map: PatchGrid<Double>)] = []
    for weights in weights {
      let encoder = try FeatureExtraction(weights: weights.url, hdf5: hdf5Weights)
      let (image, features) = try features(encoder, sizes[0], of: weights.url.path)
      let patch = try marked ?? marks(image, encoder.patch, count: 1)[0]
      guard patch.row < features.shape[0], patch.column < features.shape[1] else {
        throw FigureError.otherPatches(weights.url.path)
      }
      marked = patch
      let map = FeatureMaps.similarity(features, to: patch)
      if row.isEmpty { row.append(panel("image", image, side: panels.side, mark: place(patch, map))) }
      maps.append((weights.name, map))
    }
    // One range of colours, so that panels can be compared.
    let low = maps.map { $0.map.values.min()! }.min()!
    row += maps.map { name, map in
      .init(title: name, pixels: FigurePanels.coloured(map, from: low, to: 1), mark: place(marked!, map))
    }
    let perRow = 3
    for first in stride(from: 0, to: row.count, by: perRow) {
      panels.append(Array(row[first..<min(first + perRow, row.count)]))
    }
    let means = maps.map { name, map in
      "\(name): \(number(map.values.reduce(0, +) / Double(map.values.count)))"
    }
    return (
      panels.picture,
      caption(
        "The cosine similarity between the last block's feature of the patch marked red (column \(marked!.column), row "
          + "\(marked!.row)) and those of all patches, at \(sizes[0]) x \(sizes[0]) pixels, in the course of the pretraining. "
          + "Colours run from \(number(low)) to 1 in every panel. Means over the patches: \(means.joined(separator: "; "))."
      )
    )
  }

  // MARK: - Steps of the above

  private func features(_ encoder: FeatureExtraction, _ size: Int, of weights: String) throws -> (
    image: Tensor, features: Tensor
  ) {
    let image = try EncoderImage.read(image, slice: slice, across: axis, size: size, patch: encoder.patch)
    let channels = encoder.encoder.configuration.channels
    guard image.shape[1] == 1 || image.shape[1] == channels else {
      throw EncoderImageError.wrongChannels(image.shape[1], path: self.image.path, expected: channels)
    }
    let features = encoder.features(of: image)[0].features
    for (what, values) in [(self.image.path, image), (weights, features)]
    where !values.values(as: Float.self).allSatisfy(\.isFinite) {
      throw FigureError.notFinite(what)
    }
    return (image, features)
  }

  private func panel(_ title: String, _ image: Tensor, side: Int, mark: (x: Double, y: Double)? = nil)
    -> FigurePanels.Panel
  {
    .init(title: title, pixels: FigurePanels.grey(image, side: side), mark: mark)
  }

  private func place(_ patch: (row: Int, column: Int), _ grid: PatchGrid<Double>) -> (x: Double, y: Double) {
    ((Double(patch.column) + 0.5) / Double(grid.columns), (Double(patch.row) + 0.5) / Double(grid.rows))
  }

  /// The patch that holds the marked pixel, or foreground patches spread over the foreground's box.
  private func marks(_ image: Tensor, _ patch: Int, count: Int) throws -> [(row: Int, column: Int)] {
    let foreground = FeatureMaps.foreground(image, patch: patch)
    if let mark {
      let (height, width) = try extents(of: self.image)
      guard (0..<width).contains(mark.x), (0..<height).contains(mark.y) else {
        throw FigureError.noPixel(mark.x, mark.y, path: self.image.path, width: width, height: height)
      }
      return [(mark.y * foreground.rows / height, mark.x * foreground.columns / width)]
    }
    let places = foreground.values.indices.filter { foreground.values[$0] }.map {
      (row: $0 / foreground.columns, column: $0 % foreground.columns)
    }
    guard !places.isEmpty else { throw FigureError.nothingToSee(image: self.image.path, size: image.shape[2]) }
    let (rows, columns) = (places.map(\.row), places.map(\.column))
    let wanted = [(0.45, 0.3), (0.6, 0.5), (0.45, 0.7)].prefix(count).map { down, across in
      (
        row: Double(rows.min()!) + down * Double(rows.max()! - rows.min()!),
        column: Double(columns.min()!) + across * Double(columns.max()! - columns.min()!)
      )
    }
    return wanted.map { wanted in
      func distance(_ place: (row: Int, column: Int)) -> Double {
        let (dy, dx) = (Double(place.row) - wanted.row, Double(place.column) - wanted.column)
        return dy * dy + dx * dx
      }
      return places.min { distance($0) < distance($1) }!
    }
  }

  /// The pixels of a picture or of a volume's slices.
  private func extents(of image: URL) throws -> (height: Int, width: Int) {
    if image.pathExtension.lowercased() == "png" {
      let picture = try PNGImage.read(image)
      return (picture.height, picture.width)
    }
    let header = try NIfTI.readHeader(image)
    let plane = SlicePlane(across: axis ?? SlicePlane.axis(ofGreatest: header.spacing))
    return (header.shape[plane.rowAxis], header.shape[plane.columnAxis])
  }

  private func number(_ value: Double) -> String { String(format: "%.2f", value) }

  private func caption(_ text: String) -> String {
    let sliceText = slice.map { ", slice \($0)" } ?? ""
    let shown = (kind == .evolution ? weights : [weights[0]]).map(\.name).joined(separator: ", ")
    let lines = ["# \(title)", text, "Image: \(imageName)\(sliceText). Weights: \(shown)."] + notes
    return lines.joined(separator: "\n\n") + "\n"
  }
}

/// What can be wrong with a figure that was asked for.
public enum FigureError: InputError, Equatable {
  case nothingToSee(image: String, size: Int)
  case noPixel(Int, Int, path: String, width: Int, height: Int)
  case otherPatches(String)
  case noCase(Int, String, count: Int)
  /// An image with voxels, or weights that make features, that are infinite or not numbers.
  case notFinite(String)

  public var description: String {
    switch self {
    case .nothingToSee(let image, let size):
      "\(image) at \(size) x \(size) pixels has fewer than four patches that are brighter than the rest: name another image or slice"
    case .noPixel(let x, let y, let path, let width, let height):
      "\(path) has no pixel \(x),\(y): it has \(width) x \(height) pixels"
    case .otherPatches(let path):
      "\(path) holds a vision transformer with larger patches than the weights before it, whose patch was marked"
    case .notFinite(let path): "\(path) holds or makes numbers that are not finite, of which no figure can be drawn"
    case .noCase(let index, let dataset, let count):
      "\(dataset) has no case \(index): it has \(count), counted from 0"
    }
  }
}
