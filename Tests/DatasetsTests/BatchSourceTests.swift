import Datasets
import Foundation
import Tensors
import Testing

/// Cases whose voxels say where they come from: the image holds (case + 1) * 10^6 + z * 10^4 + y * 100 + x, the label of a
/// voxel is its class.
private struct Coordinates: SliceProvider {
  let shapes: [[Int]] = [[4, 60, 70], [9, 33, 95], [1, 50, 41]]
  var caseCount: Int { shapes.count }
  let channelCount = 1

  /// Where each class is: class 1 in every case, class 2 in the first, nothing in the third.
  private func box(_ index: Int, _ label: Int) -> (z: Range<Int>, y: Range<Int>, x: Range<Int>) {
    label == 1 ? (1..<2, 20..<24, 30..<33) : (3..<4, 0..<2, 66..<70)
  }

  func shape(ofCase index: Int) throws -> [Int] { shapes[index] }
  func classes(ofCase index: Int) throws -> [Int] { [[1, 2], [1], []][index] }

  func locations(ofCase index: Int, class label: Int) throws -> [Int32] {
    let box = box(index, label)
    return box.z.flatMap { z in box.y.flatMap { y in box.x.flatMap { [Int32(z), Int32(y), Int32($0)] } } }
  }

  func readPatch(
    ofCase index: Int, z: Int, y: Int, x: Int, height: Int, width: Int, image: UnsafeMutablePointer<Float>,
    labels: UnsafeMutablePointer<Int16>
  ) throws {
    let shape = shapes[index]
    precondition((0..<shape[0]).contains(z))
    for row in 0..<height {
      for column in 0..<width {
        let (v, u) = (y + row, x + column)
        let isInside = (0..<shape[1]).contains(v) && (0..<shape[2]).contains(u)
        image[row * width + column] = isInside ? Float((index + 1) * 1_000_000 + z * 10_000 + v * 100 + u) : 0
        var label: Int16 = isInside ? 0 : -1
        for candidate in try classes(ofCase: index) {
          let box = box(index, candidate)
          if box.z.contains(z) && box.y.contains(v) && box.x.contains(u) { label = Int16(candidate) }
        }
        labels[row * width + column] = label
      }
    }
  }
}

private func source(
  _ treatment: BatchSource.Treatment = .augmented(Augmentation(patchSize: [24, 20])), batchSize: Int = 6,
  seed: UInt64 = 5
) -> BatchSource {
  BatchSource(
    provider: Coordinates(), batchSize: batchSize, patchSize: [24, 20], treatment: treatment, seed: seed,
    purpose: "training")
}

private func equal(_ a: Batch, _ b: Batch) -> Bool {
  a.images.values(as: Float.self) == b.images.values(as: Float.self)
    && a.labels.values(as: Int32.self) == b.labels.values(as: Int32.self)
}

@Suite struct BatchSourceTests {
  @Test func plainBatchesHoldTheSlicesVoxels() throws {
    let source = source(.plain, batchSize: 12)
    let batch = try source.batch(epoch: 2, step: 3)
    #expect(batch.images.shape == [12, 1, 24, 20])
    #expect(batch.labels.shape == [12, 24, 20])
    let images = batch.images.values(as: Float.self)
    let labels = batch.labels.values(as: Int32.self)
    #expect(labels.allSatisfy { (0...2).contains($0) })
    for sample in 0..<12 {
      let place = try source.place(epoch: 2, step: 3, sample: sample)
      let first = images[sample * 480]
      #expect(first == Float((place.caseIndex + 1) * 1_000_000 + place.z * 10_000 + place.y * 100 + place.x))
      if source.isForeground(sample: sample) && place.caseIndex != 2 {
        #expect(labels[(sample * 480)..<(sample * 480 + 480)].contains { $0 > 0 }, "sample \(sample) at \(place)")
      }
    }
  }

  @Test func cornersAreEvenlySpreadAndForegroundClassesToo() throws {
    let source = source(.plain, batchSize: 3)
    var cases = [Int](repeating: 0, count: 3)
    var slices = [Int](repeating: 0, count: 9)
    var columns = Set<Int>()
    var classes = [Int](repeating: 0, count: 3)
    for step in 0..<3000 {
      let place = try source.place(epoch: 0, step: step, sample: 0)
      cases[place.caseIndex] += 1
      if place.caseIndex == 1 {
        slices[place.z] += 1
        columns.insert(place.x)
      }
      let forced = try source.place(epoch: 0, step: step, sample: 2)
      if forced.caseIndex == 0 { classes[forced.z == 1 ? 1 : 2] += 1 }
    }
    // Five standard errors of a share of 1/3, 1/9 and 1/2.
    #expect(cases.allSatisfy { abs($0 - 1000) < 130 })
    #expect(slices.allSatisfy { abs($0 - cases[1] / 9) < 55 })
    #expect(columns == Set(0...75))
    #expect(abs(classes[1] - classes[2]) < 160 && classes[0] == 0)
  }

  @Test func aBatchDependsOnItsSeedEpochAndStepAlone() throws {
    let first = source()
    let batch = try first.batch(epoch: 1, step: 4)
    _ = try first.batch(epoch: 0, step: 0)
    #expect(try equal(batch, source().batch(epoch: 1, step: 4)))
    #expect(try !equal(batch, source().batch(epoch: 1, step: 5)))
    #expect(try !equal(batch, source().batch(epoch: 2, step: 4)))
    #expect(try !equal(batch, source(seed: 6).batch(epoch: 1, step: 4)))
    #expect(batch.labels.values(as: Int32.self).allSatisfy { $0 >= 0 })
    #expect(batch.images.values(as: Float.self).allSatisfy { $0.isFinite })
  }

  @Test(arguments: [0, 1, 2, 5]) func workersChangeNothing(workers: Int) throws {
    let source = source()
    let prefetcher = BatchPrefetcher(source, stepsPerEpoch: 4, workers: workers, ahead: 2)
    // In order over an epoch's end, then a jump back as after a resumed run.
    for (epoch, step) in [(0, 2), (0, 3), (1, 0), (1, 1), (0, 3), (1, 0), (7, 2)] {
      #expect(try equal(prefetcher.batch(epoch: epoch, step: step), source.batch(epoch: epoch, step: step)))
    }
  }

  @Test func errorsReachWhoAsks() throws {
    struct Failure: Error {}
    struct Broken: SliceProvider {
      let caseCount = 1
      let channelCount = 1
      func shape(ofCase index: Int) throws -> [Int] { throw Failure() }
      func classes(ofCase index: Int) throws -> [Int] { [] }
      func locations(ofCase index: Int, class label: Int) throws -> [Int32] { [] }
      func readPatch(
        ofCase index: Int, z: Int, y: Int, x: Int, height: Int, width: Int, image: UnsafeMutablePointer<Float>,
        labels: UnsafeMutablePointer<Int16>
      ) throws {}
    }
    let source = BatchSource(
      provider: Broken(), batchSize: 2, patchSize: [8, 8], treatment: .plain, seed: 0, purpose: "training")
    let prefetcher = BatchPrefetcher(source, stepsPerEpoch: 3, workers: 2)
    #expect(throws: Failure.self) { try prefetcher.batch(epoch: 0, step: 0) }
    #expect(throws: Failure.self) { try prefetcher.batch(epoch: 0, step: 1) }
  }
}
