import Files

/// A colour, 8 bits a channel.
public struct Colour: Equatable, Sendable {
  public let red: UInt8
  public let green: UInt8
  public let blue: UInt8

  public init(_ red: UInt8, _ green: UInt8, _ blue: UInt8) {
    self.red = red
    self.green = green
    self.blue = blue
  }

  static let white = Colour(255, 255, 255)
  static let black = Colour(0, 0, 0)
  static let ink = Colour(40, 40, 40)
  static let rule = Colour(225, 225, 225)

  static func grey(_ level: UInt8) -> Colour { Colour(level, level, level) }

  /// Colours that are told apart side by side, on grey images as on white; they repeat after twenty.
  static func distinct(_ index: Int) -> Colour { palette[index % palette.count] }

  private static let palette = [
    Colour(228, 60, 60), Colour(64, 132, 214), Colour(72, 176, 80), Colour(240, 200, 48), Colour(164, 92, 196),
    Colour(244, 136, 40), Colour(52, 188, 196), Colour(236, 120, 180), Colour(150, 104, 60), Colour(150, 200, 60),
    Colour(104, 96, 220), Colour(216, 168, 120), Colour(0, 136, 112), Colour(184, 36, 104), Colour(120, 160, 176),
    Colour(128, 128, 0), Colour(200, 156, 240), Colour(255, 176, 160), Colour(36, 84, 140), Colour(96, 220, 150),
  ]
}

/// A picture being drawn. What falls outside its edges is cut off. Coordinates are pixels from the top left corner, x
/// to the right and y down; pixel (0, 0) covers [0, 1) x [0, 1).
struct Canvas {
  let width: Int
  let height: Int
  private var pixels: [UInt8]

  init(width: Int, height: Int, background: Colour = .white) {
    self.width = width
    self.height = height
    pixels = []
    pixels.reserveCapacity(3 * width * height)
    for _ in 0..<width * height { pixels += [background.red, background.green, background.blue] }
  }

  var picture: PNGImage { PNGImage(width: width, height: height, channels: 3, pixels: pixels) }

  /// Lays a colour over a pixel; `opacity` in [0, 1].
  mutating func blend(_ x: Int, _ y: Int, _ colour: Colour, opacity: Double = 1) {
    guard x >= 0, y >= 0, x < width, y < height else { return }
    let base = 3 * (y * width + x)
    for (channel, value) in [colour.red, colour.green, colour.blue].enumerated() {
      let below = Double(pixels[base + channel])
      pixels[base + channel] = UInt8((below + opacity * (Double(value) - below)).rounded())
    }
  }

  mutating func fill(x: Int, y: Int, width: Int, height: Int, _ colour: Colour) {
    for row in y..<y + height { for column in x..<x + width { blend(column, row, colour) } }
  }

  /// A straight line with smooth edges; only rounding off its ends makes a polyline's corners whole.
  mutating func line(
    from start: (x: Double, y: Double), to end: (x: Double, y: Double), thickness: Double = 1, _ colour: Colour
  ) {
    let (dx, dy) = (end.x - start.x, end.y - start.y)
    let squaredLength = dx * dx + dy * dy
    let reach = thickness / 2 + 1
    func limited(_ value: Double, _ limit: Int) -> Int { Int(min(max(value, 0), Double(limit))) }
    let columns = limited(min(start.x, end.x) - reach, width)..<limited(max(start.x, end.x) + reach + 1, width)
    let rows = limited(min(start.y, end.y) - reach, height)..<limited(max(start.y, end.y) + reach + 1, height)
    for y in rows {
      for x in columns {
        let (px, py) = (Double(x) + 0.5 - start.x, Double(y) + 0.5 - start.y)
        let along = squaredLength > 0 ? min(max((px * dx + py * dy) / squaredLength, 0), 1) : 0
        let (ex, ey) = (px - along * dx, py - along * dy)
        let coverage = thickness / 2 + 0.5 - (ex * ex + ey * ey).squareRoot()
        if coverage > 0 { blend(x, y, colour, opacity: min(coverage, 1)) }
      }
    }
  }

  /// Writes text with its top left corner at (x, y), each font pixel `scale` pixels wide and high.
  mutating func text(_ text: String, x: Int, y: Int, scale: Int = 2, _ colour: Colour = .ink) {
    for (place, character) in text.enumerated() {
      let left = x + place * BitmapFont.advance * scale
      for (row, bits) in BitmapFont.rows(of: character).enumerated() {
        for column in 0..<BitmapFont.width where bits >> (BitmapFont.width - 1 - column) & 1 == 1 {
          fill(x: left + column * scale, y: y + row * scale, width: scale, height: scale, colour)
        }
      }
    }
  }

  /// How wide a text will be.
  static func width(of text: String, scale: Int = 2) -> Int { max(0, text.count * BitmapFont.advance - 1) * scale }
}
