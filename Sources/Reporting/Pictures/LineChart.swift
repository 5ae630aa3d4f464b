import Files

/// Values against a common axis as lines, such as a learning curve.
public struct LineChart: Sendable {
  public struct Line: Sendable {
    public let name: String
    /// Points that are not finite, or too large to draw (1e30), interrupt the line.
    public let points: [(x: Double, y: Double)]

    public init(name: String, points: [(x: Double, y: Double)]) {
      self.name = name
      self.points = points
    }
  }

  public let title: String
  public let horizontalTitle: String
  public let verticalTitle: String
  public let lines: [Line]

  public init(title: String, horizontalTitle: String, verticalTitle: String, lines: [Line]) {
    self.title = title
    self.horizontalTitle = horizontalTitle
    self.verticalTitle = verticalTitle
    self.lines = lines
  }

  /// Draws the chart, at least 200 x 150 pixels and wide enough for its title.
  public func picture(width: Int = 720, height: Int = 420) -> PNGImage {
    var canvas = Canvas(width: max(width, 200, Canvas.width(of: title) + 24), height: max(height, 150))
    draw(on: &canvas, x: 0, y: 0, width: canvas.width, height: canvas.height)
    return canvas.picture
  }

  private static func isDrawable(_ point: (x: Double, y: Double)) -> Bool { abs(point.x) < 1e30 && abs(point.y) < 1e30 }

  func draw(on canvas: inout Canvas, x left: Int, y top: Int, width: Int, height: Int) {
    let finite = lines.flatMap(\.points).filter(Self.isDrawable)
    let horizontal = Axis(finite.map(\.x))
    let vertical = Axis(finite.map(\.y))
    let labels = vertical.ticks.map(vertical.label)
    let labelWidth = labels.map { Canvas.width(of: $0) }.max() ?? 0
    let area = (
      left: left + labelWidth + 20, top: top + 72 + 20 * lines.count, right: left + width - 24,
      bottom: top + height - 56
    )
    canvas.text(title, x: left + 12, y: top + 10)
    canvas.text(verticalTitle, x: left + 12, y: top + 34, .grey(110))
    for (index, line) in lines.enumerated() {
      let y = top + 58 + 20 * index
      canvas.fill(x: left + 12, y: y + 5, width: 24, height: 4, .distinct(index))
      canvas.text(line.name, x: left + 44, y: y)
    }
    guard area.right > area.left + 20, area.bottom > area.top + 20 else { return }

    func place(_ point: (x: Double, y: Double)) -> (x: Double, y: Double) {
      (
        Double(area.left) + horizontal.fraction(point.x) * Double(area.right - area.left),
        Double(area.bottom) - vertical.fraction(point.y) * Double(area.bottom - area.top)
      )
    }
    for (tick, label) in zip(vertical.ticks, labels) {
      let y = Int(place((horizontal.lower, tick)).y)
      canvas.fill(x: area.left, y: y, width: area.right - area.left, height: 1, .rule)
      canvas.text(label, x: area.left - 8 - Canvas.width(of: label), y: y - 7)
    }
    for tick in horizontal.ticks {
      let x = Int(place((tick, vertical.lower)).x)
      let label = horizontal.label(tick)
      canvas.fill(x: x, y: area.bottom, width: 1, height: 6, .ink)
      canvas.text(label, x: x - Canvas.width(of: label) / 2, y: area.bottom + 10)
    }
    canvas.fill(x: area.left, y: area.bottom, width: area.right - area.left, height: 1, .ink)
    canvas.text(
      horizontalTitle, x: (area.left + area.right - Canvas.width(of: horizontalTitle)) / 2, y: area.bottom + 32,
      .grey(110))

    for (index, line) in lines.enumerated() {
      var last: (x: Double, y: Double)?
      for point in line.points {
        guard Self.isDrawable(point) else {
          last = nil
          continue
        }
        let here = place(point)
        canvas.line(from: last ?? here, to: here, thickness: last == nil ? 3 : 2, .distinct(index))
        last = here
      }
    }
  }
}

/// A chart's axis: round tick marks that span the values.
package struct Axis {
  package let lower: Double
  package let upper: Double
  package let ticks: [Double]
  private let step: Double

  package init(_ values: [Double]) {
    var (low, high) = (values.min() ?? 0, values.max() ?? 1)
    if high - low <= 1e-9 * max(abs(low), abs(high), 1) {
      let margin = max(abs(low) * 0.1, 0.5)
      (low, high) = (low - margin, high + margin)
    }
    let rough = (high - low) / 5
    var magnitude = 1.0
    while magnitude * 10 <= rough { magnitude *= 10 }
    while magnitude > rough { magnitude /= 10 }
    let step = [5.0, 2, 1].first { $0 * magnitude <= rough }.map { $0 * magnitude } ?? magnitude
    self.step = step
    let (first, last) = ((low / step).rounded(.down), (high / step).rounded(.up))
    lower = first * step
    upper = last * step
    ticks = (0...Int(min(max(last - first, 1), 100))).map { (first + Double($0)) * step }
  }

  func fraction(_ value: Double) -> Double { (value - lower) / (upper - lower) }

  /// A tick's text, with as many decimals as its step needs.
  package func label(_ tick: Double) -> String {
    if step >= 1e6 || step < 1e-5 { return "\(tick)" }
    var (decimals, unit) = (0, step)
    while decimals < 6, abs(unit - unit.rounded()) > 1e-9 * unit { (decimals, unit) = (decimals + 1, unit * 10) }
    let text = NumberText.decimals(tick, decimals)
    return Double(text) == 0 && text.hasPrefix("-") ? String(text.dropFirst()) : text
  }
}
