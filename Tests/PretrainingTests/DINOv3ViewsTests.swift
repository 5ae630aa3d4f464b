import Files
import Foundation
import Pretraining
import Random
import Tensors
import TestSupport
import Testing

/// Against torchvision's transforms and the masking of DINOv3's code (Benchmarks/peers/fixtures/views.py).
@Suite struct DINOv3ViewsTests {
  private static let peers = try! Safetensors.read(fixture("views.safetensors"))

  private func peer(_ name: String) throws -> Tensor {
    let stored = try #require(Self.peers[name], "no \(name) in the fixture")
    return Tensor(try #require(stored.floats()), shape: stored.shape)
  }

  private func picture() throws -> Tensor { try peer("picture").reshaped([1, 1, 30, 26]) }

  private func difference(_ own: Tensor, _ name: String) throws -> Double {
    let peer = try peer(name)
    return relativeDifference(own.reshaped(peer.shape), peer)
  }

  @Test func cropsAreResizedAsTorchvisionResizes() throws {
    let picture = try picture()
    func crop(_ rows: Range<Int>, _ columns: Range<Int>) -> Tensor {
      picture.sliced(axis: 2, rows).sliced(axis: 3, columns)
    }
    try #expect(difference(DINOv3Distortions.resized(crop(2..<29, 1..<24), 12), "shrunk") < 1e-5)
    try #expect(difference(DINOv3Distortions.resized(crop(5..<14, 3..<10), 24), "enlarged") < 1e-5)
    let large = DINOv3Distortions.resized(crop(5..<25, 3..<23), 32)
    try #expect(difference(DINOv3Distortions.resized(large, 16), "twice") < 1e-5)
  }

  @Test func intensitiesChangeAsTorchvisionsDo() throws {
    let picture = try picture()
    for factor in [0.6, 1.4] {
      try #expect(difference(DINOv3Distortions.brightened(picture, factor), "brightness.\(factor)") < 1e-6)
      try #expect(difference(DINOv3Distortions.contrasted(picture, factor), "contrast.\(factor)") < 1e-5)
    }
    for deviation in [0.1, 0.7, 2.0] {
      try #expect(difference(DINOv3Distortions.blurred(picture, deviation: deviation), "blur.\(deviation)") < 1e-5)
    }
    try #expect(difference(DINOv3Distortions.solarized(picture), "solarized") < 1e-6)
  }

  /// What a view's values tell of what was done to it, over many samples: how often each change happens, and in which view.
  @Test func changesAreAsLikelyAsTold() throws {
    // Half black and half three fifths, in HU of a window; the crop is the whole image.
    let unit = -6.0...5.0
    let image = Tensor(shape: [24, 24], of: Float.self) { values in
      for place in 0..<576 { values[place] = place % 24 < 12 ? -6 : 0.6 }
    }
    func views(_ distortions: DINOv3Distortions) -> MultiCropViews {
      MultiCropViews(
        globalSize: 24, localSize: 24, localCount: 1, globalScale: 1...1, localScale: 1...1, flips: (0, 0),
        distortions: .dinov3(distortions))
    }
    func share(_ distortions: DINOv3Distortions, view: Int, where isChanged: ([Float]) -> Bool) -> Double {
      let count = 800
      let changed = (0..<count).count { sample in
        let all = views(distortions)(of: image, unit: unit, seed: 4, iteration: 1, sample: sample)
        return isChanged((all.global + all.local)[view].values(as: Float.self))
      }
      return Double(changed) / Double(count)
    }
    var still = DINOv3Distortions(jitter: 0, brightness: 0.4, contrast: 0.4, blur: (0, 0, 0), solarize: 0)
    func near(_ a: Float, _ b: Float) -> Bool { abs(a - b) < 1e-3 }
    // Left edges are black, right ones at 0.6 of the window, solarised at 0.4.
    for view in 0..<3 { #expect(share(still, view: view) { near($0[0], -6) && near($0[23], 0.6) } > 0.9) }
    still.solarize = 0.2
    #expect(abs(share(still, view: 1) { near($0[23], -1.6) } - 0.2) < 0.05)
    for view in [0, 2] { #expect(share(still, view: view) { near($0[23], -1.6) } == 0) }
    let jitter = DINOv3Distortions(jitter: 0.8, brightness: 0.4, contrast: 0, blur: (0, 0, 0), solarize: 0)
    #expect(abs(share(jitter, view: 0) { !near($0[23], 0.6) } - 0.8) < 0.05)
    // The default is what the code does when it runs: torchvision never blurs the first view (blur.shares of the fixture).
    let shares = try peer("blur.shares").values(as: Float.self)
    #expect(shares[0] == 0 && shares[1] > 0.85 && abs(shares[2] - 0.5) < 0.03)
    let blurred = DINOv3Distortions(jitter: 0, solarize: 0)
    let soft = (0..<3).map { view in share(blurred, view: view) { !near($0[11], -6) || !near($0[12], 0.6) } }
    // A crop that fits nowhere is the whole image; blurs below some 0.3 pixels cannot be told here.
    let crisp = (0..<3).map { view in
      share(DINOv3Distortions(jitter: 0, blur: (0, 0, 0), solarize: 0), view: view) {
        !near($0[11], -6) || !near($0[12], 0.6)
      }
    }
    for view in 0..<3 {
      let expected = crisp[view] + (1 - crisp[view]) * Double(shares[view])
      #expect(abs(soft[view] - expected) < 0.1, "view \(view): \(soft), \(crisp)")
    }
  }

  /// Values stay between black and white whatever happens, also of images that leave them; the Gram teacher's view is the large
  /// one without its changes.
  @Test func viewsStayBetweenBlackAndWhite() throws {
    let picture = try picture().reshaped([30, 26])
    let wild = Tensor(picture.values(as: Float.self).map { 30 * $0 - 15 }, shape: [30, 26])
    let views = MultiCropViews(
      globalSize: 16, localSize: 8, gramSize: 32, localCount: 2, distortions: .dinov3(DINOv3Distortions()))
    var seen = Set<[Float]>()
    for sample in 0..<20 {
      let all = views(of: wild, unit: -6...5, seed: 1, iteration: 2, sample: sample, withGram: true)
      #expect(all.global.map(\.shape) == [[1, 1, 16, 16], [1, 1, 16, 16]] && all.local.count == 2)
      #expect(all.gram.map(\.shape) == [[1, 1, 32, 32], [1, 1, 32, 32]])
      for view in all.global + all.local + all.gram {
        #expect(view.values(as: Float.self).allSatisfy { $0 >= -6.0001 && $0 <= 5.0001 })
        seen.insert(view.values())
      }
      let again = views(of: wild, unit: -6...5, seed: 1, iteration: 2, sample: sample, withGram: true)
      #expect(again.global.map { $0.values(as: Float.self) } == all.global.map { $0.values(as: Float.self) })
    }
    #expect(seen.count == 120)
    var plain = views
    plain.distortions = .dinov3(DINOv3Distortions(jitter: 0, blur: (0, 0, 0), solarize: 0))
    let all = plain(of: wild, unit: -6...5, seed: 1, iteration: 2, sample: 0, withGram: true)
    for (global, gram) in zip(all.global, all.gram) {
      let unit = { (value: Float) in (value + 6) / 11 }
      let large = Tensor(gram.values(as: Float.self).map(unit), shape: gram.shape)
      let small = Tensor(global.values(as: Float.self).map(unit), shape: global.shape)
      #expect(relativeDifference(DINOv3Distortions.resized(large, 16), small) < 1e-5)
    }
  }

  // MARK: - Masks

  /// Borders, patches of the outermost ring and rows without any have the means of the published code's masks.
  @Test(arguments: [(16, 25), (16, 64), (16, 128), (7, 12), (48, 1000)])
  func masksAreLikeThePublishedOnes(side: Int, count: Int) throws {
    let peer = try peer("masks.\(side).\(count)").values(as: Float.self)
    let draws = side < 48 ? 2000 : 500
    var sums = [0.0, 0, 0]
    for sample in 0..<draws {
      var random = CounterRandom(seed: 8, purpose: "mask test", sample: sample)
      let mask = BlockMask.draw(rows: side, columns: side, count: count, &random)
      #expect(mask.count { $0 } == count)
      for row in 0..<side {
        var isEmpty = true
        for column in 0..<side {
          let value = mask[row * side + column]
          if column + 1 < side, mask[row * side + column + 1] != value { sums[0] += 1 }
          if row + 1 < side, mask[(row + 1) * side + column] != value { sums[0] += 1 }
          if value, row == 0 || column == 0 || row == side - 1 || column == side - 1 { sums[1] += 1 }
          if value { isEmpty = false }
        }
        if isEmpty { sums[2] += 1 }
      }
    }
    for (index, sum) in sums.enumerated() {
      // Four standard errors of the two means' difference.
      let theirs = side < 48 ? 4000.0 : 1000
      let error = Double(peer[3 + index]) * (1 / Double(draws) + 1 / theirs).squareRoot()
      #expect(abs(sum / Double(draws) - Double(peer[index])) < 4 * error, "\(index): \(sum / Double(draws)), \(peer)")
    }
  }

  /// Half of the views, in equal steps, shuffled.
  @Test func countsAreThePublishedOnes() throws {
    func counts(_ views: Int, _ patches: Int, _ probability: Double, _ ratio: ClosedRange<Double>, seed: UInt64 = 1)
      -> [Int]
    {
      var random = CounterRandom(seed: seed, purpose: "test")
      return BlockMask.counts(views: views, patches: patches, probability: probability, ratio: ratio, &random)
    }
    func integers(_ name: String) throws -> [Int] {
      let stored = try #require(Self.peers[name])
      return stored.data.withUnsafeBytes { bytes in
        (0..<bytes.count / 4).map { Int(bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Int32.self)) }
      }
    }
    let even = counts(32, 256, 0.5, 0.1...0.5)
    try #expect(even.filter { $0 > 0 }.sorted() == integers("counts") && even.count == 32)
    let odd = counts(11, 49, 0.5, 0.1...0.5)
    try #expect(odd.filter { $0 > 0 }.sorted() == integers("counts.odd") && odd.count == 11)
    #expect(even != even.sorted() && even != counts(32, 256, 0.5, 0.1...0.5, seed: 2))
    #expect(counts(4, 64, 0, 0.1...0.5) == [0, 0, 0, 0] && counts(2, 64, 1, 0.25...0.25) == [16, 16])
    #expect(counts(2, 64, 1, 0...0) == [0, 0] && counts(2, 64, 1, 1...1) == [64, 64])
  }
}
