import CNIfTI
import Files
import Foundation

/// Volumes in NIfTI files: .nii and .nii.gz, versions 1 and 2, both byte orders, every integer and float type.
///
/// The header is parsed here, bounded field by field; libnifti's stream layer (znz) reads and writes the bytes. A file's
/// claims are checked against its length before memory is asked for.
public enum NIfTI {
  /// Reads and checks a header without the voxels.
  /// - Throws: `NIfTIError` or `FileError`.
  public static func readHeader(_ url: URL) throws -> NIfTIHeader {
    try NIfTIReader(url).header
  }

  /// Reads an image: each stored value times the slope plus the intercept, in double precision, then rounded to Float.
  /// - Throws: `NIfTIError`, also when any voxel is not a finite number, or `FileError`.
  public static func readImage(_ url: URL) throws -> Volume<Float> {
    let reader = try NIfTIReader(url)
    let (header, count) = (reader.header, reader.count)
    var nonFinite = 0
    let voxels = try reader.voxels(as: Float.self) { block, first, output in
      nonFinite += ImageConversion.convert(block, header: header, into: output, from: first)
    }
    guard nonFinite == 0 else {
      throw NIfTIError.nonFinite(path: url.path, count: nonFinite, of: count)
    }
    return Volume(shape: header.shape, voxels: voxels, header: header)
  }

  /// Reads labels, which must be whole numbers of 16 bits once scaled.
  /// - Throws: `NIfTIError` with the first voxel that is no label, or `FileError`.
  public static func readLabels(_ url: URL) throws -> Volume<Int16> {
    let reader = try NIfTIReader(url)
    let header = reader.header
    let voxels = try reader.voxels(as: Int16.self) { block, first, output in
      guard let (index, value) = LabelConversion.convert(block, header: header, into: output, from: first) else {
        return
      }
      let (height, width) = (header.shape[1], header.shape[2])
      throw NIfTIError.badLabel(
        path: url.path, value: value, x: index % width, y: index / width % height, z: index / (width * height))
    }
    return Volume(shape: header.shape, voxels: voxels, header: header)
  }

  /// Writes an image as 32-bit floats under its own header, compressed when the name ends in .gz. Equal volumes give equal
  /// bytes.
  /// - Throws: `FileError`.
  public static func write(_ volume: Volume<Float>, to url: URL) throws {
    try volume.voxels.withUnsafeBytes { try write($0, .float32, volume.header, volume.shape, to: url) }
  }

  /// Writes labels in the smallest integer type that holds them all.
  /// - Throws: `FileError`.
  public static func write(_ volume: Volume<Int16>, to url: URL) throws {
    let (low, high) = volume.voxels.withUnsafeBufferPointer { labels in
      var (low, high) = (Int16.max, Int16.min)
      for label in labels { (low, high) = (min(low, label), max(high, label)) }
      return (low, high)
    }
    if low >= 0 && high <= 255 {
      let narrow = volume.voxels.map { UInt8(truncatingIfNeeded: $0) }
      try narrow.withUnsafeBytes { try write($0, .uint8, volume.header, volume.shape, to: url) }
    } else {
      try volume.voxels.withUnsafeBytes { try write($0, .int16, volume.header, volume.shape, to: url) }
    }
  }

  private static func write(
    _ voxels: UnsafeRawBufferPointer, _ type: NIfTIHeader.VoxelType, _ header: NIfTIHeader, _ shape: [Int], to url: URL
  ) throws {
    precondition(shape == header.shape, "a volume of \(shape) under a header for \(header.shape)")
    let isCompressed = url.pathExtension.lowercased() == "gz"
    try AtomicFile.replace(url) { temporary in
      // zlib writes no name and no time into the file; level 4 saves most of what level 6 does in a fraction of its time.
      guard let file = znzopen(temporary.path, isCompressed ? "wb4" : "wb", isCompressed ? 1 : 0) else {
        throw FileError.ofWriting(url)
      }
      var given = SHA256Stream()
      var isWhole = true
      func put(_ bytes: UnsafeRawBufferPointer, _ given: inout SHA256Stream) {
        given.update(bytes)
        isWhole = isWhole && znzwrite(bytes.baseAddress, 1, bytes.count, file) == bytes.count
      }
      header.bytesForWriting(type).withUnsafeBytes { put($0, &given) }
      if header.isSwapped && type.size > 1 {
        var first = 0
        while isWhole && first < voxels.count {
          var block = Array(voxels[first..<min(first + NIfTIReader.blockLength, voxels.count)])
          nifti_swap_Nbytes(Int64(block.count / type.size), Int32(type.size), &block)
          block.withUnsafeBytes { put($0, &given) }
          first += block.count
        }
      } else {
        put(voxels, &given)
      }
      var stream: znzFile? = file
      isWhole = Xznzclose(&stream) == 0 && isWhole
      guard isWhole else {
        throw DiskFailure(path: url.path, reason: "the disk may be full")
      }
      guard storedDigest(temporary, isCompressed: isCompressed) == given.finish() else {
        throw DiskFailure(
          path: url.path, reason: "what was written does not read back as it was given; the disk may be failing or full"
        )
      }
    }
  }

  /// SHA-256 of a file's bytes, decompressed; nil when it cannot be read to its end.
  private static func storedDigest(_ url: URL, isCompressed: Bool) -> String? {
    guard let file = znzopen(url.path, "rb", isCompressed ? 1 : 0) else { return nil }
    var stream: znzFile? = file
    var content = SHA256Stream()
    let block = UnsafeMutableRawBufferPointer.allocate(byteCount: NIfTIReader.blockLength, alignment: 16)
    defer { block.deallocate() }
    var count = block.count
    while count == block.count {
      count = znzread(block.baseAddress, 1, block.count, file)
      // The stream layer passes on zlib's -1.
      guard (0...block.count).contains(count) else { break }
      content.update(UnsafeRawBufferPointer(rebasing: block[..<count]))
    }
    return Xznzclose(&stream) == 0 && (0...block.count).contains(count) ? content.finish() : nil
  }
}
