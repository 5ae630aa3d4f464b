import Elementary
import Tensors

#if canImport(Glibc)
  import Glibc
#endif

/// Deformable attention on one map (Zhu et al. 2021): each head of a query samples the map at a few points around the query's
/// reference point. The points' offsets in pixels and the attention weights are linear in the query.
struct DeformableAttention: Module {
  let samplingOffsets: Linear
  let attentionWeights: Linear
  let value: Linear
  let output: Linear
  private let heads: Int
  private let points: Int
  /// Of each map and the queries' reference points: a pixel's size, and the reference once for each sampling point.
  private let cache = ConstantCache<ReferenceKey>()

  private struct ReferenceKey: Hashable {
    let map: MapSize
    let points: [[Double]]
    let elementType: ElementType
  }

  /// - Parameter ratio: the values' width over the tokens'.
  init(_ name: String, width: Int, heads: Int, points: Int, ratio: Double, _ initializer: Initializer) {
    let inner = Int(Double(width) * ratio)
    precondition(inner % heads == 0 && inner > 0, "values of a width of \(inner) do not divide into \(heads) heads")
    // At first a head looks in a direction of its own, its points one, two, ... pixels away, all with the same weight.
    var directions: [Float] = []
    for head in 0..<heads {
      let angle = 2 * Double.pi * Double(head) / Double(heads)
      let direction = [Elementary.cos(angle), Elementary.sin(angle)]
      let longer = max(abs(direction[0]), abs(direction[1]))
      for point in 1...points { directions += direction.map { Float($0 / longer * Double(point)) } }
    }
    samplingOffsets = Linear(
      weight: initializer.constant("\(name).samplingOffsets.weight", [directions.count, width], 0),
      bias: Parameter("\(name).samplingOffsets.bias", Tensor(directions, shape: [directions.count]), decays: false))
    attentionWeights = Linear(
      weight: initializer.constant("\(name).attentionWeights.weight", [heads * points, width], 0),
      bias: initializer.bias("\(name).attentionWeights.bias", [heads * points]))
    value = Linear("\(name).value", inputs: width, outputs: inner, weights: .xavier, initializer)
    output = Linear("\(name).output", inputs: inner, outputs: width, weights: .xavier, initializer)
    self.heads = heads
    self.points = points
  }

  /// queries `[N, Q, width]` with reference points (x, y) from 0 to 1, features `[N, L, width]` of the map's L pixels → `[N, Q, width]`
  func callAsFunction(_ queries: Tensor, at references: [(x: Double, y: Double)], features: Tensor, map: MapSize)
    -> Tensor
  {
    let (count, length) = (queries.shape[0], queries.shape[1])
    precondition(references.count == length, "\(references.count) reference points of \(length) queries")
    let type = queries.elementType
    let key = ReferenceKey(map: map, points: references.map { [$0.x, $0.y] }, elementType: type)
    let constants = cache(key) { self.constants(of: references, map, type) }
    let seen = samplingOffsets(queries) * constants[0] + constants[1]
    let values = value(features)
    let found = deformableAttention(
      value: values.reshaped([count, map.count, heads, values.shape[2] / heads]), maps: [map],
      locations: seen.reshaped([count, length, heads, 1, points, 2]),
      weights: softmax(attentionWeights(queries).reshaped([count, length, heads, points])).reshaped([
        count, length, heads, 1, points,
      ]))
    return output(found.reshaped([count, length, values.shape[2]]))
  }

  private func constants(of references: [(x: Double, y: Double)], _ map: MapSize, _ type: ElementType) -> [Tensor] {
    let samples = heads * points
    let pixel = Tensor(
      (0..<samples).flatMap { _ in [1 / Float(map.width), 1 / Float(map.height)] }, shape: [samples * 2])
    let own = Tensor(shape: [references.count, samples * 2], of: Float.self) { values in
      for (query, point) in references.enumerated() {
        for sample in 0..<samples {
          values[(query * samples + sample) * 2] = Float(point.x)
          values[(query * samples + sample) * 2 + 1] = Float(point.y)
        }
      }
    }
    return [pixel.converted(to: type), own.converted(to: type)]
  }
}
