import Elementary
import Random

/// One body to paint: where it is, what it is called, and what it looks like from its surface inwards.
struct PhantomPart: Sendable {
  var solid: Solid
  /// The name its points get; the kind decides whether that name is a label.
  var name: PhantomTissue
  /// What its inside looks like.
  var core: PhantomTissue
  /// What its outermost `thickness` mm look like.
  var wall: (tissue: PhantomTissue, thickness: Float)?
  /// Patches of another look inside: where noise of `wavelength` mm is above `threshold` (-1 ... 1).
  var patches: (tissue: PhantomTissue, wavelength: Float, threshold: Float, shift: Float)?
  /// Inside, gas gathers above (y less than) this level: the patient lies on the back.
  var gasLevel: Float?
}

/// The anatomy of one case: parts in the order of painting, and the trunk that holds them.
///
/// Space is in mm: x to the patient's left, y to the back, z to the head; the origin lies before the first lumbar vertebra.
/// Sizes and places are those of an adult of average build, varied from case to case; `scale` makes the whole larger or
/// smaller.
struct PhantomAnatomy: Sendable {
  var parts: [PhantomPart]
  /// How many of the parts lie under the trunk's wall and lungs; the others are painted over them.
  var innerCount: Int
  var trunk: PhantomTrunk
  var scale: Float
  /// Rotation about z at the origin's height, in radians.
  var turn: Float
  /// How far it turns on for each mm on the scanner's side, in radians.
  var twist: Float = 0
  /// Left and right are exchanged.
  var isMirrored = false
  /// Slices are counted from the head.
  var isUpsideDown = false
  /// The sign of x on the scanner's side.
  var handedness: Float { isMirrored ? -1 : 1 }
  var noise: PhantomNoise
  /// The smooth displacement of everything, in mm.
  var deformation: (amplitude: Float, wavelength: Float, shift: Float)

  init(kind: PhantomKind, phase: PhantomAppearance.ContrastPhase, random: inout CounterRandom) {
    noise = PhantomNoise(random: &random)
    var builder = PhantomAnatomyBuilder(kind: kind, phase: phase, random: random)
    trunk = builder.trunk
    parts = builder.build()
    innerCount = builder.innerCount
    scale = Float(builder.random.uniform(0.9, 1.1))
    turn = Float(builder.random.normal() * 0.05)
    deformation = (
      Float(builder.random.uniform(3, 7)), Float(builder.random.uniform(65, 95)), builder.shift()
    )
    random = builder.random
  }

  /// Where a place of the anatomy lies before the scanner, but for the deformation.
  func scannerPlace(of place: Millimetres) -> Millimetres {
    let (sine, cosine) = rotation(z: place.z * scale)
    let x = handedness * place.x
    return Millimetres(cosine * x - sine * place.y, sine * x + cosine * place.y, place.z) * scale
  }

  /// The sine and the cosine of the rotation at a height on the scanner's side.
  func rotation(z: Float) -> (sine: Float, cosine: Float) {
    let angle = turn + twist * z
    return (sine(angle), cosine(angle))
  }

  /// Turned, twisted, mirrored and scaled as no patient lies; an organ's inside is of one look, with a rim.
  mutating func becomeTextured(random: inout CounterRandom) {
    turn = Float(random.uniform(0, 2 * .pi))
    twist = Float(random.uniform(0.01, 0.03)) * (random.chance(0.5) ? 1 : -1)
    isMirrored = random.chance(0.5)
    isUpsideDown = random.chance(0.5)
    scale = Float(Elementary.exp(random.uniform(-0.1, 0.1)))
    deformation.amplitude = Float(random.uniform(5, 10))
    for index in parts.indices {
      parts[index].gasLevel = nil
      guard PhantomTissue.organs.contains(parts[index].name) else { continue }
      parts[index].core = parts[index].name
      parts[index].patches = nil
      parts[index].wall = parts[index].name.rim.map { (tissue: $0, thickness: 2) }
      parts[index].solid = .grown(parts[index].solid, by: parts[index].name.growth)
    }
  }
}
