import Elementary
import Random
import Tensors

#if canImport(Glibc)
  import Glibc
#endif

/// Patches masked in rectangles, as BEiT masks them (Bao et al., "BEiT: BERT pre-training of image transformers", ICLR 2022), with
/// the numbers of DINOv3's code.
public enum BlockMask {
  /// How often a rectangle is drawn until one fits.
  private static let attempts = 10
  /// A rectangle's sides stand to each other as 0.3 : 1 to 1 : 0.3.
  private static let narrowest = 0.3
  /// The smallest area that is drawn, in patches.
  private static let smallest = 4.0

  /// Exactly `count` of the rows x columns patches, true where masked: rectangle after rectangle until the count is reached or
  /// none of ten draws of one fits; then single patches, evenly.
  ///
  /// A drawn rectangle fits when it is smaller than the image along both sides and masks at least one patch and no more than are
  /// missing. Its area is even between 4 and what is missing, at most half of all patches; its ratio of sides is even on the
  /// logarithm.
  public static func draw(rows: Int, columns: Int, count: Int, _ random: inout CounterRandom) -> [Bool] {
    precondition(count >= 0 && count <= rows * columns, "\(count) of \(rows) x \(columns) patches")
    var mask = [Bool](repeating: false, count: rows * columns)
    var missing = count
    while missing > 0 {
      let greatest = min(missing, rows / 2 * columns)
      var found: [Int]?
      for _ in 0..<attempts where found == nil {
        found = rectangle(rows: rows, columns: columns, upTo: greatest, in: mask, &random)
      }
      guard let found else { break }
      for place in found { mask[place] = true }
      missing -= found.count
    }
    var rest = mask.indices.filter { !mask[$0] }
    random.shuffle(&rest)
    for place in rest.prefix(missing) { mask[place] = true }
    return mask
  }

  /// The patches that a drawn rectangle masks anew; nil when it does not fit.
  private static func rectangle(
    rows: Int, columns: Int, upTo greatest: Int, in mask: [Bool], _ random: inout CounterRandom
  ) -> [Int]? {
    let area = random.uniform(smallest, Double(greatest))
    let reach = -Elementary.log(narrowest)
    let ratio = Elementary.exp(random.uniform(-reach, reach))
    let height = Int((area * ratio).squareRoot().rounded())
    let width = Int((area / ratio).squareRoot().rounded())
    guard height < rows, width < columns else { return nil }
    let top = random.integer(below: rows - height + 1)
    let left = random.integer(below: columns - width + 1)
    let places = (top..<(top + height)).flatMap { row in (left..<(left + width)).map { row * columns + $0 } }
    let new = places.filter { !mask[$0] }
    return new.isEmpty || new.count > greatest ? nil : new
  }

  /// How many patches of each of a batch's views are masked: of ⌊`probability` · views⌋ views the i-th has ⌊patches · rᵢ⌋, where
  /// rᵢ is the i-th of as many equal steps from the least to the greatest ratio; in random order. Single precision and
  /// counted from the nearer end, as PyTorch's `linspace`.
  package static func counts(
    views: Int, patches: Int, probability: Double, ratio: ClosedRange<Double>, _ random: inout CounterRandom
  ) -> [Int] {
    let masked = Int(Double(views) * probability)
    var counts = (0..<views).map { view in
      guard view < masked else { return 0 }
      let (least, greatest) = (Float(ratio.lowerBound), Float(ratio.upperBound))
      let step = (greatest - least) / Float(masked)
      let isNearStart = view + 1 < (masked + 1) / 2
      return Int(
        Float(patches) * (isNearStart ? least + step * Float(view + 1) : greatest - step * Float(masked - view - 1)))
    }
    random.shuffle(&counts)
    return counts
  }
}
