/// The parts of the anatomy from the spine forwards that are painted over the large organs.
extension PhantomAnatomyBuilder {
  mutating func addSpine() {
    let pitch = Float(random.uniform(33, 37))
    let phase = Float(random.uniform(0, 35))
    let size = factor(0.06)
    // The column of discs and the canal behind it, then one vertebra after another.
    add(.tube([[0, 62, 190, 19 * size], [0, 62, -90, 22 * size], [0, 66, -130, 22 * size]]), .disc)
    for level in -5...6 {
      let z = Float(level) * pitch + phase - 17
      if z < -128 || z > 185 { continue }
      add(
        .intersection(
          .ellipsoid(center: [0, 62, z], radii: Millimetres(24, 18.5, 60) * size, axes: .init()),
          .intersection(
            .halfSpace(normal: [0, 0, 1], offset: z + pitch * 0.41),
            .halfSpace(normal: [0, 0, -1], offset: -z + pitch * 0.41),
            fillet: 0), fillet: 3), .marrow, wall: (.cortex, 2))
      // Arch, transverse processes and spinous process.
      add(
        .tube([
          [-38 * size, 84, z, 3.5], [-16, 80, z, 6], [0, 99, z - 2, 5.5], [16, 80, z, 6], [38 * size, 84, z, 3.5],
        ]), .marrow,
        wall: (.cortex, 2))
      add(.tube([[0, 97, z, 4.5], [0, 116, z - 9, 4]]), .marrow, wall: (.cortex, 2))
    }
    add(.tube([[0, 87, 190, 8], [0, 87, -120, 8.5]]), .fluid)
    // The sacrum.
    add(
      uneven(
        .union(
          .ellipsoid(center: [0, 76, -152], radii: [46, 20, 34], axes: tilt(25, 0, 0, spread: 3)),
          .ellipsoid(center: [0, 88, -195], radii: [22, 12, 36], axes: tilt(-15, 0, 0, spread: 3)), fillet: 10), 2, 18),
      .marrow, wall: (.cortex, 2.5))
  }

  mutating func addDuodenum() {
    let nodes: [SIMD4<Float>] = [
      [-18, -44, 10, 11], [-40, -28, 12, 12], [-48, -8, -4, 12], [-46, 4, -32, 12], [-28, 14, -46, 11.5],
      [2, 14, -50, 10.5],
      [24, 8, -40, 10],
    ]
    let core: PhantomTissue = random.chance(0.25) ? .oralContrast : random.chance(0.5) ? .fluid : .duodenum
    add(
      uneven(tube(nodes, spread: 4, size: 0.12, moved: upper * 0.5), 2.2, 13), .duodenum, core: core,
      wall: (.duodenum, 4.5),
      patches: core == .duodenum ? (.gas, 12, 0.5) : (.bowel, 9, 0.3))
  }

  mutating func addPancreas() {
    let nodes: [SIMD4<Float>] = [
      [-26, 4, -22, 11], [-24, -6, -4, 14.5], [-8, -18, 12, 10.5], [22, -16, 24, 10.5], [52, 2, 36, 11],
      [80, 18, 52, 9],
    ]
    let size: Double = random.chance(0.25) ? 0.22 : 0.09
    add(uneven(tube(nodes, spread: 4.5, size: size, moved: upper * 0.5), 3.2, 9), .pancreas)
  }

