import Files
import Tensors

/// Square pictures in rows, each with a line of text above it.
struct FigurePanels {
  struct Panel {
    let title: String
    let pixels: PatchGrid<Colour>
    /// A place to mark, in parts of the panel's width and height.
    var mark: (x: Double, y: Double)?
  }

  /// Pixels along a panel's side.
  let side: Int
  private(set) var rows: [[Panel]] = []

  init(side: Int = 384) { self.side = side }

  mutating func append(_ row: [Panel]) { rows.append(row) }

  var picture: PNGImage {
    let (gap, header) = (12, 28)
    let columns = max(rows.map(\.count).max() ?? 0, 1)
    var canvas = Canvas(
      width: gap + columns * (side + gap), height: gap + max(rows.count, 1) * (side + header + gap))
    for (row, panels) in rows.enumerated() {
      for (column, panel) in panels.enumerated() {
        let (left, top) = (gap + column * (side + gap), gap + row * (side + header + gap))
        canvas.text(panel.title, x: left, y: top + 4)
        draw(panel, on: &canvas, left: left, top: top + header)
      }
    }
    return canvas.picture
  }

  private func draw(_ panel: Panel, on canvas: inout Canvas, left: Int, top: Int) {
    let grid = panel.pixels
    for y in 0..<side {
      for x in 0..<side {
        canvas.blend(left + x, top + y, grid[y * grid.rows / side, x * grid.columns / side])
      }
    }
    guard let mark = panel.mark else { return }
    let (x, y) = (left + Int(mark.x * Double(side)), top + Int(mark.y * Double(side)))
    for dy in -7...7 {
      for dx in -7...7 where dx * dx + dy * dy <= 49 {
        canvas.blend(x + dx, y + dy, dx * dx + dy * dy <= 25 ? Colour(230, 20, 20) : .white)
      }
    }
  }

  /// An image `[1, C, H, W]` in grey, from its 1st to its 99th percentile.
  static func grey(_ image: Tensor, side: Int) -> PatchGrid<Colour> {
    let (channels, height, width) = (image.shape[1], image.shape[2], image.shape[3])
    let values = image.values(as: Float.self)
    var shown = [Float](repeating: 0, count: side * side)
    for y in 0..<side {
      for x in 0..<side {
        let place = y * height / side * width + x * width / side
        shown[y * side + x] = (0..<channels).reduce(0) { $0 + values[$1 * height * width + place] }
      }
    }
    let sorted = shown.sorted()
    let (low, high) = (sorted[sorted.count / 100], sorted[sorted.count - 1 - sorted.count / 100])
    return PatchGrid(
      rows: side, columns: side,
      values: shown.map { value in
        let part = high > low ? Double((value - low) / (high - low)) : 0.5
        return .grey(UInt8((min(max(part, 0), 1) * 255).rounded()))
      })
  }

  /// Values from `low` to `high` as colours from dark blue over green to yellow.
  static func coloured(_ grid: PatchGrid<Double>, from low: Double, to high: Double) -> PatchGrid<Colour> {
    PatchGrid(
      rows: grid.rows, columns: grid.columns,
      values: grid.values.map { ramp(high > low ? ($0 - low) / (high - low) : 0.5) })
  }

  private static let stops: [(red: Double, green: Double, blue: Double)] = [
    (48, 18, 88), (52, 84, 150), (32, 144, 140), (110, 200, 96), (250, 230, 40),
  ]

  private static func ramp(_ part: Double) -> Colour {
    let place = min(max(part, 0), 1) * Double(stops.count - 1)
    let index = min(Int(place), stops.count - 2)
    let rest = place - Double(index)
    func mixed(_ a: Double, _ b: Double) -> UInt8 { UInt8((a + (b - a) * rest).rounded()) }
    let (a, b) = (stops[index], stops[index + 1])
    return Colour(mixed(a.red, b.red), mixed(a.green, b.green), mixed(a.blue, b.blue))
  }
}
