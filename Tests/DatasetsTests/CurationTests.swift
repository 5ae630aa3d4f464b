import Datasets
import Files
import Foundation
import Imaging
import Synchronization
import TestSupport
import Testing

@Suite struct CurationTests {
  private let settings = SliceCuration.Settings(pixelMM: 0.9, size: 16, window: -1000...1000, volumesPerShard: 2)

  /// A volume of numbered voxels, different for each seed, on a grid that an affine turns.
  private func write(
    _ seed: Int, shape: [Int] = [3, 18, 20], spacing: [Double] = [2, 0.8, 0.7], affine: [[Double]]? = nil,
    turned: ([Float]) -> [Float] = { $0 }, to url: URL
  ) throws {
    let values = formula(shape.reduce(1, *), seed: seed).map { $0 * 1500 }
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    let header = NIfTIHeader(shape: shape, spacing: spacing, affine: affine)
    try NIfTI.write(Volume(shape: shape, voxels: turned(values), header: header), to: url)
  }

  private func source(_ name: String, _ folder: URL, files: [String] = ["*.nii.gz"]) -> SliceSource {
    SliceSource(name: name, folder: folder.appendingPathComponent(name), files: files, expectedVolumes: 7)
  }

  private func digest(_ folder: URL) throws -> [String: String] {
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".h5") }
    return Dictionary(
      uniqueKeysWithValues: try names.map { ($0, try Digest.sha256(ofFileAt: folder.appendingPathComponent($0))) })
  }

  @Test(arguments: ["shrunk", "enlarged", "uneven", "kept"])
  func slicesAreScaledAsPyTorchScales(name: String) throws {
    let peers = try Safetensors.read(fixture("slices.safetensors"))
    func peer(_ key: String) throws -> (shape: [Int], values: [Float]) {
      let stored = try #require(peers[key])
      return (stored.shape, try #require(stored.floats()))
    }
    let (source, expected, form) = (try peer(name), try peer("\(name).scaled"), try peer("\(name).form").values)
    let size = expected.shape[0]
    let scaler = SliceScaler(
      height: source.shape[0], width: source.shape[1], spacing: (Double(form[0]), Double(form[1])),
      pixel: Double(form[2]), size: size)
    var output = [Float](repeating: 0, count: size * size)
    var scratch: [Float] = []
    scaler.scale(source.values, into: &output, scratch: &scratch)
    let scale = expected.values.map { abs($0) }.max()!
    // PyTorch rounds between the two steps; ours is one.
    #expect(zip(output, expected.values).allSatisfy { abs($0 - $1) < 1e-5 * scale })
  }

  /// One scan stored in three orientations, among others with its slices along x: the slices are the same, taken once.
  @Test func equalContentIsTakenOnceWhateverItsOrientation() throws {
    try withTemporaryFolder { folder in
      let (z, y, x) = (3, 18, 20)
      // Columns from the patient's right to the left, rows from front to back: how slices are kept.
      try write(
        1, affine: [[-0.7, 0, 0, 0], [0, -0.8, 0, 0], [0, 0, 2, 0]], to: folder.appendingPathComponent("a/1.nii.gz"))
      // The other way along every axis.
      try write(
        1, affine: [[0.7, 0, 0, -9], [0, 0.8, 0, 4], [0, 0, -2, 1]], turned: { $0.reversed() },
        to: folder.appendingPathComponent("b/1.nii.gz"))
      // Voxel x runs upwards, y to the back, z to the left, as KiTS stores its volumes.
      try write(
        1, shape: [x, y, z], spacing: [0.7, 0.8, 2],
        affine: [[0, 0, -0.7, 0], [0, -0.8, 0, 0], [2, 0, 0, 0]],
        turned: { values in
          (0..<values.count).map { (place: Int) -> Float in
            let (i, rest) = (place / (y * z), place % (y * z))
            let (j, k) = (rest / z, rest % z)
            return values[(k * y + j) * x + i]
          }
        }, to: folder.appendingPathComponent("c/1.nii.gz"))
      let curated = try SliceCuration(
        sources: ["a", "b", "c"].map { source($0, folder) }, settings: settings,
        folder: folder.appendingPathComponent("slices")
      ).run()
      #expect(curated.report.map(\.taken) == [3, 0, 0] && curated.report.map(\.duplicates) == [0, 3, 3])
      #expect(curated.report.map(\.slices) == [3, 3, 3] && curated.count == 3)
      let (height, width, values) = try curated.slice(1)
      #expect(height == 16 && width == 16 && Set(values).count > 100)
      #expect(values.allSatisfy { (-1000...1000).contains($0) })
    }
  }

  @Test func stoppedCurationEndsWithTheSameBytes() throws {
    try withTemporaryFolder { folder in
      for index in 0..<5 { try write(index, to: folder.appendingPathComponent("a/\(index).nii.gz")) }
      try write(3, to: folder.appendingPathComponent("b/deep/er/again.nii.gz"))
      let sources = [source("a", folder), source("b", folder, files: ["d*/??/*.nii.gz"]), source("absent", folder)]
      func curation(_ name: String) -> SliceCuration {
        SliceCuration(sources: sources, settings: settings, folder: folder.appendingPathComponent(name))
      }
      let whole = try curation("whole").run(workers: 2)
      #expect(whole.count == 15)
      #expect(whole.report.map(\.isPresent) == [true, true, false])
      #expect(whole.report[1].duplicates == 3)
      let asked = Mutex(0)
      #expect(throws: CancellationError.self) {
        try curation("stopped").run(
          workers: 1,
          isCancelled: {
            asked.withLock { asked in
              asked += 1
              return asked == 4
            }
          })
      }
      let left = try digest(folder.appendingPathComponent("stopped"))
      #expect(left.keys.sorted() == ["shard-000000.h5"])
      try #expect(curation("stopped").existing() == nil)
      _ = try curation("stopped").run(workers: 2)
      try #expect(
        digest(folder.appendingPathComponent("stopped")) == digest(folder.appendingPathComponent("whole")))
      try #expect(curation("stopped").existing()?.digest == whole.digest)
      // A new volume makes the collection another one.
      try write(9, to: folder.appendingPathComponent("a/9.nii.gz"))
      try #expect(curation("stopped").existing() == nil)
      try #expect(curation("stopped").run().count == 18)
    }
  }

  @Test func whatCannotBeReadIsNamed() throws {
    try withTemporaryFolder { folder in
      try write(1, to: folder.appendingPathComponent("a/good.nii.gz"))
      try Data("no scan".utf8).write(to: folder.appendingPathComponent("a/bad.nii.gz"))
      try write(2, shape: [3, 4, 30], to: folder.appendingPathComponent("a/narrow.nii.gz"))
      let curated = try SliceCuration(
        sources: [source("a", folder)], settings: settings, folder: folder.appendingPathComponent("slices")
      ).run()
      #expect(curated.count == 3 && curated.report[0].volumes == 3)
      let refused = curated.report[0].refused
      #expect(refused.count == 2 && refused[0].contains("bad.nii.gz"))
      #expect(refused[1].hasSuffix("narrow.nii.gz: its axial slices have 4 x 30 pixels; at least 16 x 16 are needed."))
    }
  }

  @Test func aDamagedIndexIsRefused() throws {
    try withTemporaryFolder { folder in
      let index = folder.appendingPathComponent("index.h5")
      try HDF5File.create(index) { try $0.setAttribute("format", of: "/", to: "other") }
      let problem = inputError { _ = try CuratedSlices(folder: folder) }
      #expect(problem == "\(index.path): not the index of a collection of slices; remove the folder and curate again.")
    }
  }
}
