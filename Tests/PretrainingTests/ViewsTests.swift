import Foundation
import Pretraining
import Random
import Tensors
import TestSupport
import Testing

@Suite struct ViewsTests {
  private func picture() throws -> Tensor { try peer("picture") }

  /// A crop of the whole image without jitter is the image, perhaps mirrored.
  @Test func wholeCropIsTheImageUpToMirroring() throws {
    let values = Array(try picture().values(as: Float.self).prefix(400))
    let picture = Tensor(values, shape: [20, 20])
    let views = MultiCropViews(
      globalSize: 20, localSize: 4, localCount: 1, globalScale: 1...1, distortions: .ct(.none))
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
      let views = views(of: picture, seed: seed, iteration: iteration, sample: sample)
      let (global, local) = (views.global, views.local)
      #expect(views.gram.isEmpty)
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

  /// The Gram teacher sees the same crops in its own size, their intensities as they are.
  @Test func gramViewsAreTheLargeViewsUndistorted() throws {
    let views = MultiCropViews(
      globalSize: 16, localSize: 8, gramSize: 16, localCount: 1, distortions: .ct(.none))
    let picture = try picture()
    let same = views(of: picture, seed: 1, iteration: 0, sample: 0, withGram: true)
    #expect(same.gram.map { $0.values(as: Float.self) }.count == 2)
    for (gram, global) in zip(same.gram, same.global) { #expect(relativeDifference(gram, global) < 1e-6) }
    var distorted = views
    distorted.distortions = .ct(.init(brightness: 1, contrast: 0, gamma: 1))
    distorted.gramSize = 24
    let others = distorted(of: picture, seed: 1, iteration: 0, sample: 0, withGram: true)
    #expect(others.gram.map(\.shape) == [[1, 1, 24, 24], [1, 1, 24, 24]])
    #expect(zip(others.global, same.global).contains { relativeDifference($0, $1) > 0.1 })
  }

  @Test func flipsAreAsLikelyAsTold() throws {
    let picture = try picture()
    var views = MultiCropViews(
      globalSize: 16, localSize: 8, localCount: 0, flips: (0, 0), distortions: .ct(.none))
    func all() -> [[Float]] {
      (0..<20).map { views(of: picture, seed: 1, iteration: 0, sample: $0).global[0].values(as: Float.self) }
    }
    let upright = all()
    views.flips = (0, 1)
    let mirrored = all()
    for (a, b) in zip(upright, mirrored) {
      let turned = (0..<256).map { (place: Int) -> Float in
        let (row, column) = (place / 16, place % 16)
        return b[row * 16 + 15 - column]
      }
      #expect(zip(a, turned).allSatisfy { abs($0 - $1) < 1e-4 })
    }
  }

  /// A blurred spot is the Gaussian, and nothing is lost.
  @Test func blurIsAGaussian() {
    func views(blur: Double) -> MultiCropViews {
      MultiCropViews(
        globalSize: 32, localSize: 32, localCount: 0, globalScale: 1...1, flips: (0, 0),
        distortions: .ct(.init(brightness: 0, contrast: 0, gamma: 1, blur: blur)))
    }
    let spot = Tensor(shape: [32, 32], of: Float.self) { $0[16 * 32 + 16] = 1 }
    var wasBlurred = false
    for sample in 0..<8 {
      func pixels(blur: Double) -> [Float] {
        views(blur: blur)(of: spot, seed: 2, iteration: 0, sample: sample).global[0].values(as: Float.self)
      }
      let view = pixels(blur: 2)
      guard let peak = view.max(), peak < 0.9 else { continue }
      wasBlurred = true
      // The peak of a Gaussian of deviation s is 1 / (2 pi s^2), its neighbour's lower by exp(-1 / (2 s^2)).
      let place = view.firstIndex(of: peak)!
      let ratio = Double(view[place + 1] / peak)
      let variance = -0.5 / log(ratio)
      // The crop's resizing has its own say in the sum; blurring changes nothing of it.
      let total = pixels(blur: 0).reduce(0, +)
      #expect(abs(view.reduce(0, +) - total) < 1e-4)
      #expect(abs(Double(peak / total) * 2 * .pi * variance - 1) < 0.25, "\(variance)")
    }
    #expect(wasBlurred)
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
