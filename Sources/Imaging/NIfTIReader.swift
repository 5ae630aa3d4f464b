import CNIfTI
import Files
import Foundation

/// An open NIfTI file whose header has been checked and whose voxels come in blocks.
final class NIfTIReader {
  /// Bytes of voxels that are read at a time: a multiple of every voxel type's size.
  static let blockLength = 1 << 20

  let header: NIfTIHeader
  private let path: String
  private var stream: znzFile?

  /// Voxels in all.
  var count: Int { header.shape.reduce(1, *) }

  init(_ url: URL) throws {
    let path = url.path
    let length = try fileSize(url)
    guard length > 0 else { throw NIfTIError.empty(path: path) }
    let isCompressed = try Self.isCompressed(url)
    errno = 0
    guard let opened = znzopen(path, "rb", isCompressed ? 1 : 0) else { throw FileError.ofReading(path) }
    stream = opened
    self.path = path
    do {
      header = try Self.header(from: opened, path: path)
      // Deflate shrinks at most 1032 times; an uncompressed file's length says it all.
      let voxelLength = header.shape.reduce(header.voxelType.size, *)
      let (needed, overflow) = header.voxelOffset.addingReportingOverflow(voxelLength)
      guard !overflow else { throw NIfTIError.badOffset(path: path, offset: Double(header.voxelOffset)) }
      if isCompressed {
        guard needed / 1040 <= length else {
          throw NIfTIError.badDimensions(
            path: path, dimensions: header.shape.reversed(),
            problem: "\(length) compressed bytes cannot hold that many voxels")
        }
      } else if needed > length {
        throw NIfTIError.truncated(path: path, found: length, expected: needed)
      }
    } catch {
      Xznzclose(&stream)
      throw error
    }
  }

  deinit { if stream != nil { Xznzclose(&stream) } }

  /// All voxels, converted block by block.
  /// - Parameter convert: takes stored bytes in this machine's order, the index of their first voxel and the output.
  func voxels<Element: BitwiseCopyable>(
    as _: Element.Type,
    _ convert: (UnsafeRawBufferPointer, Int, UnsafeMutableBufferPointer<Element>) throws -> Void
  ) throws -> [Element] {
    let size = header.voxelType.size
    let total = count * size
    let block = UnsafeMutableRawBufferPointer.allocate(byteCount: min(Self.blockLength, total), alignment: 16)
    defer { block.deallocate() }
    try skip(to: header.voxelOffset, using: block)
    return try [Element](unsafeUninitializedCapacity: count) { output, initialized in
      let output = UnsafeMutableBufferPointer(rebasing: output[..<count])
      var done = 0
      while done < total {
        let part = UnsafeMutableRawBufferPointer(rebasing: block[..<min(block.count, total - done)])
        let found = try read(part)
        guard found == part.count else {
          throw NIfTIError.truncated(
            path: path, found: header.voxelOffset + done + found, expected: header.voxelOffset + total)
        }
        if header.isSwapped && size > 1 { nifti_swap_Nbytes(Int64(found / size), Int32(size), part.baseAddress) }
        try convert(UnsafeRawBufferPointer(part), done / size, output)
        done += found
      }
      initialized = count
      try finish()
    }
  }

  /// Reads past the last voxel, which makes zlib check the stream's end and its checksum, and closes the file. Bytes that
  /// follow the voxels are left unread.
  private func finish() throws {
    var beyond: UInt8 = 0
    let found = znzread(&beyond, 1, 1, stream)
    errno = 0
    let closed = Xznzclose(&stream)
    guard found >= 0 else { throw NIfTIError.damaged(path: path) }
    // zlib tells of a stream's unfinished end here, too, without a system's error.
    guard closed == 0 else { throw errno == 0 ? NIfTIError.damaged(path: path) : FileError.ofReading(path) }
  }

  /// Fills `buffer` as far as the file reaches.
  private func read(_ buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    let found = znzread(buffer.baseAddress, 1, buffer.count, stream)
    // The stream layer passes on zlib's -1.
    guard (0...buffer.count).contains(found) else { throw NIfTIError.damaged(path: path) }
    return found
  }

  /// Reads on to the first voxel; header extensions are passed over.
  private func skip(to offset: Int, using block: UnsafeMutableRawBufferPointer) throws {
    var position = header.layout.length
    while position < offset {
      let part = UnsafeMutableRawBufferPointer(rebasing: block[..<min(block.count, offset - position)])
      let found = try read(part)
      guard found == part.count else {
        throw NIfTIError.truncated(path: path, found: position + found, expected: offset)
      }
      position += found
    }
  }

  private static func isCompressed(_ url: URL) throws -> Bool {
    guard let file = fopen(url.path, "rb") else {
      throw FileError.ofReading(url.path)
    }
    defer { fclose(file) }
    return getc(file) == 0x1F && getc(file) == 0x8B
  }

  private static func header(from stream: znzFile, path: String) throws -> NIfTIHeader {
    var bytes = [UInt8](repeating: 0, count: NIfTILayout.version2.length)
    func read(from first: Int, to end: Int) throws {
      let found = bytes.withUnsafeMutableBytes { znzread($0.baseAddress! + first, 1, end - first, stream) }
      guard (0...(end - first)).contains(found) else { throw NIfTIError.damaged(path: path) }
      guard found == end - first else {
        // Whatever is shorter than its own header and does not begin like one was never NIfTI.
        guard first + found >= 4, layout(of: bytes) != nil else { throw NIfTIError.notNIfTI(path: path) }
        throw NIfTIError.truncated(path: path, found: first + found, expected: end)
      }
    }
    try read(from: 0, to: NIfTILayout.version1.length)
    guard let (layout, isSwapped) = layout(of: bytes) else { throw NIfTIError.notNIfTI(path: path) }
    if layout.length > NIfTILayout.version1.length { try read(from: NIfTILayout.version1.length, to: layout.length) }
    bytes.removeLast(bytes.count - layout.length)
    let magic = Array(bytes[layout.magicOffset..<(layout.magicOffset + layout.magic.count)])
    guard magic == layout.magic else {
      if magic.starts(with: "ni".utf8) { throw NIfTIError.pair(path: path) }
      throw NIfTIError.notNIfTI(path: path)
    }
    return try NIfTIHeader(parsing: bytes, layout: layout, isSwapped: isSwapped, path: path)
  }

  /// The version and byte order that the first four bytes, the header's length, tell.
  static func layout(of bytes: [UInt8]) -> (NIfTILayout, isSwapped: Bool)? {
    for layout in [NIfTILayout.version1, .version2] {
      for isSwapped in [false, true]
      where layout.integer(.headerLength, in: bytes, isSwapped: isSwapped) == layout.length {
        return (layout, isSwapped)
      }
    }
    return nil
  }
}
