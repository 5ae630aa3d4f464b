import Elementary
import Random
import Tensors

#if canImport(Glibc)
  import Glibc
#endif

/// Random changes of the coordinates that a rotary embedding sees in training, so that a transformer learns no one grid by heart
/// (Siméoni et al. 2025, section 3.2). Drawn anew in every block, for all images of a forward pass alike, as DINOv3's code does.
public struct RotaryAugmentation: Sendable, Equatable {
  /// The greatest factor of all coordinates: exp(U(-log r, log r)), one for both axes; 1 for none.
  public var rescale: Double
  /// The greatest factor of an axis of its own, drawn likewise for each; 1 for none.
  public var jitter: Double
  /// The greatest offset, drawn evenly for each axis; 0 for none. Coordinates run from -1 to 1.
  public var shift: Double

  public init(rescale: Double = 1, jitter: Double = 1, shift: Double = 0) {
    (self.rescale, self.jitter, self.shift) = (rescale, jitter, shift)
  }

  public static let none = Self()

  /// What is wrong with these numbers, as one clause.
  var problem: String? {
    for (name, factor) in [("rescale", rescale), ("jitter", jitter)] where !(factor >= 1 && factor <= 100) {
      return "its coordinates' greatest \(name) of \(factor) is not in 1...100"
    }
    return shift >= 0 && shift <= 100 ? nil : "its coordinates' greatest shift of \(shift) is not in 0...100"
  }

  /// One axis of a drawn change: (coordinate + shift) · factor.
  package struct Axis: Equatable {
    package var shift = 0.0
    package var factor = 1.0

    package init(shift: Double = 0, factor: Double = 1) { (self.shift, self.factor) = (shift, factor) }

    func callAsFunction(_ coordinate: Double) -> Double { (coordinate + shift) * factor }
  }

  /// The change of the vertical and the horizontal coordinates; nil when nothing changes.
  package func draw(_ random: consuming CounterRandom?) -> (vertical: Axis, horizontal: Axis)? {
    guard self != .none, var random else { return nil }
    func factor(_ greatest: Double) -> Double {
      let reach = Elementary.log(greatest)
      return Elementary.exp(random.uniform(-reach, reach))
    }
    let shifts = (random.uniform(-shift, shift), random.uniform(-shift, shift))
    let jitters = (factor(jitter), factor(jitter))
    let rescale = factor(rescale)
    return (Axis(shift: shifts.0, factor: jitters.0 * rescale), Axis(shift: shifts.1, factor: jitters.1 * rescale))
  }
}
