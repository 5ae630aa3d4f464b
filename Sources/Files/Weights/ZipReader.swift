import CZip
import Foundation

/// Reads the uncompressed entries of a ZIP archive, as PyTorch writes them.
final class ZipReader {
  let names: [String]
  private let archive: OpaquePointer
  private var indices: [String: UInt64] = [:]
  /// What may still be read: uncompressed entries together are never longer than the file.
  private var budget: Int

  struct Problem: Error {
    let sentence: String
  }

  /// - Parameter size: the file's, in bytes.
  init(path: String, size: Int) throws(Problem) {
    var code: Int32 = 0
    guard let archive = zip_open(path, ZIP_RDONLY, &code) else {
      // The table of contents is a ZIP archive's end.
      throw Problem(
        sentence:
          "it is a PyTorch or other ZIP archive of \(size) bytes that is cut short or damaged (libzip's error \(code)); "
          + UnknownFile.again)
    }
    self.archive = archive
    budget = size
    let count = zip_get_num_entries(archive, 0)
    var names: [String] = []
    for index in 0..<UInt64(max(0, count)) {
      guard let bytes = zip_get_name(archive, index, UInt32(ZIP_FL_ENC_RAW)) else { continue }
      // What is not UTF-8 is mended alike in all names.
      let name = String(cString: bytes)
      names.append(name)
      guard indices.updateValue(index, forKey: name) == nil else {
        throw Problem(sentence: "its archive has two entries named \"\(name.spelled)\"")
      }
    }
    self.names = names
  }

  deinit { zip_discard(archive) }

  /// An entry's bytes, its checksum verified.
  func read(_ name: String) throws(Problem) -> Data {
    guard let index = indices[name] else { throw Problem(sentence: "its archive has no entry \"\(name)\"") }
    var status = zip_stat_t()
    guard zip_stat_index(archive, index, 0, &status) == 0 else {
      throw Problem(sentence: "its archive's entry \"\(name)\" is damaged")
    }
    guard status.comp_method == UInt16(ZIP_CM_STORE), status.encryption_method == UInt16(ZIP_EM_NONE) else {
      throw Problem(sentence: "its archive's entry \"\(name)\" is compressed or encrypted, as PyTorch never writes it")
    }
    guard status.size <= UInt64(budget) else {
      throw Problem(sentence: "its archive's entries claim more bytes than the file has")
    }
    budget -= Int(status.size)
    guard let entry = zip_fopen_index(archive, index, 0) else {
      throw Problem(sentence: "its archive's entry \"\(name)\" is damaged")
    }
    defer { zip_fclose(entry) }
    var data = Data(count: Int(status.size))
    let read = data.withUnsafeMutableBytes { buffer in
      var read = 0
      while read < buffer.count {
        let count = zip_fread(entry, buffer.baseAddress! + read, UInt64(buffer.count - read))
        if count <= 0 { break }
        read += Int(count)
      }
      // The checksum is compared when the end is reached.
      var beyond: UInt8 = 0
      return zip_fread(entry, &beyond, 1) == 0 ? read : -1
    }
    guard read == data.count else {
      throw Problem(sentence: "its archive's entry \"\(name)\" is cut short or does not match its checksum")
    }
    return data
  }
}
