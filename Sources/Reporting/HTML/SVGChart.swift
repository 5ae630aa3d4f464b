import Experiments

/// Charts as SVG: axes that end at round numbers, with titles and units; a legend of the lines that are visible. Colours are
/// those of the pictures.
package enum SVGChart {
  private static let width = 720.0
  private static let size = 13.0

  /// A coordinate with one decimal: charts need no more.
  private static func at(_ value: Double) -> String { NumberText.decimals(value, 1) }

  private static func colour(_ index: Int) -> String {
    let colour = Colour.distinct(index)
    return "rgb(\(colour.red),\(colour.green),\(colour.blue))"
  }

  private static func label(_ text: String, _ x: Double, _ y: Double, anchor: String = "start", style: String = "")
    -> String
  {
    "<text x=\"\(at(x))\" y=\"\(at(y))\" text-anchor=\"\(anchor)\"\(style)>\(HTML.text(text))</text>\n"
  }

  private static func open(_ title: String, height: Double) -> String {
    "<svg viewBox=\"0 0 \(at(width)) \(at(height))\" role=\"img\" aria-label=\"\(HTML.text(title))\" font-size=\"\(at(size))\">\n"
      + "<title>\(HTML.text(title))</title>\n"
  }

  /// What charts stand on: the area, both axes with their ticks, and where values lie.
  private struct Frame {
    let horizontal: Axis
    let vertical: Axis
    let (left, top, right, bottom): (Double, Double, Double, Double)

    func x(_ value: Double) -> Double { left + horizontal.fraction(value) * (right - left) }
    func y(_ value: Double) -> Double { bottom - vertical.fraction(value) * (bottom - top) }

    func axes(_ horizontalTitle: String, _ verticalTitle: String) -> String {
      var svg = ""
      for tick in vertical.ticks {
        svg +=
          "<line class=\"rule\" x1=\"\(at(left))\" x2=\"\(at(right))\" y1=\"\(at(y(tick)))\" y2=\"\(at(y(tick)))\"/>\n"
        svg += label(vertical.label(tick), left - 8, y(tick) + 4, anchor: "end")
      }
      for tick in horizontal.ticks {
        svg +=
          "<line class=\"ink\" x1=\"\(at(x(tick)))\" x2=\"\(at(x(tick)))\" y1=\"\(at(bottom))\" y2=\"\(at(bottom + 5))\"/>\n"
        svg += label(horizontal.label(tick), x(tick), bottom + 20, anchor: "middle")
      }
      svg += "<line class=\"ink\" x1=\"\(at(left))\" x2=\"\(at(right))\" y1=\"\(at(bottom))\" y2=\"\(at(bottom))\"/>\n"
      svg += label(horizontalTitle, (left + right) / 2, bottom + 42, anchor: "middle")
      return svg + label(verticalTitle, 12, top - 14)
    }
  }

  private static func isDrawable(_ point: (x: Double, y: Double)) -> Bool { abs(point.x) < 1e30 && abs(point.y) < 1e30 }

  /// Values against a common axis as lines; a line without a point that can be drawn is neither drawn nor named.
  package static func lines(_ chart: LineChart) -> String {
    let visible = chart.lines.enumerated().filter { $0.element.points.contains(where: isDrawable) }
    let points = visible.flatMap(\.element.points).filter(isDrawable)
    let top = 66 + 20 * Double(visible.count)
    let height = top + 300
    let frame = Frame(
      horizontal: Axis(points.map(\.x)), vertical: Axis(points.map(\.y)), left: 70, top: top, right: width - 24,
      bottom: height - 56)
    var svg = open(chart.title, height: height) + label(chart.title, 12, 22, style: " font-weight=\"bold\"")
    for (place, line) in visible.enumerated() {
      let y = 44 + 20 * Double(place)
      svg += "<rect x=\"12\" y=\"\(at(y - 7))\" width=\"24\" height=\"4\" fill=\"\(colour(line.offset))\"/>\n"
      svg += label(line.element.name, 44, y)
    }
    svg += frame.axes(chart.horizontalTitle, chart.verticalTitle)
    for line in visible {
      // A point that can't be drawn interrupts the line; one between two such is a dot.
      for part in line.element.points.split(whereSeparator: { !isDrawable($0) }) {
        let places = part.map { "\(at(frame.x($0.x))),\(at(frame.y($0.y)))" }
        if places.count == 1 {
          svg +=
            "<circle cx=\"\(at(frame.x(part.first!.x)))\" cy=\"\(at(frame.y(part.first!.y)))\" r=\"3\" fill=\"\(colour(line.offset))\"/>\n"
        } else {
          svg +=
            "<polyline fill=\"none\" stroke-width=\"2\" stroke=\"\(colour(line.offset))\" points=\"\(places.joined(separator: " "))\"/>\n"
        }
      }
    }
    return svg + "</svg>\n"
  }

  /// The same cases by two rows, one axis each on one scale, with the line on which they are equal. A point's name shows on a
  /// tap or under the mouse.
  package static func scatter(
    _ points: [(name: String, x: Double, y: Double)], title: String, horizontalTitle: String, verticalTitle: String
  ) -> String {
    let axis = Axis(points.flatMap { [$0.x, $0.y] })
    let height = 560.0
    let frame = Frame(
      horizontal: axis, vertical: axis, left: 70, top: 66, right: 70 + height - 66 - 56, bottom: height - 56)
    var svg = open(title, height: height) + label(title, 12, 22, style: " font-weight=\"bold\"")
    svg += frame.axes(horizontalTitle, verticalTitle)
    svg +=
      "<line class=\"equal\" x1=\"\(at(frame.left))\" y1=\"\(at(frame.bottom))\" x2=\"\(at(frame.right))\" y2=\"\(at(frame.top))\"/>\n"
    for point in points where isDrawable((point.x, point.y)) {
      let words = "\(point.name): \(NumberText.decimals(point.x, 2)), \(NumberText.decimals(point.y, 2))"
      svg +=
        "<circle cx=\"\(at(frame.x(point.x)))\" cy=\"\(at(frame.y(point.y)))\" r=\"5\" fill=\"\(colour(1))\" fill-opacity=\"0.7\">"
        + "<title>\(HTML.text(words))</title></circle>\n"
    }
    return svg + "</svg>\n"
  }

  /// Bars of several series side by side for each name, such as rows' Dice of each class.
  package static func bars(
    _ names: [String], _ series: [(name: String, values: [Double?])], title: String, valueTitle: String
  ) -> String {
    let visible = series.enumerated().filter { $0.element.values.contains { $0 != nil } }
    let thickness = 8.0
    let band = thickness * Double(visible.count) + 10
    let top = 66 + 20 * Double(visible.count)
    let height = top + band * Double(names.count) + 56
    let axis = Axis([0] + visible.flatMap { $0.element.values.compactMap { $0 } })
    let left = 170.0
    func x(_ value: Double) -> Double { left + axis.fraction(value) * (width - 24 - left) }
    var svg = open(title, height: height) + label(title, 12, 22, style: " font-weight=\"bold\"")
    for (place, item) in visible.enumerated() {
      let y = 44 + 20 * Double(place)
      svg += "<rect x=\"12\" y=\"\(at(y - 9))\" width=\"24\" height=\"8\" fill=\"\(colour(item.offset))\"/>\n"
      svg += label(item.element.name, 44, y)
    }
    for tick in axis.ticks {
      svg +=
        "<line class=\"rule\" x1=\"\(at(x(tick)))\" x2=\"\(at(x(tick)))\" y1=\"\(at(top))\" y2=\"\(at(height - 56))\"/>\n"
      svg += label(axis.label(tick), x(tick), height - 38, anchor: "middle")
    }
    svg += label(valueTitle, (left + width - 24) / 2, height - 14, anchor: "middle")
    for (row, name) in names.enumerated() {
      let y = top + band * Double(row) + 5
      svg += label(name, left - 8, y + (band - 10) / 2 + 4, anchor: "end")
      for (place, item) in visible.enumerated() {
        guard row < item.element.values.count, let value = item.element.values[row] else { continue }
        let words = "\(name), \(item.element.name): \(NumberText.decimals(value, 2))"
        svg +=
          "<rect x=\"\(at(x(0)))\" y=\"\(at(y + thickness * Double(place)))\" width=\"\(at(max(0.5, x(value) - x(0))))\" height=\"\(at(thickness - 1))\" fill=\"\(colour(item.offset))\"><title>\(HTML.text(words))</title></rect>\n"
      }
    }
    return svg + "</svg>\n"
  }
}
