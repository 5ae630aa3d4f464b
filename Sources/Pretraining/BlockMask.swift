import Tensors

#if canImport(Glibc)
  import Glibc
#endif

/// Patches masked in rectangles, as BEiT masks them (Bao et al., "BEiT: BERT pre-training of image transformers", ICLR 2022).
public enum BlockMask {
  /// Exactly `count` of the rows x columns patches, true where masked: rectangles of sides 1 : 3 to 3 : 1 laid at random as
  /// long as they fit into the count, then single patches.
  public static func draw(rows: Int, columns: Int, count: Int, _ random: inout CounterRandom) -> [Bool] {
    precondition(count >= 0 && count <= rows * columns, "\(count) of \(rows) x \(columns) patches")
    var mask = [Bool](repeating: false, count: rows * columns)
    var masked = 0
    for _ in 0..<10 where masked < count {
      let area = random.uniform(min(4, Double(count - masked)), Double(count - masked))
      let ratio = exp(random.uniform(-log(3), log(3)))
      let height = min(rows, max(1, Int((area * ratio).squareRoot().rounded())))
      let width = min(columns, max(1, Int((area / ratio).squareRoot().rounded())))
      let top = random.integer(below: rows - height + 1)
      let left = random.integer(below: columns - width + 1)
      let places = (top..<(top + height)).flatMap { row in (left..<(left + width)).map { row * columns + $0 } }
      let new = places.filter { !mask[$0] }
      if new.count > count - masked { continue }
      for place in new { mask[place] = true }
      masked += new.count
    }
    var rest = mask.indices.filter { !mask[$0] }
    random.shuffle(&rest)
    for place in rest.prefix(count - masked) { mask[place] = true }
    return mask
  }
}
