import Elementary
import Random

/// Procedural images with the statistics of natural ones: opaque leaves of all sizes that hide one another.
///
/// Leaves with radii distributed as r^-3 give a picture that looks the same at every scale, with a power spectrum that falls
/// with about the square of frequency, and edges where one thing hides another (Lee, Mumford & Huang, "Occlusion models for
/// natural images", IJCV 2001). Leaves are ellipses and polygons with a colour, a shading and a texture of their own.
/// An image is a function of (seed, index) and its size alone.
public enum DeadLeaves {
  /// Colour or grey.
  public enum Channels: Int, Sendable {
    case grey = 1
    case rgb = 3
  }

  /// What the leaves carry.
  public enum Style: String, CaseIterable, Sendable {
    /// Any brightness, with faint noise.
    case plain
    /// Leaves of one mean brightness or nearly, of 10 pixels and more, each with one of the image's few patterns: spots, nets,
    /// stripes.
    case patterned
  }

  /// One image.
  /// - Returns: [channels, height, width] in row-major order, values from 0 to 1.
  public static func image(
    seed: UInt64, index: Int, height: Int, width: Int, channels: Channels, style: Style = .plain
  ) -> [Float] {
    [Float](unsafeUninitializedCapacity: channels.rawValue * height * width) { buffer, count in
      render(
        seed: seed, index: index, height: height, width: width, channels: channels, style: style,
        into: buffer.baseAddress!)
      count = buffer.count
    }
  }

  /// Renders an image into memory that is there already: [channels, height, width].
  public static func render(
    seed: UInt64, index: Int, height: Int, width: Int, channels: Channels, style: Style = .plain,
    into pixels: UnsafeMutablePointer<Float>
  ) {
    precondition(height > 0 && width > 0, "an image of \(height) x \(width)")
    var painter = DeadLeavesPainter(
      random: CounterRandom(
        seed: seed, purpose: style == .plain ? "dead leaves" : "patterned dead leaves", epoch: index),
      height: height, width: width, channels: channels.rawValue, style: style, pixels: pixels)
    painter.paint()
  }
}

/// Lays leaves from front to back until nothing of the ground is left to see: the exact dead-leaves picture.
private struct DeadLeavesPainter {
  private var random: CounterRandom
  private let height: Int
  private let width: Int
  private let channels: Int
  private let pixels: UnsafeMutablePointer<Float>
  private var palette: Palette
  private let style: DeadLeaves.Style

  /// What the colours of one image are drawn from.
  private struct Palette {
    var middle: Float
    var spread: Float
    var tint: SIMD3<Float>
    var chroma: Float
    var texture: Float
    /// Of patterned leaves: what is in the image.
    var patterns: [PhantomTexture] = []
  }

  /// A convex outline: a scanline meets it in one span.
  private enum Outline {
    /// `a x^2 + b x y + c y^2 <= 1` around the centre.
    case ellipse(a: Float, b: Float, c: Float)
    case polygon([SIMD2<Float>])
  }

  private struct Leaf {
    var center: SIMD2<Float>
    /// Half of the height of the rows it reaches.
    var reach: Float
    var outline: Outline
    var colour: SIMD3<Float>
    /// Change of brightness for each pixel to the right and down.
    var slope: SIMD2<Float>
    var textureAmplitude: Float
    /// Steps through the texture for each pixel to the right and down.
    var textureStep: (right: SIMD2<Float>, down: SIMD2<Float>)
    var textureStart: SIMD2<Float>
    var pattern: PhantomTexture?
  }

  init(
    random: CounterRandom, height: Int, width: Int, channels: Int, style: DeadLeaves.Style,
    pixels: UnsafeMutablePointer<Float>
  ) {
    var random = random
    self.height = height
    self.width = width
    self.channels = channels
    self.pixels = pixels
    self.style = style
    palette = Palette(
      middle: Float(random.uniform(0.3, 0.6)),
      spread: Float(style == .plain ? random.uniform(0.2, 0.45) : random.uniform(0.02, 0.1)),
      tint: SIMD3(Float(random.normal()), Float(random.normal()), Float(random.normal())) * 0.035,
      chroma: Float(random.uniform(0.02, 0.14)), texture: Float(random.uniform(0.02, 0.1)))
    self.random = random
    if style == .patterned {
      for _ in 0..<(1 + Int(3 * share())) { palette.patterns.append(drawPattern()) }
    }
  }

  private func direction(_ angle: Float) -> (cosine: Float, sine: Float) { (cosine(angle), sine(angle)) }
  private mutating func share() -> Float { Float(random.nextBits() >> 8) * 0x1p-24 }
  private mutating func between(_ lower: Float, _ upper: Float) -> Float { lower + (upper - lower) * share() }

