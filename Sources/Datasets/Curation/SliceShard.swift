import Files
import Foundation
import Imaging

/// One file of a collection: the slices of some volumes, each volume in a group of its own.
///
///     /                     attribute key: what it was made from
///     /<volume>/slices      int16 [N, size, size], HU
///     /<volume>/digests     int64 [N, 2], the first 128 bits of each slice's SHA-256
///     /refusals             texts, one for each volume, empty for those that were taken
struct SliceShard {
  /// A volume's file, and what tells whether it has changed.
  struct Volume: Sendable, Equatable {
    let source: String
    let path: String
    let url: URL
    let stamp: String
  }

  let settings: SliceCuration.Settings
  let volumes: [Volume]

  /// Tells apart what shards are made from.
  var key: String {
    Digest.sha256(
      of: ([settings.text] + volumes.map { "\($0.source) \($0.path) \($0.stamp)" }).joined(separator: "\n"))
  }

  /// Whether the file is there and was made from the same.
  func isDone(_ url: URL) -> Bool {
    guard FileManager.default.fileExists(atPath: url.path), let file = try? HDF5File(reading: url) else { return false }
    return (try? file.attribute("key", of: "/")) == key
  }

  /// Writes the file; it appears whole.
  func write(to url: URL, check: () throws -> Void, onVolume: (_ slices: Int) -> Void) throws {
    try HDF5File.create(url) { file in
      var refusals: [String] = []
      for (index, volume) in volumes.enumerated() {
        try check()
        let found: (count: Int, slices: [Int16], digests: [Int64])
        do {
          found = try slices(of: volume)
        } catch let error as InputError {
          // A volume that cannot be read is named in the report and holds up nothing else.
          refusals.append(error.description)
          onVolume(0)
          continue
        }
        let size = settings.size
        try file.write(found.slices, shape: [found.count, size, size], to: "\(index)/slices", chunk: [1, size, size])
        try file.write(found.digests, shape: [found.count, 2], to: "\(index)/digests")
        refusals.append("")
        onVolume(found.count)
      }
      try file.write(texts: refusals, to: "refusals")
      try file.setAttribute("key", of: "/", to: key)
    }
  }

  /// A volume's slices from feet to head: HU within the window, rounded to whole ones.
  private func slices(of volume: Volume) throws -> (count: Int, slices: [Int16], digests: [Int64]) {
    let image = try NIfTI.readImage(volume.url)
    try image.header.requireOrthogonalAxes(path: volume.url.path)
    let orientation = AxialOrientation(affine: image.header.affine)
    let extents = orientation.extents(image.shape)
    let spacing = orientation.spacing(image.spacing)
    guard extents[1] >= 16, extents[2] >= 16 else {
      throw DatasetError(
        "\(volume.url.path): its axial slices have \(extents[1]) x \(extents[2]) pixels; at least 16 x 16 are needed.")
    }
    guard Double(extents[1]) * spacing[1] <= 4000, Double(extents[2]) * spacing[2] <= 4000 else {
      throw DatasetError(
        "\(volume.url.path): its axial slices are \(Double(extents[1]) * spacing[1]) x \(Double(extents[2]) * spacing[2]) "
          + "mm large; no scanner's are over 4000 mm.")
    }
    let size = settings.size
    let scaler = SliceScaler(
      height: extents[1], width: extents[2], spacing: (spacing[1], spacing[2]), pixel: settings.pixelMM, size: size)
    let (low, high) = (Float(settings.window.lowerBound), Float(settings.window.upperBound))
    var slice = [Float](repeating: 0, count: extents[1] * extents[2])
    var scaled = [Float](repeating: 0, count: size * size)
    var scratch: [Float] = []
    var digests: [Int64] = []
    let slices = [Int16](unsafeUninitializedCapacity: extents[0] * size * size) { output, initialized in
      image.voxels.withUnsafeBufferPointer { voxels in
        for index in 0..<extents[0] {
          orientation.slice(index, of: voxels, shape: image.shape, into: &slice)
          for place in slice.indices { slice[place] = min(max(slice[place], low), high) }
          scaler.scale(slice, into: &scaled, scratch: &scratch)
          let first = index * size * size
          for place in 0..<size * size { output[first + place] = Int16(scaled[place].rounded()) }
          digests += Self.digest(UnsafeBufferPointer(rebasing: output[first..<(first + size * size)]))
        }
      }
      initialized = extents[0] * size * size
    }
    return (extents[0], slices, digests)
  }

  private static func digest(_ slice: UnsafeBufferPointer<Int16>) -> [Int64] {
    var stream = SHA256Stream()
    stream.update(UnsafeRawBufferPointer(slice))
    let digits = stream.finish()
    return [digits.prefix(16), digits.dropFirst(16).prefix(16)].map {
      Int64(bitPattern: UInt64($0, radix: 16)!)
    }
  }
}
