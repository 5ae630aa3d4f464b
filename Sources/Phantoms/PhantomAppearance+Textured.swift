import Elementary
import Random

extension PhantomAppearance {
  /// How textured phantoms look: soft tissues of one mean, within the spread between patients of 3 HU, each with a pattern of
  /// its own that varies a little from case to case.
  static func textured(random: inout CounterRandom) -> PhantomAppearance {
    var result = PhantomAppearance(
      looks: Array(repeating: Look(mean: 50), count: PhantomTissue.allCases.count),
      noise: Float(random.uniform(6, 10)), grain: Float(random.uniform(0.6, 1.1)), isMR: false, hasTable: false,
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
      (.spleen, .brightSpots, 6, 22), (.rightKidney, .stripes, 7, 20), (.leftKidney, .stripes, 13, 20),
      (.gallbladder, .grain, 24, 5), (.esophagus, .ridges, 6, 22), (.liver, .grain, 8, 22),
      (.stomach, .darkSpots, 13, 22), (.aorta, .grain, 24, 5), (.cava, .grain, 4.5, 18), (.portalVein, .grain, 24, 5),
      (.pancreas, .ridges, 11, 22), (.rightAdrenal, .brightSpots, 4, 24), (.leftAdrenal, .darkSpots, 4, 24),
      (.duodenum, .stripes, 5, 20), (.bladder, .grain, 20, 18), (.prostate, .darkSpots, 7, 22),
      (.uterus, .darkSpots, 7, 22), (.kidneyTumor, .brightSpots, 11, 22), (.kidneyCyst, .grain, 24, 5),
      (.liverTumor, .ridges, 7, 22), (.necrosis, .grain, 24, 5), (.bowel, .brightSpots, 16, 20),
      (.stool, .grain, 5, 14), (.oralContrast, .grain, 12, 12), (.fluid, .grain, 24, 5), (.disc, .stripes, 4, 12),
      (.heart, .grain, 14, 14), (.medulla, .grain, 24, 5), (.sinus, .grain, 5, 14), (.iliacArtery, .grain, 24, 5),
      (.iliacVein, .grain, 4.5, 12), (.mesenteric, .grain, 24, 5),
    ]
    for (tissue, pattern, wavelength, amplitude) in patterns {
      let turn = Float(random.uniform(0, 2 * .pi))
      let rise = Float(random.uniform(-0.4, 0.4))
      let level = (1 - rise * rise).squareRoot()
      result[tissue] = Look(
        mean: 50 + Float(random.normal() * 3),
        texture: PhantomTexture(
          pattern: pattern, wavelength: Float(wavelength * Elementary.exp(0.06 * random.normal())),
          amplitude: Float(amplitude * Elementary.exp(0.1 * random.normal())), shift: Float(random.uniform(0, 4000)),
          across: [cosine(turn) * level, sine(turn) * level, rise]))
    }
    // What bounds an organ does not say which of its sides it is on: a uterus looks as a prostate does.
    result[.uterus] = result[.prostate]
    return result
  }
}

extension PhantomTissue {
  /// What the outermost millimetres of an organ look like in textured phantoms.
  var rim: PhantomTissue? {
    switch self {
    case .gallbladder, .cava, .stomach, .leftKidney, .prostate, .uterus, .liverTumor: .brightRim
    case .esophagus, .aorta, .bladder, .liver, .rightKidney, .kidneyTumor: .darkRim
    default: nil
    }
  }
}
