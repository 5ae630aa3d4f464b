import Pretraining
import Tensors
import Testing

@Suite struct ViewsTests {
  private func picture() throws -> Tensor { try peer("picture") }

  /// A crop of the whole image without jitter is the image, perhaps mirrored.
  @Test func wholeCropIsTheImageUpToMirroring() throws {
    let values = Array(try picture().values(as: Float.self).prefix(400))
    let picture = Tensor(values, shape: [20, 20])
    let views = MultiCropViews(
      globalSize: 20, localSize: 4, localCount: 1, globalScale: 1...1, brightness: 0, contrast: 0, gamma: 1)
    var seen = Set<Int>()
    for sample in 0..<40 {
      // A box of the whole area fits only when its sides are equal; others are cut to fit and are no whole crops.
      let view = views(of: picture, seed: 1, iteration: 0, sample: sample).global[0].values(as: Float.self)
      for mirroring in 0..<4 {
        let mirrored = (0..<400).map { place in
          let (y, x) = (place / 20, place % 20)
          return values[(mirroring & 1 == 1 ? 19 - y : y) * 20 + (mirroring & 2 == 2 ? 19 - x : x)]
        }
        if zip(view, mirrored).allSatisfy({ abs($0 - $1) < 1e-4 }) { seen.insert(mirroring) }
      }
    }
    #expect(seen == [0, 1, 2, 3])
  }

  @Test func viewsAreFunctionsOfTheirPlace() throws {
    let views = MultiCropViews(globalSize: 16, localSize: 8, localCount: 3)
    let picture = try picture()
    func all(_ seed: UInt64, _ iteration: Int, _ sample: Int) -> [[Float]] {
      let (global, local) = views(of: picture, seed: seed, iteration: iteration, sample: sample)
      #expect(global.map(\.shape) == [[1, 1, 16, 16], [1, 1, 16, 16]])
      #expect(local.map(\.shape) == [[1, 1, 8, 8], [1, 1, 8, 8], [1, 1, 8, 8]])
      return (global + local).map { $0.values(as: Float.self) }
    }
    let first = all(1, 2, 3)
    #expect(first == all(1, 2, 3))
    #expect(Set(first).count == 5)
    for other in [all(0, 2, 3), all(1, 0, 3), all(1, 2, 0)] { #expect(Set(other).isDisjoint(with: first)) }
    #expect(first.joined().allSatisfy { $0.isFinite })
  }

  /// A crop is resized as PyTorch resizes with antialiasing.
  @Test func cropsAreResizedWithAntialiasing() throws {
    let picture = try picture()
    let crop = picture.reshaped([1, 1, 24, 20]).sliced(axis: 2, 3..<21).sliced(axis: 3, 5..<12)
    let resized = crop.resized(height: 8, width: 10, .bilinearAntialiased)
    try #expect(relativeDifference(resized.reshaped([8, 10]), peer("crop")) < 1e-5)
  }

  @Test(arguments: [0, 1, 7, 20, 36])
  func masksHaveExactlyTheirCount(count: Int) {
    var shapes = Set<[Bool]>()
    for sample in 0..<20 {
      var random = CounterRandom(seed: 4, purpose: "mask test", sample: sample)
      let mask = BlockMask.draw(rows: 6, columns: 6, count: count, &random)
      #expect(mask.filter { $0 }.count == count && mask.count == 36)
      shapes.insert(mask)
    }
    #expect(shapes.count > 5 || count == 0 || count == 36)
  }
}
