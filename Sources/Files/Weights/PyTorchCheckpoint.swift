import CZip
import Foundation

/// Writes PyTorch checkpoints.
public enum PyTorchCheckpoint {
  /// Writes a checkpoint as `torch.save` does: a ZIP archive of a pickle and of the tensors' bytes, nothing compressed. Equal values
  /// give equal bytes.
  /// - Throws: `FileError`, `DiskFailure`.
  public static func write(_ value: PythonValue, to url: URL) throws {
    let pickle = PickleWriter(value)
    let name = url.deletingPathExtension().lastPathComponent
    var entries = [
      (name: "\(name)/data.pkl", data: pickle.data), (name: "\(name)/byteorder", data: Data("little".utf8)),
    ]
    entries += pickle.storages.enumerated().map { ("\(name)/data/\($0)", $1) }
    entries.append(("\(name)/version", Data("3\n".utf8)))
    try AtomicFile.replace(url) { temporary in try writeArchive(entries, to: temporary, for: url) }
  }

  private static func writeArchive(_ entries: [(name: String, data: Data)], to file: URL, for url: URL) throws {
    guard let archive = zip_open(file.path, ZIP_CREATE | ZIP_EXCL, nil) else { throw FileError.ofWriting(url) }
    // libzip reads the entries when it closes the archive.
    let copies = entries.map { entry in
      let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, entry.data.count), alignment: 16)
      _ = entry.data.copyBytes(to: copy.bindMemory(to: UInt8.self))
      return copy
    }
    defer { for copy in copies { copy.deallocate() } }
    for (entry, copy) in zip(entries, copies) {
      guard let source = zip_source_buffer(archive, copy.baseAddress, UInt64(entry.data.count), 0) else {
        zip_discard(archive)
        throw FileError.ofWriting(url)
      }
      let index = zip_file_add(archive, entry.name, source, UInt32(ZIP_FL_ENC_UTF_8))
      // The first day that ZIP knows: a file's time is no part of its content.
      guard index >= 0, zip_set_file_compression(archive, UInt64(index), ZIP_CM_STORE, 0) == 0,
        zip_file_set_dostime(archive, UInt64(index), 0, 0x21, 0) == 0
      else {
        if index < 0 { zip_source_free(source) }
        zip_discard(archive)
        throw FileError.ofWriting(url)
      }
    }
    guard zip_close(archive) == 0 else {
      let failure = FileError.ofWriting(url)
      zip_discard(archive)
      throw failure
    }
  }
}
