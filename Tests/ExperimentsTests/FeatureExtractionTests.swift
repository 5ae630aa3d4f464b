import Experiments
import Files
import Foundation
import Imaging
import Networks
import Tensors
import Testing

struct FeatureExtractionTests {
  private func inFolder(_ body: (URL) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("segbench-features-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder)
  }

  private func volume(_ folder: URL) throws -> (url: URL, volume: Volume<Float>) {
    let shape = [3, 24, 40]
    let voxels = (0..<shape.reduce(1, *)).map { Float(($0 * 7919) % 3001) - 1500 }
    let volume = Volume(shape: shape, voxels: voxels, header: NIfTIHeader(shape: shape, spacing: [2, 1, 1]))
    let url = folder.appendingPathComponent("scan.nii.gz")
    try NIfTI.write(volume, to: url)
    return (url, volume)
  }

  @Test func slicesAreNormalisedAsPretrainingSawThem() throws {
    try inFolder { folder in
      let (url, volume) = try volume(folder)
      let image = try EncoderImage.read(url, slice: 1, patch: 8)
      #expect(image.shape == [1, 1, 24, 40])
      let expected = volume.voxels[960..<1920].map {
        Float((Double(min(max($0, -1000), 1000)) - 65.1084213256836) / 178.01663208007812)
      }
      #expect(zip(image.values(as: Float.self), expected).allSatisfy { abs($0 - $1) < 1e-5 })
      // The middle slice is the default, and values as stored.
      let stored = try EncoderImage.read(url, patch: 8, normalization: EncoderNormalization.none)
      #expect(stored.values(as: Float.self) == Array(volume.voxels[960..<1920]))
      // Sides go to the nearest multiples of the patch, or to the size asked for.
      #expect(try EncoderImage.read(url, patch: 16).shape == [1, 1, 32, 48])
      #expect(try EncoderImage.read(url, size: 64, patch: 16).shape == [1, 1, 64, 64])
    }
  }

  /// KiTS23 stores its slices along x: they are cut across the axis of the greatest spacing, as plans do.
  @Test func slicesLieAcrossThePlansAxis() throws {
    try inFolder { folder in
      let shape = [16, 24, 3]
      let voxels = (0..<shape.reduce(1, *)).map { Float(($0 * 7919) % 3001) - 1500 }
      let url = folder.appendingPathComponent("kits.nii.gz")
      try NIfTI.write(
        Volume(shape: shape, voxels: voxels, header: NIfTIHeader(shape: shape, spacing: [0.8, 0.8, 3])), to: url)
      let image = try EncoderImage.read(url, slice: 2, patch: 8, normalization: EncoderNormalization.none)
      #expect(image.shape == [1, 1, 16, 24])
      #expect(image.values(as: Float.self) == stride(from: 2, to: voxels.count, by: 3).map { voxels[$0] })
      #expect(throws: EncoderImageError.noSlice(3, path: url.path, depth: 3)) {
        try EncoderImage.read(url, slice: 3, patch: 8)
      }
      let asked = try EncoderImage.read(url, slice: 5, across: 0, patch: 1, normalization: EncoderNormalization.none)
      #expect(asked.values(as: Float.self) == Array(voxels[360..<432]))
    }
  }

  @Test func picturesAreReadByChannels() throws {
    try inFolder { folder in
      let url = folder.appendingPathComponent("picture.png")
      try PNGImage(width: 2, height: 1, channels: 3, pixels: [255, 0, 51, 0, 102, 255]).write(to: url)
      let image = try EncoderImage.read(url, patch: 1)
      #expect(image.shape == [1, 3, 1, 2])
      #expect(image.values(as: Float.self) == [1, 0, 0, 0.4, 0.2, 1])
    }
  }

  @Test func mistakesAreNamed() throws {
    try inFolder { folder in
      let (url, _) = try volume(folder)
      let picture = folder.appendingPathComponent("picture.png")
      try PNGImage(width: 8, height: 8, channels: 1, pixels: [UInt8](repeating: 9, count: 64)).write(to: picture)
      #expect(throws: EncoderImageError.noSlice(3, path: url.path, depth: 3)) {
        try EncoderImage.read(url, slice: 3, patch: 8)
      }
      #expect(throws: EncoderImageError.badSize(20, patch: 8)) { try EncoderImage.read(url, size: 20, patch: 8) }
      #expect(throws: EncoderImageError.sliceOfPicture(picture.path)) {
        try EncoderImage.read(picture, slice: 0, patch: 8)
      }
      #expect(throws: EncoderImageError.pictureAsCT(picture.path)) {
        try EncoderImage.read(picture, patch: 8, normalization: .ct)
      }
    }
  }

  /// The file holds what the encoder, built by hand, sees in the slice.
  @Test func theFileHoldsTheEncodersTokens() throws {
    try inFolder { folder in
      let form = VisionTransformerConfiguration(width: 24, depth: 3, heads: 2, patch: 8, layerScale: 1)
      let encoder = VisionTransformer(form, Initializer(seed: 9))
      let weights = folder.appendingPathComponent("weights.safetensors")
      try Safetensors.write(
        WeightMapping.own(encoder.parameters).arrays(of: encoder.parameters), metadata: form.metadata, to: weights)
      let (url, volume) = try volume(folder)
      let output = folder.appendingPathComponent("features.h5")
      let extraction = try FeatureExtraction(weights: weights)
      try extraction.write(image: url, slice: 2, normalization: EncoderNormalization.none, blocks: [2, 0], to: output)
      let file = try HDF5File(reading: output)
      #expect(try file.names() == ["block0", "block2"])
      let image = Tensor(Array(volume.voxels[1920..<2880]), shape: [1, 1, 24, 40])
      let tokens = encoder(image, blocks: [0, 2], .evaluation)
      for (name, block) in [("block0", tokens[0]), ("block2", tokens[1])] {
        let (shape, values) = try file.read(name, as: Float.self)
        #expect(shape == [3, 5, 24] && values == block.patches.values(as: Float.self))
      }
      try extraction.write(image: url, to: output)
      #expect(extraction.quarters == [0, 1, 2])
      #expect(try HDF5File(reading: output).names() == ["block0", "block1", "block2"])
      #expect(throws: FeatureError.noBlock(3, depth: 3)) { try extraction.write(image: url, blocks: [3], to: output) }
    }
  }
}
