import Elementary
import Random

/// Draws the anatomy's parts, head to foot and back to front.
struct PhantomAnatomyBuilder {
  let kind: PhantomKind
  let phase: PhantomAppearance.ContrastPhase
  let trunk: PhantomTrunk
  var random: CounterRandom
  var parts: [PhantomPart] = []
  private(set) var innerCount = 0
  let isFemale: Bool
  /// How far the organs of one region have moved together.
  private(set) var upper = Millimetres()
  private(set) var middle = Millimetres()

  init(kind: PhantomKind, phase: PhantomAppearance.ContrastPhase, random: CounterRandom) {
    self.kind = kind
    self.phase = phase
    self.random = random
    isFemale = self.random.chance(0.5)
    trunk = PhantomTrunk(random: &self.random)
    upper = shake(Millimetres(5, 4, 9))
    middle = shake(Millimetres(4, 3, 8))
  }

  // MARK: Drawing

  mutating func shake(_ deviation: Millimetres) -> Millimetres {
    Millimetres(
      deviation.x * Float(random.normal()), deviation.y * Float(random.normal()), deviation.z * Float(random.normal()))
  }

  mutating func factor(_ deviation: Double) -> Float { Float(Elementary.exp(deviation * random.normal())) }

  /// A place in the noise far from any other.
  mutating func shift() -> Float { Float(random.uniform(0, 4000)) }

  /// A rotation by small angles about x, y and z, in degrees, each varied by `spread`.
  mutating func tilt(_ x: Float, _ y: Float, _ z: Float, spread: Double = 7) -> Solid.Rotation {
    let a = (x + Float(random.normal() * spread)) * .pi / 180
    let b = (y + Float(random.normal() * spread)) * .pi / 180
    let c = (z + Float(random.normal() * spread)) * .pi / 180
    // Rows of (Rz Ry Rx) transposed: from space into the body's axes.
    let (ca, sa, cb, sb, cc, sc) = (cosine(a), sine(a), cosine(b), sine(b), cosine(c), sine(c))
    return Solid.Rotation(
      x: Millimetres(cb * cc, cb * sc, -sb),
      y: Millimetres(sa * sb * cc - ca * sc, sa * sb * sc + ca * cc, sa * cb),
      z: Millimetres(ca * sb * cc + sa * sc, ca * sb * sc - sa * cc, ca * cb))
  }

  mutating func blob(
    _ center: Millimetres, _ radii: Millimetres, _ axes: Solid.Rotation, spread: Millimetres = [3, 3, 4],
    size: Double = 0.07
  ) -> Solid {
    let common = factor(size)
    let radii = radii * common * Millimetres(factor(size / 2), factor(size / 2), factor(size / 2))
    return .ellipsoid(center: center + shake(spread), radii: radii, axes: axes)
  }

  /// A smooth tube through the nodes (x, y, z, radius), each moved a little: a Catmull-Rom curve in short straight pieces.
  mutating func tube(_ nodes: [SIMD4<Float>], spread: Float = 2, size: Double = 0.08, moved: Millimetres = [0, 0, 0])
    -> Solid
  {
    let common = factor(size)
    let knots = nodes.map { node in
      let offset = shake([spread, spread, spread]) + moved
      return SIMD4<Float>(
        node.x + offset.x, node.y + offset.y, node.z + offset.z, node.w * common * factor(size / 2))
    }
    var chain: [SIMD4<Float>] = []
    for index in 0..<(knots.count - 1) {
      let before = knots[max(index - 1, 0)]
      let (start, end) = (knots[index], knots[index + 1])
      let after = knots[min(index + 2, knots.count - 1)]
      for piece in 0..<3 {
        let t = Float(piece) / 3
        let a = 2 * start
        let b = (end - before) * t
        let c = (2 * before - 5 * start + 4 * end - after) * (t * t)
        let d = (3 * start - before - 3 * end + after) * (t * t * t)
        chain.append(0.5 * (a + b + c + d))
      }
    }
    chain.append(knots[knots.count - 1])
    return .tube(chain)
  }

  mutating func uneven(_ solid: Solid, _ amplitude: Float, _ wavelength: Float) -> Solid {
    .uneven(solid, amplitude: amplitude, wavelength: wavelength, shift: shift())
  }

  mutating func add(
    _ solid: Solid, _ name: PhantomTissue, core: PhantomTissue? = nil, wall: (PhantomTissue, Float)? = nil,
    patches: (PhantomTissue, Float, Float)? = nil, gasLevel: Float? = nil
  ) {
    let patchShift = shift()
    parts.append(
      PhantomPart(
        solid: solid, name: name, core: core ?? name, wall: wall.map { (tissue: $0.0, thickness: $0.1) },
        patches: patches.map { (tissue: $0.0, wavelength: $0.1, threshold: $0.2, shift: patchShift) },
        gasLevel: gasLevel))
  }