  mutating func paint() {
    let count = height * width
    var isOpen = [Bool](repeating: true, count: count)
    var open = count
    // Some pictures are of gravel, some of boulders.
    let smallest = style == .plain ? 1.1 : 10
    let sizes = RadiusTable(smallest: smallest * Elementary.exp2(Double(share())), height: height, width: width)
    // The bound is never met in practice: a few thousand leaves cover an image of any usual size.
    var leavesLeft = 64 + 16 * count
    isOpen.withUnsafeMutableBufferPointer { mask in
      while open > 0 && leavesLeft > 0 {
        leavesLeft -= 1
        let leaf = draw(radius: sizes.radius(at: share()))
        open -= lay(leaf, mask.baseAddress!)
      }
      for index in 0..<count where mask[index] {
        for channel in 0..<channels { pixels[channel * count + index] = palette.middle }
      }
    }
    for channel in 0..<channels { soften(pixels + channel * count) }
  }

  private mutating func draw(radius: Float) -> Leaf {
    let center = SIMD2(
      between(-radius, Float(width) + radius), between(-radius, Float(height) + radius))
    let turn = between(0, 2 * .pi)
    let (cosine, sine) = direction(turn)
    let aspect = between(0.45, 1)
    let (long, short) = (radius / aspect.squareRoot(), radius * aspect.squareRoot())
    let outline: Outline
    let kind = share()
    var reach: Float
    if kind < 0.6 {
      let (l, s) = (1 / (long * long), 1 / (short * short))
      outline = .ellipse(
        a: cosine * cosine * l + sine * sine * s, b: 2 * cosine * sine * (l - s),
        c: sine * sine * l + cosine * cosine * s)
      reach = (long * long * sine * sine + short * short * cosine * cosine).squareRoot()
    } else {
      // Three to six corners on the ellipse, evenly apart but for a little.
      let corners = kind < 0.75 ? 3 : kind < 0.93 ? 4 : 6
      reach = 0
      var points: [SIMD2<Float>] = []
      for corner in 0..<corners {
        let angle = (Float(corner) + between(-0.25, 0.25)) * 2 * .pi / Float(corners)
        let toCorner = direction(angle)
        let (u, v) = (long * 1.2 * toCorner.cosine, short * 1.2 * toCorner.sine)
        let point = SIMD2(cosine * u - sine * v, sine * u + cosine * v)
        points.append(point)
        reach = max(reach, abs(point.y))
      }
      outline = .polygon(points)
    }
    let brightness = palette.middle + palette.spread * (share() + share() + share() - 1.5) * 1.15
    let hue = SIMD3(share() - 0.5, share() - 0.5, share() - 0.5) * (2 * palette.chroma)
    let steepness = 0.16 / max(radius, 4)
    let zoom = between(0.25, 1.1)
    let angle = between(0, 2 * .pi)
    let grain = direction(angle)
    let (right, down) = (SIMD2(grain.cosine, grain.sine) * zoom, SIMD2(-grain.sine, grain.cosine) * zoom)
    return Leaf(
      center: center, reach: reach, outline: outline,
      colour: SIMD3(repeating: brightness) + (channels == 3 ? palette.tint + hue : .zero),
      slope: SIMD2(between(-steepness, steepness), between(-steepness, steepness)),
      textureAmplitude: palette.texture * between(0, 2), textureStep: (right, down),
      textureStart: SIMD2(between(0, 128), between(0, 128)), pattern: style == .plain ? nil : leafPattern())
  }

  /// One of the image's patterns, turned and cut anew.
  private mutating func leafPattern() -> PhantomTexture {
    var pattern = palette.patterns[min(Int(share() * Float(palette.patterns.count)), palette.patterns.count - 1)]
    let across = direction(between(0, 2 * .pi))
    pattern.shift = between(0, 4000)
    pattern.across = [across.cosine, across.sine, 0]
    return pattern
  }

  /// A pattern of any kind, two to ten pixels wide.
  private mutating func drawPattern() -> PhantomTexture {
    let kinds = PhantomTexture.Pattern.allCases
    let kind = kinds[min(Int(share() * Float(kinds.count)), kinds.count - 1)]
    return PhantomTexture(
      pattern: kind, wavelength: 2.2 * Float(Elementary.exp2(Double(between(0, kind.isRegular ? 1.8 : 2.2)))),
      amplitude: between(0.06, 0.24), shift: 0, across: [1, 0, 0])
  }

  /// The span of x, from the centre, in which the scanline `y` from the centre lies inside of an outline.
  @inline(__always)
  private func span(_ outline: Outline, y: Float) -> (Float, Float)? {
    switch outline {
    case .ellipse(let a, let b, let c):
      let discriminant = b * b * y * y - 4 * a * (c * y * y - 1)
      if discriminant <= 0 { return nil }
      let root = discriminant.squareRoot()
      return ((-b * y - root) / (2 * a), (-b * y + root) / (2 * a))
    case .polygon(let points):
      var lower = Float.greatestFiniteMagnitude
      var upper = -lower
      var before = points[points.count - 1]
      for point in points {
        if (before.y <= y) != (point.y <= y) {
          let x = before.x + (y - before.y) / (point.y - before.y) * (point.x - before.x)
          lower = min(lower, x)
          upper = max(upper, x)
        }
        before = point
      }
      return lower < upper ? (lower, upper) : nil
    }
  }

