import Files
import Imaging

/// The grey levels of a picture: the intensities that become black and white.
public struct IntensityWindow: Sendable, Equatable {
  public let black: Float
  public let white: Float

  public init(black: Float, white: Float) {
    self.black = black
    self.white = white
  }

  /// Soft tissue in CT: 400 HU around 40.
  public static let softTissue = IntensityWindow(black: -160, white: 240)

  /// From the 1st to the 99th percentile of the finite voxels: for MR, whose intensities have no unit.
  public static func percentiles(of image: Volume<Float>) -> IntensityWindow {
    let sorted = image.voxels.filter(\.isFinite).sorted()
    guard let first = sorted.first, let last = sorted.last, first < last else {
      return IntensityWindow(black: 0, white: 1)
    }
    let (low, high) = (sorted[sorted.count / 100], sorted[sorted.count - 1 - sorted.count / 100])
    return low < high ? IntensityWindow(black: low, white: high) : IntensityWindow(black: first, white: last)
  }

  func grey(_ value: Float) -> UInt8 {
    guard value.isFinite, white > black else { return 0 }
    return UInt8((min(max((value - black) / (white - black), 0), 1) * 255).rounded())
  }
}

/// A class as pictures name it; its place in the list gives its colour.
public struct PictureLabel: Sendable, Equatable {
  public let value: Int16
  public let name: String

  public init(value: Int16, name: String) {
    self.value = value
    self.name = name
  }
}

/// One slice three times, side by side: the image, the reference over it, and the prediction over it with the
/// reference's outlines. Below stand the names of the classes that occur.
public enum Overlay {
  /// Draws a slice as radiologists see it: of an axial one, the patient's right on the left and the front at the top; of
  /// others, the head at the top.
  /// - Parameters:
  ///   - reference: the label map to compare with; without one there are two panels.
  ///   - slice: counted from 0.
  ///   - axis: across which of the volume's axes [Z, Y, X] it lies.
  ///   - panelWidth: the width of each panel in pixels; the height follows from the spacing.
  /// - Throws: `ReportError` when the volumes' shapes differ or there is no such slice.
  public static func picture(
    image: Volume<Float>, reference: Volume<Int16>?, prediction: Volume<Int16>, slice: Int,
    across axis: Int = 0, labels: [PictureLabel], window: IntensityWindow = .softTissue, title: String = "",
    panelWidth: Int = 360
  ) throws -> PNGImage {
    for (name, shape) in [("reference", reference?.shape), ("prediction", prediction.shape)] {
      if let shape, shape != image.shape { throw ReportError.differentShapes(name, shape, image.shape) }
    }
    guard (0..<image.shape[axis]).contains(slice) else { throw ReportError.noSuchSlice(slice, image.shape[axis]) }

    let plane = SlicePlane(across: axis, upright: image.header.affine)
    let view = SliceView(
      plane, shape: image.shape, spacing: image.spacing, affine: image.header.affine, width: panelWidth)
    let grey = view.grey(plane.slice(slice, of: image), window)
    let predicted = view.labels(plane.slice(slice, of: prediction))
    let expected = reference.map { view.labels(plane.slice(slice, of: $0)) }

    let occurring = labels.enumerated().filter { _, label in
      label.value != 0 && (predicted.contains(label.value) || expected?.contains(label.value) == true)
    }
    let legend = Legend(
      entries: occurring.map { ($0.element.name, .distinct($0.offset)) },
      width: (expected == nil ? 2 : 3) * (view.width + gap) - gap)
    var colours: [Int16: Colour] = [:]
    for (index, label) in labels.enumerated() where label.value != 0 { colours[label.value] = .distinct(index) }

    let top = title.isEmpty ? 8 : 36
    var canvas = Canvas(
      width: legend.width + 2 * margin, height: top + 28 + view.height + 12 + legend.height + margin)
    canvas.text(title, x: margin, y: 10)
    var left = margin
    func panel(_ name: String, fill: [Int16]?, outline: [Int16]?) {
      canvas.text(name, x: left, y: top)
      for y in 0..<view.height {
        for x in 0..<view.width {
          let (index, column, row) = (y * view.width + x, left + x, top + 28 + y)
          canvas.blend(column, row, .grey(grey[index]))
          if let fill, let colour = colours[fill[index]] { canvas.blend(column, row, colour, opacity: 0.45) }
          if let outline, let colour = colours[outline[index]], view.isEdge(outline, x, y) {
            canvas.blend(column, row, colour)
          }
        }
      }
      left += view.width + gap
    }
    panel("image", fill: nil, outline: nil)
    if let expected { panel("reference", fill: expected, outline: expected) }
    let caption = "prediction (reference lines)"
    let isCaptionExact = expected != nil && Canvas.width(of: caption) <= view.width
    panel(isCaptionExact ? caption : "prediction", fill: predicted, outline: expected ?? predicted)
    legend.draw(on: &canvas, x: margin, y: top + 28 + view.height + 12)
    return canvas.picture
  }