  // MARK: Organs

  mutating func build() -> [PhantomPart] {
    addSmallBowel()
    addColon()
    let liver = addLiver()
    addSpleen()
    addStomach()
    addKidney(isRight: true)
    addKidney(isRight: false)
    addLiverLesions(in: liver)
    innerCount = parts.count
    addPsoas()
    addSpine()
    addDuodenum()
    addPancreas()
    addVessels()
    addEsophagus()
    addAdrenals()
    addGallbladder()
    addPelvis()
    return parts
  }

  private mutating func addSmallBowel() {
    for _ in 0..<(24 + random.integer(below: 26)) {
      let z = Float(random.uniform(-185, 0))
      let start = Millimetres(Float(random.uniform(-85, 85)), Float(random.uniform(-62, 15)), z)
      var nodes = [SIMD4<Float>(start, Float(random.uniform(9, 14)))]
      var heading = Float(random.uniform(0, 2 * .pi))
      for _ in 0..<3 {
        heading += Float(random.uniform(-1.3, 1.3))
        let last = nodes[nodes.count - 1]
        nodes.append(
          SIMD4<Float>(
            min(max(last.x + 26 * cosine(heading), -95), 95), min(max(last.y + 22 * sine(heading), -70), 22),
            last.z + Float(random.uniform(-16, 16)), Float(random.uniform(9, 15))))
      }
      let content = random.uniform()
      let inside: PhantomTissue = content < 0.2 ? .oralContrast : content < 0.7 ? .fluid : .bowel
      let gas: Float? = random.chance(0.3) ? nodes[1].y - 2 : nil
      add(tube(nodes), .bowel, core: inside, wall: (.bowel, 3), gasLevel: gas)
    }
    // Mesenteric vessels among them.
    for _ in 0..<10 {
      let end = Millimetres(
        Float(random.uniform(-70, 70)), Float(random.uniform(-50, 5)), Float(random.uniform(-120, -10)))
      add(
        tube([
          SIMD4<Float>(2, 0, -20, 3), SIMD4<Float>(end * 0.5 + Millimetres(0, -5, -10), 2.4), SIMD4<Float>(end, 1.6),
        ]),
        .mesenteric)
    }
  }

  private mutating func addColon() {
    func content(_ builder: inout Self) -> (core: PhantomTissue, patches: (PhantomTissue, Float, Float)?) {
      let kind = builder.random.uniform()
      return kind < 0.45 ? (.stool, (.gas, 11, 0.35)) : kind < 0.75 ? (.gas, (.stool, 14, 0.2)) : (.fluid, nil)
    }
    let sag = Float(random.uniform(-50, 10))
    let segments: [[SIMD4<Float>]] = [
      [[-102, 18, -125, 24], [-110, 22, -85, 22], [-108, 24, -45, 21], [-98, 10, -22, 20]],
      [
        [-92, -20, -20, 18], [-50, -62, -28 + sag / 2, 18], [0, -68, -32 + sag, 17], [50, -60, -12 + sag / 2, 17],
        [92, -20, 30, 17],
      ],
      [[106, 20, 34, 16], [112, 32, -10, 15], [112, 30, -65, 15], [104, 24, -115, 15]],
      [[98, 18, -125, 14], [70, 0, -160, 14], [25, 10, -172, 14], [5, 45, -185, 14]],
    ]
    for nodes in segments {
      let inside = content(&self)
      let level: Float? = inside.core == .fluid ? nodes[1].y - 4 : nil
      let solid = uneven(tube(nodes, spread: 5, size: 0.14), 3.5, 17)
      add(solid, .bowel, core: inside.core, wall: (.bowel, 2.5), patches: inside.patches, gasLevel: level)
    }
  }

