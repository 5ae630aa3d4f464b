import Elementary
import Random

func sine(_ angle: Float) -> Float { Float(Elementary.sin(Double(angle))) }
func cosine(_ angle: Float) -> Float { Float(Elementary.cos(Double(angle))) }

/// The trunk's wall around the organs: skin, fat, muscle, ribs and, above the diaphragm, the lungs and the heart.
struct PhantomTrunk: Sendable {
  /// Half-widths of the cavity along x and y, and the y of its centre.
  let cavity: SIMD3<Float>
  /// The thickness of the muscle around it.
  let muscle: Float
  /// Fat under the skin at the sides, in front and behind.
  let fat: (side: Float, front: Float, back: Float)
  /// The height of the diaphragm's right and left dome.
  let domes: (right: Float, left: Float)
  let ribPhase: Float
  let ribPitch: Float

  init(random: inout CounterRandom) {
    let stout = Float(random.uniform())
    cavity = [
      Float(random.uniform(130, 142)) + 8 * stout, Float(random.uniform(84, 92)) + 12 * stout, -3 - 5 * stout,
    ]
    muscle = Float(random.uniform(10, 15))
    let thickness = 6 + 30 * stout * Float(random.uniform(0.6, 1.2))
    fat = (thickness, thickness * Float(random.uniform(0.6, 1.3)), 6 + thickness * Float(random.uniform(0.3, 0.7)))
    let dome = Float(130 + 10 * random.normal())
    domes = (dome, dome - Float(random.uniform(4, 18)))
    ribPhase = Float(random.uniform(0, 27))
    ribPitch = Float(random.uniform(25, 30))
  }

  /// Half of the outer width along x, fat and skin included, in mm before scaling.
  var halfWidth: Float { cavity.x + muscle + fat.side + 14 }

  /// About the signed distance from the surface of an ellipse.
  @inline(__always)
  private static func ellipse(_ x: Float, _ y: Float, _ a: Float, _ b: Float) -> Float {
    let u = x / a
    let v = y / b
    let norm = (u * u + v * v).squareRoot()
    let slope = ((u / a) * (u / a) + (v / b) * (v / b)).squareRoot()
    return norm * (norm - 1) / (slope + 1e-6)
  }

  /// A smooth step from 0 to 1 between 0 and 1.
  @inline(__always)
  private static func step(_ value: Float) -> Float {
    let t = min(max(value, 0), 1)
    return t * t * (3 - 2 * t)
  }

  /// The layers of one point, all as signed distances in mm, negative inside.
  struct Layers {
    var skin: Float
    var muscle: Float
    var cavity: Float
    var rib: Float
    var lung: Float
    var heart: Float
  }

  /// The layers at a point.
  @inline(__always)
  func layers(_ x: Float, _ y: Float, _ z: Float) -> Layers {
    // The waist is slimmer, the hips are deeper behind, the chest narrows upwards.
    let hips = Self.step(-(z + 70) / 90)
    let chest = Self.step((z - 70) / 110)
    let behind = Self.step(y / 85)
    let a = cavity.x - 10 * chest - 14 * hips
    let b = cavity.y + 4 * chest
    let inner = Self.ellipse(x, y - cavity.z, a, b)
    // The muscles beside the spine and the buttocks thicken the wall behind.
    let furrow = Self.step(abs(x) / 42)
    let beside = (0.72 + 0.28 * furrow) * Self.step(1.25 - abs(x) / 95)
    let buttock = (0.45 + 0.55 * furrow) * Self.step(1.7 - abs(x) / 110)
    let wall = muscle + behind * (22 * beside * (1 - hips) + 40 * hips * buttock) + 12 * hips * (1 - behind)
    let outer = inner - wall
    let lower = y > 0 ? fat.back : fat.front
    let share = abs(y) / (abs(x) + abs(y) + 1)
    let skin = outer - (fat.side * (1 - share) + lower * share) - 8 * hips * behind

    // Ribs run in the wall, downwards to the front; in front below the breastbone there are none.
    let along = z - 0.55 * y
    let inFront = max(-30 - y, 0)
    let above = 8 + 0.55 * inFront - along
    let order = (along + ribPhase) / ribPitch
    let phase = (order - order.rounded()) * ribPitch
    let depth = inner - 6.5
    let bar = (phase * phase * 0.55 + depth * depth).squareRoot() - 4.4
    let rib = max(max(bar, above * 0.6), y > 0 ? 14 - abs(x) : 30 - abs(x))

    // Two domes; lungs reach lower behind and at the sides.
    let rx = x + 68
    let lx = x - 72
    let deep = max(y + 15, 0)
    let right = domes.right - 0.0068 * rx * rx - 0.0085 * deep * deep - z
    let left = domes.left - 0.0068 * lx * lx - 0.0085 * deep * deep - z
    let top = x < -6 ? right : x > 26 ? left : right + (x + 6) / 32 * (left - right)
    // Between the lungs: the heart in front, vessels behind.
    let middle = 26 - abs(x - 8) + (y < -10 ? min((-10 - y) * 0.5, 18) : 0)
    let lung = max(max(top * 0.8 + 4, inner - 1), middle)
    let hu = (x - 22) / 52
    let hv = (y + 38) / 42
    let hw = (z - domes.left - 40) / 42
    let heart = ((hu * hu + hv * hv + hw * hw).squareRoot() - 1) * 42
    return Layers(skin: skin, muscle: outer, cavity: inner, rib: rib, lung: lung, heart: heart)
  }
}