  mutating func addVessels() {
    // The portal vein with its tributaries, behind the pancreas.
    let joint = SIMD4<Float>(-6, -2, 10, 6.5)
    let moved = upper * 0.5
    add(tube([joint, [-18, -4, 28, 7], [-34, -4, 50, 6.5], [-48, -6, 56, 5.5]], moved: moved), .portalVein)
    add(tube([joint, [20, 4, 24, 5], [50, 20, 40, 4.6], [80, 32, 58, 4]], spread: 2.5, moved: moved), .portalVein)
    add(
      tube([joint, [-2, -10, -20, 5.2], [2, -14, -52, 4.5], [10, -16, -80, 3.5]], moved: moved), .mesenteric,
      core: .portalVein)
    // The superior mesenteric artery and the coeliac trunk.
    add(
      tube([[4, 22, 22, 3.8], [5, 2, 8, 3.6], [10, -8, -40, 3.2], [12, -14, -80, 2.6]]), .mesenteric, core: .aorta)
    add(tube([[4, 24, 36, 4], [3, 6, 38, 3.5], [-24, -2, 42, 2.8]]), .mesenteric, core: .aorta)
    add(tube([[3, 6, 38, 3.2], [30, 12, 42, 2.6], [70, 28, 56, 2.2]], spread: 4), .mesenteric, core: .aorta)

    let wide = factor(0.12)
    let lean = Float(random.normal() * 4)
    let fork = Float(-88 + 7 * random.normal())
    let aorta: [SIMD4<Float>] = [
      [14, 44, 195, 12.5], [13 + lean / 2, 42, 140, 12], [9 + lean, 34, 80, 11], [7 + lean, 31, 20, 10],
      [5 + lean, 30, -40, 9],
      [2 + lean, 32, fork, 8.5],
    ]
    let cava: [SIMD4<Float>] = [
      [-16, 34, fork - 8, 9.5], [-19, 33, -40, 10], [-20, 30, 10, 10.5], [-23, 24, 55, 11.5], [-22, 18, 95, 12],
      [-18, 10, 128, 12.5],
    ]
    // The iliac vessels, beyond the fork, carry other names.
    for side in [Float(-1), 1] {
      add(
        tube([
          [2 + lean + side * 4, 32, fork, 6], [side * 26, 34, fork - 40, 5.5], [side * 52, 12, -165, 5],
          [side * 66, -38, -225, 4.5], [side * 66, -50, -262, 4.5],
        ]),
        .iliacArtery)
      add(
        tube([
          [-16 + side * 3, 36, fork - 6, 7], [side * 26, 44, fork - 46, 7], [side * 52, 24, -165, 6.5],
          [side * 60, -30, -225, 5.5], [side * 60, -42, -262, 5.5],
        ]),
        .iliacVein)
    }
    add(tube(cava.map { [$0.x, $0.y, $0.z, $0.w * wide] }, spread: 1.5), .cava)
    var solid = tube(aorta, spread: 1.5, size: 0.1)
    if random.chance(0.12) { solid = uneven(solid, 2.5, 24) }
    add(solid, .aorta)
    // Calcified plaques.
    for _ in 0..<(random.chance(0.45) ? 1 + random.integer(below: 5) : 0) {
      let node = aorta[2 + random.integer(below: 4)]
      let angle = Float(random.uniform(0, 2 * .pi))
      let place = Millimetres(
        node.x + node.w * cosine(angle), node.y + node.w * sine(angle), node.z + Float(random.uniform(-20, 20)))
      add(blob(place, [2.2, 2.2, 5], tilt(0, 0, 0, spread: 20)), .aorta, core: .cortex)
    }
  }

  mutating func addEsophagus() {
    let nodes: [SIMD4<Float>] = [
      [4, 28, 190, 9], [8, 26, 150, 9], [14, 22, 122, 9.5], [28, 16, 106, 9.5], [44, 12, 98, 10],
    ]
    add(
      uneven(tube(nodes, spread: 2.5, size: 0.14, moved: upper * 0.4), 1.3, 12), .esophagus, core: .esophagus,
      wall: (.esophagus, 4), patches: (random.chance(0.5) ? .gas : .fluid, 8, 0.35))
  }

  mutating func addAdrenals() {
    // Each is a crest with two thin leaves that run backwards: a Y in the axial plane, a few millimetres thick.
    for side in [Float(-1), 1] {
      let thickness = 2.9 * factor(0.15)
      let size = factor(0.12)
      let name: PhantomTissue = side < 0 ? .rightAdrenal : .leftAdrenal
      let top = (side < 0 ? Millimetres(-33, 27, 50) : Millimetres(36, 24, 46)) + middle * 0.5 + shake([3, 3, 4])
      let crest = blob(
        top, Millimetres(thickness * 1.35, 7 * size, 15 * size), tilt(8, 0, side * -10), spread: [0, 0, 0])
      let medial = blob(
        top + Millimetres(side * 1.5, 11, -5) * size, Millimetres(thickness, 12 * size, 14 * size),
        tilt(10, 0, side * -8), spread: [0.6, 1, 1])
      let lateral = blob(
        top + Millimetres(side * 7, 9, -6) * size, Millimetres(thickness, 12 * size, 14 * size),
        tilt(10, 0, side * -42), spread: [0.6, 1, 1])
      add(.union(.union(crest, medial, fillet: 3), lateral, fillet: 3), name)
    }
  }

