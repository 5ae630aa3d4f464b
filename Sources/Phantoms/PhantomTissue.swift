import Random

/// What a point of a phantom is made of or belongs to.
enum PhantomTissue: UInt8, CaseIterable, Sendable {
  case air, table, fat, muscle, lung, heart, cortex, marrow, disc, fluid, gas, bowel, stool, oralContrast
  case spleen, rightKidney, leftKidney, medulla, sinus, gallbladder, esophagus, liver, stomach, aorta, cava
  case portalVein, pancreas, rightAdrenal, leftAdrenal, duodenum, bladder, prostate, uterus
  case kidneyTumor, kidneyCyst, liverTumor, necrosis, iliacArtery, iliacVein, mesenteric
  case darkRim, brightRim

  /// Those that some dataset marks.
  static let organs: Set<PhantomTissue> = [
    .spleen, .rightKidney, .leftKidney, .gallbladder, .esophagus, .liver, .stomach, .aorta, .cava, .portalVein,
    .pancreas, .rightAdrenal, .leftAdrenal, .duodenum, .bladder, .prostate, .uterus, .kidneyTumor, .kidneyCyst,
    .liverTumor,
  ]
}

/// How the tissues of one case look: a CT in one contrast phase in HU, or an MR sequence in its own units.
struct PhantomAppearance: Sendable {
  /// The mean of a tissue, the amplitudes of its noise at about 3, 8 and 30 mm, and its pattern.
  struct Look: Sendable {
    var mean: Float
    var fine: Float = 0
    var medium: Float = 0
    var coarse: Float = 0
    var texture: PhantomTexture?
  }

  enum ContrastPhase: CaseIterable, Sendable { case none, arterial, portal, delayed }

  var looks: [Look]
  /// The acquisition's noise: standard deviation in the image's units.
  var noise: Float
  /// The width of the noise's grain in pixels.
  var grain: Float
  let isMR: Bool
  /// The patient lies on a table that the scan shows.
  let hasTable: Bool
  /// The depth of the smooth change of brightness over an MR image; 0 for CT.
  var shading: Float
  /// How much of the patient a slice is averaged over, at most, in mm.
  var thickestSlice = 5.0

  subscript(tissue: PhantomTissue) -> Look {
    get { looks[Int(tissue.rawValue)] }
    set { looks[Int(tissue.rawValue)] = newValue }
  }

  /// A CT scan's appearance: mean attenuations as read in abdominal radiology for each phase, with the spread between patients.
  static func ct(phase: ContrastPhase, random: inout CounterRandom) -> PhantomAppearance {
    var result = PhantomAppearance(
      looks: Array(repeating: Look(mean: 0), count: PhantomTissue.allCases.count),
      noise: Float(random.uniform(9, 24)), grain: Float(random.uniform(0.6, 1.1)), isMR: false, hasTable: true,
      shading: 0)
    // No contrast, arterial, portal venous, delayed; texture amplitudes; spread between patients.
    let rows: [(PhantomTissue, [Float], (Float, Float, Float), Double)] = [
      (.air, [-1000, -1000, -1000, -1000], (0, 0, 0), 0),
      (.table, [-650, -650, -650, -650], (60, 0, 0), 60),
      (.fat, [-102, -102, -100, -100], (10, 14, 10), 6),
      (.muscle, [52, 56, 62, 60], (14, 16, 8), 4),
      (.lung, [-850, -845, -840, -845], (70, 90, 30), 25),
      (.heart, [42, 240, 140, 105], (8, 15, 25), 15),
      (.cortex, [480, 500, 500, 490], (60, 80, 40), 60),
      (.marrow, [150, 165, 170, 165], (45, 45, 25), 40),
      (.disc, [85, 88, 90, 90], (10, 15, 5), 8),
      (.fluid, [22, 24, 26, 26], (5, 6, 4), 5),
      (.gas, [-900, -900, -900, -900], (15, 0, 0), 30),
      (.bowel, [38, 72, 88, 80], (12, 18, 10), 9),
      (.stool, [10, 12, 12, 12], (110, 130, 40), 35),
      (.oralContrast, [210, 210, 210, 210], (25, 35, 25), 70),
      (.spleen, [47, 105, 116, 90], (5, 9, 6), 8),
      (.rightKidney, [33, 165, 178, 140], (7, 10, 8), 14),
      (.leftKidney, [33, 165, 178, 140], (7, 10, 8), 14),
      (.medulla, [30, 75, 150, 150], (8, 12, 6), 12),
      (.sinus, [-60, -45, -35, 130], (20, 45, 15), 25),
      (.gallbladder, [10, 11, 12, 12], (4, 4, 4), 7),
      (.esophagus, [38, 55, 70, 64], (14, 20, 8), 8),
      (.liver, [56, 72, 108, 88], (7, 7, 7), 11),
      (.stomach, [40, 75, 82, 72], (10, 12, 8), 8),
      (.aorta, [42, 300, 158, 112], (5, 6, 8), 22),
      (.cava, [40, 70, 142, 108], (6, 14, 16), 15),
      (.portalVein, [42, 110, 166, 112], (5, 7, 6), 14),
      (.pancreas, [38, 92, 88, 70], (24, 26, 8), 9),
      (.rightAdrenal, [28, 60, 70, 55], (10, 12, 4), 9),
      (.leftAdrenal, [28, 60, 70, 55], (10, 12, 4), 9),
      (.duodenum, [36, 70, 78, 68], (14, 24, 10), 9),
      (.bladder, [6, 7, 10, 150], (4, 4, 18), 6),
      (.prostate, [40, 60, 78, 72], (12, 18, 8), 8),
      (.uterus, [44, 75, 102, 92], (12, 22, 12), 10),
      (.kidneyTumor, [36, 105, 95, 82], (20, 34, 14), 16),
      (.kidneyCyst, [8, 9, 11, 11], (4, 4, 2), 6),
      (.liverTumor, [42, 52, 66, 62], (14, 18, 8), 12),
      (.necrosis, [18, 24, 28, 30], (10, 14, 6), 7),
      (.iliacArtery, [42, 290, 152, 110], (6, 8, 6), 22),
      (.iliacVein, [40, 60, 120, 108], (6, 10, 10), 15),
      (.mesenteric, [40, 150, 140, 105], (10, 10, 6), 20),
    ]
    let column = ContrastPhase.allCases.firstIndex(of: phase)!
    for (tissue, means, texture, spread) in rows {
      result[tissue] = Look(
        mean: means[column] + Float(random.normal() * spread), fine: texture.0, medium: texture.1, coarse: texture.2)
    }
    result[.leftKidney].mean = result[.rightKidney].mean + Float(random.normal() * 4)
    result[.leftAdrenal].mean = result[.rightAdrenal].mean
    // A fatty liver is darker than the spleen before contrast and dull after it.
    if random.chance(0.2) { result[.liver].mean -= Float(random.uniform(12, 40)) }
    return result
  }

