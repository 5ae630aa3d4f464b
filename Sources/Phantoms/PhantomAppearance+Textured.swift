import Elementary
import Random

extension PhantomAppearance {
  /// How textured phantoms look: soft tissues of one mean, within the spread between patients of 3 HU, each with a pattern of
  /// its own that varies a little from case to case.
  static func textured(random: inout CounterRandom) -> PhantomAppearance {
    var result = PhantomAppearance(
      looks: Array(repeating: Look(mean: 50), count: PhantomTissue.allCases.count),
      noise: Float(random.uniform(5, 8)), grain: Float(random.uniform(0.6, 1.1)), isMR: false, hasTable: false,
      shading: 0)
    let surroundings: [(PhantomTissue, Float, (Float, Float, Float))] = [
      (.air, -250, (0, 0, 0)), (.table, -150, (20, 0, 0)), (.fat, -30, (6, 8, 6)), (.muscle, 50, (4, 6, 3)),
      (.lung, -180, (25, 25, 10)), (.heart, 50, (0, 0, 0)), (.cortex, 180, (15, 20, 10)), (.marrow, 110, (15, 15, 8)),
      (.gas, -150, (8, 0, 0)), (.darkRim, 20, (4, 0, 0)), (.brightRim, 80, (4, 0, 0)),
    ]
    for (tissue, mean, texture) in surroundings {
      result[tissue] = Look(
        mean: mean + Float(random.normal() * 3), fine: texture.0, medium: texture.1, coarse: texture.2)
    }
    let patterns: [(PhantomTissue, PhantomTexture.Pattern, wavelength: Double, amplitude: Double)] = [
      (.spleen, .brightSpots, 6, 28), (.rightKidney, .stripes, 7.5, 28), (.leftKidney, .stripes, 15, 28),
      (.gallbladder, .blotches, 6, 28), (.esophagus, .ridges, 6, 28), (.liver, .grain, 9, 28),
      (.stomach, .darkSpots, 13, 28), (.aorta, .grain, 24, 5), (.cava, .grain, 24, 5), (.portalVein, .grain, 4.5, 18),
      (.pancreas, .ridges, 12, 28), (.rightAdrenal, .stripes, 4, 28), (.leftAdrenal, .darkSpots, 4, 28),
      (.duodenum, .blotches, 11, 28), (.bladder, .brightSpots, 14, 28), (.prostate, .darkSpots, 6.5, 28),
      (.uterus, .darkSpots, 6.5, 28), (.kidneyTumor, .brightSpots, 9, 28), (.kidneyCyst, .grain, 24, 5),
      (.liverTumor, .ridges, 7, 28), (.necrosis, .grain, 24, 5), (.bowel, .grain, 18, 18), (.stool, .grain, 5, 14),
      (.oralContrast, .grain, 14, 12), (.fluid, .grain, 24, 5), (.disc, .stripes, 5, 12), (.heart, .grain, 14, 14),
      (.medulla, .grain, 24, 5), (.sinus, .grain, 5, 14), (.iliacArtery, .grain, 24, 5), (.iliacVein, .grain, 4.5, 12),
      (.mesenteric, .grain, 24, 5),
    ]
    for (tissue, pattern, wavelength, amplitude) in patterns {
      let turn = Float(random.uniform(0, 2 * .pi))
      let rise = Float(random.uniform(-0.4, 0.4))
      let level = (1 - rise * rise).squareRoot()
      result[tissue] = Look(
        mean: 50 + Float(random.normal() * 3),
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
}
