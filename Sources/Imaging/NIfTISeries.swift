import CNIfTI
import Files
import Foundation

/// A NIfTI file of several volumes along a fourth axis, as the Decathlon keeps its channels.
public struct NIfTISeries: Sendable {
  public let url: URL
  /// The extent of the fourth axis.
  public let count: Int
  private let layout: NIfTILayout
  private let isSwapped: Bool
  /// The header of one of the volumes.
  private let header: NIfTIHeader
  private let voxelOffset: Int

  /// - Returns: nil when the file has no fourth axis, or more than four that extend.
  /// - Throws: `NIfTIError`, `FileError`.
  public init?(_ url: URL) throws {
    let path = url.path
    guard try fileSize(url) > 0 else { throw NIfTIError.empty(path: path) }
    guard let stream = znzopen(path, "rb", 1) else {
      throw FileError.unreadable(path: path, reason: "it cannot be opened")
    }
    var open: znzFile? = stream
    defer { Xznzclose(&open) }
    var bytes = [UInt8](repeating: 0, count: NIfTILayout.version2.length)
    let found = znzread(&bytes, 1, bytes.count, stream)
    guard found >= NIfTILayout.version1.length, found <= bytes.count,
      let (layout, isSwapped) = NIfTIReader.layout(of: bytes), found >= layout.length
    else { throw NIfTIError.notNIfTI(path: path) }
    bytes.removeLast(bytes.count - layout.length)
    func dimension(_ axis: Int) -> Int {
      Int(clamping: layout.integer(.dim, axis, in: bytes, isSwapped: isSwapped))
    }
    let rank = dimension(0)
    guard (4...7).contains(rank), rank == 4 || (5...rank).allSatisfy({ dimension($0) == 1 }) else { return nil }
    let count = dimension(4)
    guard (1...4096).contains(count) else {
      throw NIfTIError.badDimensions(
        path: path, dimensions: (1...rank).map(dimension), problem: "a fourth axis of 1 to 4096 volumes was expected")
    }
    // One volume, told as a file of three axes whose voxels follow the header.
    let offset = layout.value(of: .voxelOffset, in: bytes, isSwapped: isSwapped)
    guard offset.isFinite, (0...1e12).contains(offset) else { throw NIfTIError.badOffset(path: path, offset: offset) }
    layout.set(.dim, 0, to: 3, in: &bytes, isSwapped: isSwapped)
    for axis in 4...7 { layout.set(.dim, axis, to: 1, in: &bytes, isSwapped: isSwapped) }
    layout.set(.voxelOffset, 0, to: Double(layout.firstVoxel), in: &bytes, isSwapped: isSwapped)
    header = try NIfTIHeader(parsing: bytes, layout: layout, isSwapped: isSwapped, path: path)
    (self.url, self.count, self.layout, self.isSwapped) = (url, count, layout, isSwapped)
    voxelOffset = max(Int(offset), layout.length)
  }

  /// Writes one volume as a file of its own: the same header but for the fourth axis, the same bytes of voxels.
  /// - Throws: `NIfTIError`, `FileError`, `DiskFailure`.
  public func write(volume index: Int, to target: URL) throws {
    precondition((0..<count).contains(index), "volume \(index) of \(count)")
    let length = header.shape.reduce(header.voxelType.size, *)
    guard let stream = znzopen(url.path, "rb", 1) else {
      throw FileError.unreadable(path: url.path, reason: "it cannot be opened")
    }
    var open: znzFile? = stream
    defer { Xznzclose(&open) }
    var block = [UInt8](repeating: 0, count: NIfTIReader.blockLength)
    func next(_ wanted: Int) throws -> Int {
      let part = min(block.count, wanted)
      guard znzread(&block, 1, part, stream) == part else { throw NIfTIError.damaged(path: url.path) }
      return part
    }
    let (before, over) = index.multipliedReportingOverflow(by: length)
    guard !over else { throw NIfTIError.damaged(path: url.path) }
    var skipped = 0
    while skipped < voxelOffset + before { skipped += try next(voxelOffset + before - skipped) }
    let isCompressed = target.pathExtension.lowercased() == "gz"
    try AtomicFile.replace(target) { temporary in
      guard let file = znzopen(temporary.path, isCompressed ? "wb4" : "wb", isCompressed ? 1 : 0) else {
        throw FileError.ofWriting(target)
      }
      var output: znzFile? = file
      defer { Xznzclose(&output) }
      // Four bytes after the header say that no extension follows.
      let head = header.bytes + [UInt8](repeating: 0, count: layout.firstVoxel - layout.length)
      var isWhole = znzwrite(head, 1, head.count, file) == head.count
      var done = 0
      while isWhole && done < length {
        let part = try next(length - done)
        isWhole = znzwrite(block, 1, part, file) == part
        done += part
      }
      isWhole = Xznzclose(&output) == 0 && isWhole
      guard isWhole else { throw DiskFailure(path: target.path, reason: "the disk may be full") }
    }
  }
}
