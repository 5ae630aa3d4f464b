import Elementary
import Random

extension PhantomAppearance {
  /// How textured phantoms look: organs have means within 5 HU of 50, each with a pattern of its own, of 13 HU or less, that
  /// varies a little from case to case; the scanner's noise is 3 to 4.5 HU. Means tell an organ where many voxels are averaged,
  /// not voxel by voxel.
  static func textured(random: inout CounterRandom) -> PhantomAppearance {
    var result = PhantomAppearance(
      looks: Array(repeating: Look(mean: 50), count: PhantomTissue.allCases.count),
      noise: Float(random.uniform(3, 4.5)), grain: Float(random.uniform(0.6, 1.1)), isMR: false, hasTable: false,
      shading: 0)
    // Thin slices with gaps: patterns stay sharp, and no two slices show the same.
    result.thickestSlice = 2
    let surroundings: [(PhantomTissue, Float, (Float, Float, Float))] = [
      (.air, -250, (0, 0, 0)), (.table, -150, (20, 0, 0)), (.fat, -30, (6, 8, 6)), (.muscle, 50, (4, 6, 3)),
      (.lung, -180, (25, 25, 10)), (.heart, 50, (0, 0, 0)), (.cortex, 180, (15, 20, 10)), (.marrow, 110, (15, 15, 8)),
      (.gas, -150, (8, 0, 0)), (.darkRim, 20, (4, 0, 0)), (.brightRim, 80, (4, 0, 0)),
    ]
    for (tissue, mean, texture) in surroundings {
      result[tissue] = Look(
        mean: mean + Float(random.normal() * 3), fine: texture.0, medium: texture.1, coarse: texture.2)
    }
    let patterns: [(PhantomTissue, mean: Float, PhantomTexture.Pattern, wavelength: Double, amplitude: Double)] = [
      (.spleen, 3, .brightSpots, 3.2, 13), (.rightKidney, 2, .stripes, 6, 13), (.leftKidney, 1, .checks, 6, 13),
      (.gallbladder, -5, .grain, 2.4, 10), (.esophagus, 5, .darkSpots, 2.6, 13), (.liver, 0, .grain, 5, 10),
      (.stomach, -4, .darkSpots, 4.5, 13), (.aorta, 5, .grain, 24, 3), (.cava, -2, .grain, 24, 3),
      (.portalVein, 3, .grain, 3, 9), (.pancreas, -5, .blotches, 4, 13), (.rightAdrenal, 5, .stripes, 3.8, 13),
      (.leftAdrenal, -2, .blotches, 2.4, 13), (.duodenum, 1, .brightNet, 4, 13), (.bladder, 1, .darkLines, 6, 13),
      (.prostate, 1, .darkNet, 4.5, 13), (.uterus, 1, .darkNet, 4.5, 13), (.kidneyTumor, 3, .brightSpots, 4, 14),
      (.kidneyCyst, -5, .grain, 24, 3), (.liverTumor, -4, .brightNet, 4.5, 14), (.necrosis, -5, .grain, 24, 3),
      (.bowel, 0, .grain, 18, 9), (.stool, 0, .grain, 18, 7), (.oralContrast, 0, .grain, 14, 6),
      (.fluid, 0, .grain, 12, 5), (.disc, 0, .stripes, 5, 6), (.heart, 0, .grain, 14, 7),
      (.medulla, 0, .grain, 24, 3), (.sinus, 0, .grain, 24, 3), (.iliacArtery, 0, .grain, 12, 6),
      (.iliacVein, 0, .grain, 12, 6), (.mesenteric, 0, .grain, 12, 4),
    ]
    for (tissue, mean, pattern, wavelength, amplitude) in patterns {
      let turn = Float(random.uniform(0, 2 * .pi))
      let rise = Float(random.uniform(-0.4, 0.4))
      let level = (1 - rise * rise).squareRoot()
      result[tissue] = Look(
        mean: 50 + mean + Float(random.normal() * 0.7),
        texture: PhantomTexture(
          pattern: pattern, wavelength: Float(wavelength * Elementary.exp(0.04 * random.normal())),
          amplitude: Float(amplitude * Elementary.exp(0.07 * random.normal())), shift: Float(random.uniform(0, 4000)),
          across: [cosine(turn) * level, sine(turn) * level, rise]))
    }
    // They are one label.
    result[.uterus] = result[.prostate]
    return result
  }
}

extension PhantomTissue {
  /// What the outermost millimetres of an organ look like in textured phantoms.
  var rim: PhantomTissue? {
    switch self {
    case .cava, .stomach, .leftKidney, .prostate, .uterus, .liverTumor: .brightRim
    case .esophagus, .aorta, .bladder, .liver, .rightKidney, .kidneyTumor: .darkRim
    default: nil
    }
  }

  /// How much larger than a patient's an organ of textured phantoms is, in mm outwards: the thin and small ones would span
  /// less than one of a ViT's patches.
  var growth: Float {
    switch self {
    case .rightAdrenal, .leftAdrenal: 4
    case .esophagus, .gallbladder, .pancreas, .aorta, .cava: 3
    case .duodenum, .portalVein: 2.5
    default: 0
    }
  }
}