  private mutating func addLiver() -> Solid {
    let size = factor(0.06)
    let right = blob(Millimetres(-72, 2, 62) + upper, Millimetres(70, 82, 82) * size, tilt(0, 8, -8, spread: 4))
    let left = blob(
      Millimetres(8, -48, 84) + upper, Millimetres(78, 34, 44) * size, tilt(0, -10, 6, spread: 6), size: 0.13)
    // Below and to the left the stomach, the bowel and the kidney hollow it out.
    let visceral = blob(Millimetres(28, 22, -8) + upper, Millimetres(78, 92, 62), tilt(0, 24, 0, spread: 5))
    let hilum = blob(Millimetres(2, 38, 70) + upper, Millimetres(34, 34, 74), tilt(0, 0, 0, spread: 5))
    let renal = blob(Millimetres(-58, 66, -6) + upper * 0.5, Millimetres(46, 46, 74), tilt(14, -12, 20, spread: 5))
    var liver = Solid.union(right, left, fillet: 26)
    liver = .difference(liver, renal, fillet: 8)
    liver = .difference(liver, visceral, fillet: 22)
    liver = .difference(liver, hilum, fillet: 14)
    liver = uneven(liver, 3.5, 32)
    add(liver, .liver)
    // Hepatic veins run to the cava under the diaphragm, portal branches spread from the hilum.
    let confluence = Millimetres(-20, 20, 106) + upper
    for end in [Millimetres(-95, 15, 85), Millimetres(-55, -40, 88), Millimetres(0, -45, 92)] {
      let target = end + upper + shake([8, 8, 8])
      let middle = (confluence + target) * 0.5 + shake([4, 4, 5])
      add(
        .intersection(
          tube([SIMD4<Float>(confluence, 5.5), SIMD4<Float>(middle, 4), SIMD4<Float>(target, 2)], spread: 0), liver,
          fillet: 0), .liver, core: phase == .arterial ? .liver : .cava)
    }
    let gate = Millimetres(-34, -4, 50) + upper
    for end in [
      Millimetres(-100, 5, 50), Millimetres(-85, 40, 70), Millimetres(-70, -45, 45), Millimetres(10, -50, 75),
    ] {
      let target = end + upper + shake([8, 8, 10])
      let middle = (gate + target) * 0.5 + shake([4, 4, 5])
      add(
        .intersection(
          tube([SIMD4<Float>(gate, 5.5), SIMD4<Float>(middle, 4.2), SIMD4<Float>(target, 1.8)], spread: 0), liver,
          fillet: 0), .liver, core: .portalVein)
    }
    return liver
  }

  private mutating func addSpleen() {
    let size = factor(0.12)
    let center = Millimetres(100, 34, 70) + shake([4, 4, 9])
    let outer = Solid.ellipsoid(center: center, radii: Millimetres(38, 54, 58) * size, axes: tilt(12, -8, -22))
    let hollow = blob(center + Millimetres(-36, -24, -4) * size, Millimetres(27, 42, 62) * size, tilt(0, 0, -20))
    // Before the veins have mixed, the spleen is striped.
    let patches: (PhantomTissue, Float, Float)? = phase == .arterial ? (.pancreas, 12, 0.25) : nil
    add(uneven(.difference(outer, hollow, fillet: 12), 2.5, 26), .spleen, patches: patches)
  }

  private mutating func addStomach() {
    let fill = Float(random.uniform(0.65, 1.2))
    let nodes: [SIMD4<Float>] = [
      [62, 14, 102, 27 * fill], [74, -6, 86, 31 * fill], [72, -32, 58, 27 * fill], [50, -54, 32, 22 * fill],
      [18, -60, 14, 17 * fill], [-16, -46, 10, 11],
    ]
    let solid = uneven(tube(nodes, spread: 5, size: 0.06, moved: upper * 0.6), 2.5, 30)
    let content = random.uniform()
    let core: PhantomTissue = content < 0.3 ? .oralContrast : content < 0.75 ? .fluid : .stool
    add(
      solid, .stomach, core: core, wall: (.stomach, Float(random.uniform(4, 7))),
      patches: core == .stool ? nil : (.bowel, 16, 0.45),
      gasLevel: random.chance(0.8) ? Float(random.uniform(-62, -28)) : nil)
  }

  private mutating func addPsoas() {
    let size = factor(0.12)
    for side in [Float(-1), 1] {
      add(
        tube(
          [
            [side * 26, 60, 25, 8 * size], [side * 36, 58, -40, 19 * size], [side * 48, 50, -100, 24 * size],
            [side * 66, 22, -165, 20 * size], [side * 80, -20, -215, 17 * size], [side * 84, -12, -262, 17 * size],
          ]), .muscle)
    }
  }

