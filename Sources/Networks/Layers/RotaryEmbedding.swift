import Elementary
import Tensors

#if canImport(Glibc)
  import Glibc
#endif

/// DINOv3's axial rotary position embedding (Siméoni et al. 2025, after Su et al. 2021).
///
/// The patch in row i of H and column j of W lies at y = 2 (i + ½) / H - 1 and x = 2 (j + ½) / W - 1. With D the width of
/// a head and the periods p_k = base^(4k / D), k < D/4, its angles are 2π y / p_k, then 2π x / p_k, then the same again.
package struct RotaryEmbedding {
  let headWidth: Int
  let base: Double
  /// The tables of unchanged coordinates.
  private let still = ConstantCache<TableKey>()

  private struct TableKey: Hashable {
    let rows, columns: Int
    let elementType: ElementType
  }

  package init(headWidth: Int, base: Double) {
    precondition(headWidth % 4 == 0, "rotary embedding needs heads of a width divisible by 4, not \(headWidth)")
    self.headWidth = headWidth
    self.base = base
  }

  var periods: [Double] {
    (0..<headWidth / 4).map { Elementary.pow(base, 4 * Double($0) / Double(headWidth)) }
  }

  /// Cosines and sines for a grid of patches, row by row: `[rows · columns, headWidth]` each.
  /// - Parameter change: of the coordinates.
  package func tables(
    rows: Int, columns: Int, change: (vertical: RotaryAugmentation.Axis, horizontal: RotaryAugmentation.Axis)? = nil,
    _ elementType: ElementType
  ) -> (cosine: Tensor, sine: Tensor) {
    if let change {
      return newTables(rows, columns, change.vertical, change.horizontal, elementType)
    }
    let known = still(TableKey(rows: rows, columns: columns, elementType: elementType)) {
      let tables = newTables(rows, columns, nil, nil, elementType)
      return [tables.cosine, tables.sine]
    }
    return (known[0], known[1])
  }

  private func newTables(
    _ rows: Int, _ columns: Int, _ verticalChange: RotaryAugmentation.Axis?,
    _ horizontalChange: RotaryAugmentation.Axis?,
    _ elementType: ElementType
  ) -> (cosine: Tensor, sine: Tensor) {
    let vertical = angles(rows, verticalChange)
    let horizontal = angles(columns, horizontalChange)
    func table(_ function: (Double) -> Double) -> Tensor {
      let (v, h) = (vertical.map(function), horizontal.map(function))
      let quarter = headWidth / 4
      let values = Tensor(shape: [rows * columns, headWidth], of: Float.self) { values in
        var place = 0
        for row in 0..<rows {
          for column in 0..<columns {
            for _ in 0..<2 {
              for k in 0..<quarter { values[place + k] = Float(v[row * quarter + k]) }
              for k in 0..<quarter { values[place + quarter + k] = Float(h[column * quarter + k]) }
              place += 2 * quarter
            }
          }
        }
      }
      return values.converted(to: elementType)
    }
    return (table(Elementary.cos), table(Elementary.sin))
  }

  private func angles(_ count: Int, _ change: RotaryAugmentation.Axis?) -> [Double] {
    let periods = periods
    return (0..<count).flatMap { index in
      let place = 2 * (Double(index) + 0.5) / Double(count) - 1
      let coordinate = change.map { $0(place) } ?? place
      return periods.map { 2 * Double.pi * coordinate / $0 }
    }
  }
}