  mutating func addGallbladder() {
    if random.chance(0.12) { return }
    let size = factor(0.2)
    let center = Millimetres(-50, -46, 14) + upper + shake([5, 5, 5])
    add(
      .union(
        .ellipsoid(center: center, radii: Millimetres(14, 20, 18) * size, axes: tilt(30, 0, 15)),
        blob(
          center + Millimetres(10, 18, 14) * size, Millimetres(7, 11, 9) * size, tilt(30, 0, 15), spread: [1, 1, 1]),
        fillet: 8),
      .gallbladder, wall: (.bowel, 1.2))
    if random.chance(0.15) {
      add(blob(center + [0, 12 * size, -4], [4, 3, 4], tilt(0, 0, 0)), .gallbladder, core: .cortex)
    }
  }

  mutating func addPelvis() {
    // The wings of the ilium: a bowl cut from a bowl, one on each side.
    for side in [Float(-1), 1] {
      let outer = Solid.ellipsoid(
        center: [side * 72, 34, -128], radii: [56, 74, 72], axes: tilt(0, side * -12, side * 10, spread: 2))
      let inner = Solid.ellipsoid(
        center: [side * 58, 18, -118], radii: [58, 80, 88], axes: tilt(0, side * -12, side * 10, spread: 2))
      add(.difference(outer, inner, fillet: 3), .marrow, wall: (.cortex, 2.5))
      add(.ellipsoid(center: [side * 86, 14, -212], radii: [36, 34, 32], axes: .init()), .marrow, wall: (.cortex, 3))
      add(.ellipsoid(center: [side * 98, 10, -222], radii: [24, 24, 24], axes: .init()), .marrow, wall: (.cortex, 3))
      add(.tube([[side * 98, 10, -222, 16], [side * 134, 14, -246, 20]]), .marrow, wall: (.cortex, 3))
      add(
        .tube([[side * 70, -12, -220, 10], [side * 38, -52, -232, 8], [side * 4, -62, -240, 9]]), .marrow,
        wall: (.cortex, 2.5))
      // Muscles that line the pelvis.
      add(
        tube([
          [side * 96, 20, -75, 8], [side * 92, 22, -120, 15], [side * 88, 0, -165, 14], [side * 84, -20, -200, 12],
        ]), .muscle)
      add(
        .ellipsoid(center: [side * 58, 12, -218], radii: [13, 42, 30], axes: tilt(0, 0, side * -12, spread: 3)), .muscle
      )
    }
    add(
      uneven(
        tube([[0, 52, -180, 14], [0, 60, -205, 16], [0, 58, -235, 15], [0, 48, -262, 13]], spread: 4, size: 0.15), 2, 18
      ), .bowel,
      core: random.chance(0.5) ? .stool : .bowel, wall: (.bowel, 4), patches: (.gas, 14, 0.25))

    let fill = Float(random.uniform(0.6, 1.25))
    let bladder = blob(
      [0, -30, -198], Millimetres(44, 34, 31) * fill, tilt(12, 0, 0), spread: [3, 3, 3], size: 0.05)
    if isFemale {
      let size = factor(0.15)
      let lean = Float(random.normal() * 14)
      add(
        uneven(
          .union(
            blob([Float(random.normal() * 7), 6, -176], Millimetres(30, 25, 27) * size, tilt(-25 + lean, 0, 0)),
            blob([0, 22, -206], Millimetres(16, 15, 24) * size, tilt(-15, 0, 0)), fillet: 14), 2.5, 22), .uterus,
        patches: (.muscle, 14, 0.4))
    } else {
      let size = factor(0.18)
      add(
        uneven(blob([0, 8, -230], Millimetres(24, 18, 19) * size, tilt(0, 0, 0)), 1.8, 16), .prostate,
        patches: (.uterus, 9, 0.3))
      for side in [Float(-1), 1] {
        add(tube([[0, 22, -210, 4], [side * 18, 26, -204, 5], [side * 32, 24, -200, 4]]), .muscle, core: .prostate)
      }
    }
    add(bladder, .bladder, wall: (.muscle, 3.2 / max(fill, 0.7)))
  }
}