  /// An MR sequence's appearance: T1-weighted (with or without fat suppression, before or after contrast) or T2-weighted,
  /// in units of its own scale.
  static func mr(random: inout CounterRandom) -> PhantomAppearance {
    let isT2 = random.chance(0.35)
    let isFatSuppressed = random.chance(0.6)
    let isEnhanced = !isT2 && random.chance(0.7)
    let gain = Float(random.uniform(0.6, 2.2))
    var result = PhantomAppearance(
      looks: Array(repeating: Look(mean: 0), count: PhantomTissue.allCases.count),
      noise: gain * Float(random.uniform(9, 20)), grain: Float(random.uniform(0.4, 0.8)), isMR: true,
      hasTable: false, shading: Float(random.uniform(0.1, 0.3)))
    let fat: Float = isFatSuppressed ? 130 : 620
    // T1, T1 enhanced, T2, and texture relative to the mean.
    let rows: [(PhantomTissue, (Float, Float, Float), Float)] = [
      (.air, (4, 4, 4), 0), (.table, (4, 4, 4), 0), (.fat, (fat, fat * 1.05, fat * 0.8), 0.10),
      (.muscle, (230, 280, 120), 0.10), (.lung, (25, 30, 20), 0.4), (.heart, (210, 520, 160), 0.15),
      (.cortex, (40, 45, 30), 0.3), (.marrow, (0.55 * fat + 90, 0.55 * fat + 140, 0.45 * fat + 80), 0.15),
      (.disc, (180, 200, 260), 0.12), (.fluid, (100, 110, 640), 0.10), (.gas, (8, 8, 8), 0.2),
      (.bowel, (220, 400, 260), 0.20), (.stool, (190, 200, 180), 0.5), (.oralContrast, (130, 140, 500), 0.15),
      (.spleen, (210, 430, 300), 0.07), (.rightKidney, (260, 560, 320), 0.08), (.leftKidney, (260, 560, 320), 0.08),
      (.medulla, (190, 500, 400), 0.08), (.sinus, (0.8 * fat, 0.8 * fat, 0.8 * fat + 60), 0.2),
      (.gallbladder, (120, 125, 700), 0.06), (.esophagus, (200, 330, 190), 0.18), (.liver, (340, 450, 170), 0.06),
      (.stomach, (210, 390, 240), 0.14), (.aorta, (150, 620, 70), 0.10), (.cava, (160, 560, 90), 0.12),
      (.portalVein, (170, 600, 90), 0.08), (.pancreas, (350, 470, 210), 0.13), (.rightAdrenal, (240, 380, 190), 0.12),
      (.leftAdrenal, (240, 380, 190), 0.12), (.duodenum, (220, 380, 270), 0.2), (.bladder, (100, 110, 720), 0.05),
      (.prostate, (230, 350, 280), 0.15), (.uterus, (230, 420, 320), 0.16), (.kidneyTumor, (210, 400, 340), 0.18),
      (.kidneyCyst, (95, 100, 720), 0.04), (.liverTumor, (230, 330, 300), 0.14), (.necrosis, (140, 160, 420), 0.15),
      (.iliacArtery, (150, 600, 70), 0.1), (.iliacVein, (160, 540, 100), 0.1), (.mesenteric, (160, 500, 100), 0.15),
    ]
    for (tissue, means, texture) in rows {
      let mean = isT2 ? means.2 : isEnhanced ? means.1 : means.0
      let level = gain * mean * Float(1 + 0.07 * random.normal())
      result[tissue] = Look(
        mean: level, fine: 0.8 * texture * level, medium: texture * level, coarse: 0.5 * texture * level)
    }
    return result
  }
}