  private mutating func addKidney(isRight: Bool) {
    if random.chance(kind == .kits23 ? 0 : 0.03) { return }
    let side: Float = isRight ? -1 : 1
    let name: PhantomTissue = isRight ? .rightKidney : .leftKidney
    let size = factor(0.09)
    let center = Millimetres(side * 66, 46, isRight ? -14 : 4) + shake([4, 4, 9])
    let radii = Millimetres(29, 25, 55) * size
    // The upper pole lies nearer to the spine; the hilum faces forward and inward.
    let axes = tilt(12, side * 14, side * -32, spread: 5)
    let outer = Solid.ellipsoid(center: center, radii: radii, axes: axes)
    let hilum = blob(
      center + Millimetres(side * -22, -14, 0) * size, Millimetres(15, 11, 20) * size, tilt(0, 0, side * -32),
      size: 0.12)
    let body = uneven(.difference(outer, hilum, fillet: 6), 1.6, 20)
    let isCortical = phase == .arterial || (phase == .portal && random.chance(0.5))
    add(body, name, core: name, patches: isCortical ? (.medulla, 11, 0.1) : nil)
    if isCortical {
      // The cortex is an even rim around the medulla's pyramids.
      parts[parts.count - 1].wall = (name, 6 * size)
    }
    add(
      uneven(
        blob(center + Millimetres(side * -15, -9, 0) * size, Millimetres(11, 8, 24) * size, tilt(0, 0, side * -32)), 3,
        9),
      .sinus)
    // The renal vein and artery, from the hilum to the great vessels.
    let gate = center + Millimetres(side * -20, -12, 2)
    add(
      tube([
        SIMD4<Float>(gate, 4.5), SIMD4<Float>(side * 22, 26, gate.z + 4, 4.5),
        SIMD4<Float>(side > 0 ? -8 : -16, 22, gate.z + 8, 4.5),
      ]),
      .mesenteric, core: .iliacVein)
    if kind == .kits23 {
      if random.chance(isRight ? 0.62 : 0.55) { addKidneyTumor(center, radii, axes, name) }
      for _ in 0..<(random.chance(0.5) ? 1 + random.integer(below: 2) : 0) { addKidneyCyst(center, radii, axes, name) }
    } else if random.chance(0.15) {
      addKidneyCyst(center, radii, axes, name)
    }
  }

  /// A point on the surface of an ellipsoid, and the direction outwards.
  private mutating func surfacePoint(_ center: Millimetres, _ radii: Millimetres, _ axes: Solid.Rotation) -> (
    Millimetres, Millimetres
  ) {
    var direction = shake([1, 1, 1])
    direction /= max(direction.length, 1e-3)
    let local = direction * radii
    let point = center + axes.x * local.x + axes.y * local.y + axes.z * local.z
    let outward = point - center
    return (point, outward / max(outward.length, 1e-3))
  }

  private mutating func addKidneyTumor(
    _ center: Millimetres, _ radii: Millimetres, _ axes: Solid.Rotation, _ kidney: PhantomTissue
  ) {
    let (point, outward) = surfacePoint(center, radii, axes)
    let radius = 9 + 24 * Float(random.uniform() * random.uniform())
    let place = point + outward * (radius * Float(random.uniform(-0.55, 0.4)))
    let solid = uneven(
      blob(place, Millimetres(radius, radius, radius), tilt(0, 0, 0), size: 0.1), 0.16 * radius, radius)
    add(
      solid, kind == .kits23 ? .kidneyTumor : kidney, core: .kidneyTumor,
      patches: radius > 14 ? (.necrosis, 0.8 * radius, Float(random.uniform(0.0, 0.5))) : nil)
  }

  private mutating func addKidneyCyst(
    _ center: Millimetres, _ radii: Millimetres, _ axes: Solid.Rotation, _ kidney: PhantomTissue
  ) {
    let (point, outward) = surfacePoint(center, radii, axes)
    let radius = 4 + 17 * Float(random.uniform() * random.uniform())
    let place = point + outward * (radius * Float(random.uniform(-0.7, 0.5)))
    add(
      blob(place, Millimetres(radius, radius, radius), tilt(0, 0, 0), size: 0.06),
      kind == .kits23 ? .kidneyCyst : kidney, core: .kidneyCyst)
  }

  private mutating func addLiverLesions(in liver: Solid) {
    let count =
      kind == .lits
      ? (random.chance(0.1) ? 0 : 1 + random.integer(below: 6))
      : (random.chance(0.2) ? 1 + random.integer(below: 2) : 0)
    for _ in 0..<count {
      let radius = 4 + 26 * Float(random.uniform() * random.uniform())
      let place =
        random.chance(0.78)
        ? Millimetres(-78, 0, 58) + upper + shake([26, 28, 28]) : Millimetres(0, -46, 82) + upper + shake([24, 8, 12])
      let solid = Solid.intersection(
        uneven(blob(place, Millimetres(radius, radius, radius), tilt(0, 0, 0), size: 0.12), 0.18 * radius, radius),
        liver,
        fillet: 2)
      add(
        solid, .liverTumor, core: .liverTumor,
        patches: radius > 12 ? (.necrosis, 0.8 * radius, Float(random.uniform(0.1, 0.6))) : nil)
    }
  }
}