  /// Paints what is still open under a leaf, and returns how many pixels that were.
  private func lay(_ leaf: Leaf, _ mask: UnsafeMutablePointer<Bool>) -> Int {
    let count = height * width
    let first = max(0, Int((leaf.center.y - leaf.reach - 0.5).rounded(.up)))
    let last = min(height - 1, Int((leaf.center.y + leaf.reach - 0.5).rounded(.down)))
    if first > last { return 0 }
    var painted = 0
    let pattern = DeadLeavesPattern(leaf.pattern, width: width)
    DeadLeavesTexture.values.withUnsafeBufferPointer { texture in
      for row in first...last {
        let y = Float(row) + 0.5 - leaf.center.y
        guard let (lower, upper) = span(leaf.outline, y: y) else { continue }
        let from = max(0, Int((leaf.center.x + lower - 0.5).rounded(.up)))
        let to = min(width - 1, Int((leaf.center.x + upper - 0.5).rounded(.down)))
        if from > to { continue }
        let line = row * width
        if style == .patterned {
          guard (from...to).contains(where: { mask[line + $0] }) else { continue }
          pattern.evaluate(row: row, columns: from...to)
        }
        for column in from...to where mask[line + column] {
          mask[line + column] = false
          painted += 1
          let x = Float(column) + 0.5 - leaf.center.x
          let place =
            leaf.textureStart + SIMD2(repeating: Float(column)) * leaf.textureStep.right + SIMD2(repeating: Float(row))
            * leaf.textureStep.down
          let u = Int(place.x.rounded(.down)) & DeadLeavesTexture.mask
          let v = Int(place.y.rounded(.down)) & DeadLeavesTexture.mask
          let shade =
            leaf.slope.x * x + leaf.slope.y * y
            + (style == .plain
              ? leaf.textureAmplitude * texture[v * DeadLeavesTexture.side + u] : pattern.values[column])
          for channel in 0..<channels {
            pixels[channel * count + line + column] = min(max(leaf.colour[channel] + shade, 0), 1)
          }
        }
      }
    }
    return painted
  }

  /// The lens: a 3 x 3 blur with weights 1, 8, 1 along each axis, so that edges are no staircases.
  private func soften(_ plane: UnsafeMutablePointer<Float>) {
    guard height > 1, width > 1 else { return }
    for row in 0..<height {
      let line = plane + row * width
      var left = line[0]
      for column in 0..<width {
        let here = line[column]
        let right = line[min(column + 1, width - 1)]
        line[column] = (left + 8 * here + right) / 10
        left = here
      }
    }
    withUnsafeTemporaryAllocation(of: Float.self, capacity: width) { above in
      above.baseAddress!.update(from: plane, count: width)
      for row in 0..<height {
        let line = plane + row * width
        let below = plane + min(row + 1, height - 1) * width
        for column in 0..<width {
          let here = line[column]
          line[column] = (above[column] + 8 * here + below[column]) / 10
          above[column] = here
        }
      }
    }
  }
}

/// Radii by their cumulative distribution: r^-3, times the area in which a leaf of that radius reaches into the image.
private struct RadiusTable {
  private let radii: [Float]
  private let cumulative: [Float]

  init(smallest: Double, height: Int, width: Int) {
    let steps = 192
    let largest = max(0.6 * Double(max(height, width)), 2 * smallest)
    var radii: [Float] = []
    var cumulative: [Float] = []
    var sum = 0.0
    for step in 0..<steps {
      let radius = smallest * Elementary.pow(largest / smallest, Double(step) / Double(steps - 1))
      // Steps are even in log r, so r^-3 dr becomes r^-2.
      sum += 1 / (radius * radius) * (Double(width) + 2 * radius) * (Double(height) + 2 * radius)
      radii.append(Float(radius))
      cumulative.append(Float(sum))
    }
    self.radii = radii
    self.cumulative = cumulative.map { $0 / Float(sum) }
  }

  func radius(at share: Float) -> Float {
    var (low, high) = (0, cumulative.count - 1)
    while low < high {
      let middle = (low + high) / 2
      if cumulative[middle] < share { low = middle + 1 } else { high = middle }
    }
    return radii[low]
  }
}

/// A tile of noise with about equal power in every octave, which leaves carry as their texture.
private enum DeadLeavesTexture {
  static let side = 128
  static let mask = side - 1
  static let values: [Float] = {
    var random = CounterRandom(seed: 0, purpose: "dead leaves texture")
    var tile = [Float](repeating: 0, count: side * side)
    var cells = 8
    while cells <= side {
      let lattice = (0..<(cells * cells)).map { _ in Float(random.normal()) }
      let step = side / cells
      for v in 0..<side {
        for u in 0..<side {
          let (u0, v0) = (u / step, v / step)
          let (u1, v1) = ((u0 + 1) % cells, (v0 + 1) % cells)
          let (tu, tv) = (Float(u % step) / Float(step), Float(v % step) / Float(step))
          let top = lattice[v0 * cells + u0] * (1 - tu) + lattice[v0 * cells + u1] * tu
          let bottom = lattice[v1 * cells + u0] * (1 - tu) + lattice[v1 * cells + u1] * tu
          tile[v * side + u] += 0.45 * (top * (1 - tv) + bottom * tv)
        }
      }
      cells *= 2
    }
    return tile
  }()
}