  /// The slice that shows most: the most classes, and among those the most labelled voxels; the first of equals.
  public static func fullestSlice(of labels: Volume<Int16>, across axis: Int = 0) -> Int {
    let plane = SlicePlane(across: axis)
    var best = (slice: 0, classes: -1, voxels: -1)
    for slice in 0..<labels.shape[axis] {
      let foreground = plane.slice(slice, of: labels).filter { $0 != 0 }
      let found = (classes: Set(foreground).count, voxels: foreground.count)
      if found > (best.classes, best.voxels) { best = (slice, found.classes, found.voxels) }
    }
    return best.slice
  }

  private static let margin = 12
  private static let gap = 10
}

/// How a slice becomes a panel of square pixels.
private struct SliceView {
  let width: Int
  let height: Int
  private let rows: Int
  private let columns: Int
  private let flipsRows: Bool
  private let flipsColumns: Bool

  init(_ plane: SlicePlane, shape: [Int], spacing: [Double], affine: [[Double]], width: Int) {
    (rows, columns) = (shape[plane.rowAxis], shape[plane.columnAxis])
    self.width = min(max(width, 64), 2048)
    let aspect = Double(rows) * spacing[plane.rowAxis] / (Double(columns) * spacing[plane.columnAxis])
    height = Int(min(max(Double(self.width) * aspect, 16), 4096).rounded())
    // NIfTI's axes run to the patient's right, front and head; on the picture those are left or up.
    let patient = PatientAxes(affine: affine).voxelAxes
    func runsForwards(_ axis: Int) -> Bool { affine[patient.firstIndex(of: 2 - axis)!][2 - axis] > 0 }
    flipsColumns = runsForwards(plane.columnAxis)
    flipsRows = runsForwards(plane.rowAxis)
  }

  /// A panel pixel's place in the slice, in voxels; a voxel's centre is at its index.
  private func place(_ x: Int, _ y: Int) -> (row: Double, column: Double) {
    let row = (Double(y) + 0.5) / Double(height) * Double(rows) - 0.5
    let column = (Double(x) + 0.5) / Double(width) * Double(columns) - 0.5
    return (flipsRows ? Double(rows - 1) - row : row, flipsColumns ? Double(columns - 1) - column : column)
  }

  func grey(_ slice: [Float], _ window: IntensityWindow) -> [UInt8] {
    func voxel(_ row: Int, _ column: Int) -> Double {
      Double(window.grey(slice[min(max(row, 0), rows - 1) * columns + min(max(column, 0), columns - 1)]))
    }
    var result = [UInt8](repeating: 0, count: width * height)
    for y in 0..<height {
      for x in 0..<width {
        let (row, column) = place(x, y)
        let (top, left) = (row.rounded(.down), column.rounded(.down))
        let (down, right) = (row - top, column - left)
        let (r, c) = (Int(top), Int(left))
        let upper = voxel(r, c) * (1 - right) + voxel(r, c + 1) * right
        let lower = voxel(r + 1, c) * (1 - right) + voxel(r + 1, c + 1) * right
        result[y * width + x] = UInt8((upper * (1 - down) + lower * down).rounded())
      }
    }
    return result
  }

  func labels(_ slice: [Int16]) -> [Int16] {
    var result = [Int16](repeating: 0, count: width * height)
    for y in 0..<height {
      for x in 0..<width {
        let (row, column) = place(x, y)
        let (r, c) = (Int(row.rounded()), Int(column.rounded()))
        result[y * width + x] = slice[min(max(r, 0), rows - 1) * columns + min(max(c, 0), columns - 1)]
      }
    }
    return result
  }

  /// Whether a pixel of a class touches a pixel of another.
  func isEdge(_ labels: [Int16], _ x: Int, _ y: Int) -> Bool {
    let label = labels[y * width + x]
    for (dx, dy) in [(-1, 0), (1, 0), (0, -1), (0, 1)] {
      let (nx, ny) = (x + dx, y + dy)
      if nx >= 0, ny >= 0, nx < width, ny < height, labels[ny * width + nx] != label { return true }
    }
    return false
  }
}

/// Colours with their names, in as many columns as fit.
private struct Legend {
  let entries: [(name: String, colour: Colour)]
  let width: Int
  private let columns: Int
  private static let lineHeight = 24

  init(entries: [(name: String, colour: Colour)], width: Int) {
    self.entries = entries
    self.width = width
    let widest = (entries.map { Canvas.width(of: $0.name) }.max() ?? 0) + 48
    columns = max(1, width / widest)
  }

  var height: Int { (entries.count + columns - 1) / columns * Self.lineHeight }

  func draw(on canvas: inout Canvas, x: Int, y: Int) {
    for (index, entry) in entries.enumerated() {
      let left = x + index % columns * (width / columns)
      let top = y + index / columns * Self.lineHeight
      canvas.fill(x: left, y: top, width: 16, height: 16, entry.colour)
      canvas.text(entry.name, x: left + 24, y: top + 1)
    }
  }
}
