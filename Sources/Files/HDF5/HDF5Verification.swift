import CHDF5
import Foundation

/// What an HDF5 file was given to store, as digests, so that the finished file can be asked for all of it again.
///
/// The library buffers small and compressed writes and may drop them without a word when the disk refuses them later. A file
/// is believed only once every value in it reads back as it was given.
struct HDF5Written {
  /// Where values lie in the file.
  enum Place: Hashable {
    case group(String)
    /// A box of a dataset of numbers.
    case box(dataset: String, start: [Int], count: [Int], type: HDF5ElementType)
    case texts(dataset: String)
    case number(attribute: String, of: String, type: HDF5ElementType)
    case text(attribute: String, of: String)
  }

  /// SHA-256 of the values at each place; the last ones given count.
  private(set) var digests: [Place: String] = [:]
  /// Of boxes that the caller compressed: SHA-256 of the bytes that the file was given, which are compared without being
  /// decompressed.
  private var stored: [Place: String] = [:]

  mutating func add(_ place: Place, _ digest: String, stored bytes: String? = nil) {
    digests[place] = digest
    stored[place] = bytes
  }

  /// The digests of the boxes of a dataset, in the order of their first elements.
  func boxes(of dataset: String) -> [String] {
    let found = digests.compactMap { place, digest -> (start: [Int], digest: String)? in
      guard case .box(dataset, let start, _, _) = place else { return nil }
      return (start, digest)
    }
    return found.sorted { $0.start.lexicographicallyPrecedes($1.start) }.map(\.digest)
  }

  static func digest(_ texts: [String]) -> String {
    // What the library stores ends at the first zero byte.
    let stored = texts.map { text in text.utf8.prefix { $0 != 0 } }
    var stream = SHA256Stream()
    for text in stored { stream.update(Data("\(text.count) ".utf8) + Data(text)) }
    return stream.finish()
  }

  static func digest<Element: HDF5Element>(_ values: UnsafeBufferPointer<Element>) -> String {
    SHA256Stream.digest(of: UnsafeRawBufferPointer(values))
  }

  static func digest<Element: HDF5Element>(_ values: [Element]) -> String {
    values.withUnsafeBufferPointer { digest($0) }
  }

  /// Reads every place of the file at `url` and compares.
  /// - Throws: `DiskFailure` about `path` when a value is another than was given, or cannot be read.
  func verify(_ url: URL, for path: String) throws {
    let failure = DiskFailure(
      path: path, reason: "what was written does not read back as it was given; the disk may be failing or full")
    do {
      let file = try HDF5File(reading: url)
      for (place, digest) in digests {
        try Cancellation.check()
        if let bytes = stored[place], case .box(let name, let start, _, _) = place {
          guard try file.digestOfStoredChunk(of: name, at: start) == bytes else { throw failure }
          continue
        }
        guard try file.digest(of: place) == digest else { throw failure }
      }
    } catch is HDF5Error { throw failure }
  }
}

extension HDF5File {
  /// The SHA-256 of a compressed chunk's bytes as they lie in the file.
  fileprivate func digestOfStoredChunk(of name: String, at start: [Int]) throws -> String {
    let offset = start.map { hsize_t($0) }
    let bytes = try HDF5Library.locked { () -> [UInt8] in
      try withDataset(name) { dataset in
        var count: hsize_t = 0
        try require(H5Dget_chunk_storage_size(dataset, offset, &count), name, "read")
        let size = try fileSize(URL(fileURLWithPath: path))
        guard count <= size else { throw failed(name, "read") }
        var skipped: UInt32 = 0
        let bytes = try [UInt8](unsafeUninitializedCapacity: Int(count)) { buffer, filled in
          try require(H5Dread_chunk(dataset, 0, offset, &skipped, buffer.baseAddress), name, "read")
          filled = Int(count)
        }
        guard skipped == 0 else { throw failed(name, "read") }
        return bytes
      }
    }
    return bytes.withUnsafeBytes { SHA256Stream.digest(of: $0) }
  }

  /// The SHA-256 of the stored values at a place, as `HDF5Written` takes it.
  fileprivate func digest(of place: HDF5Written.Place) throws -> String {
    switch place {
    case .group(let name): return exists(name) ? "" : "missing"
    case .texts(let name): return HDF5Written.digest(try readTexts(name))
    case .text(let attribute, let name): return HDF5Written.digest([try self.attribute(attribute, of: name)])
    case .box(let name, let start, let count, let type):
      func read<Element: HDF5Element>(_: Element.Type) throws -> String {
        HDF5Written.digest(try self.read(name, as: Element.self, start: start, count: count))
      }
      return try type.dispatch { try read($0) }
    case .number(let attribute, let name, let type):
      func read<Element: HDF5Element>(_: Element.Type) throws -> String {
        HDF5Written.digest(try self.attribute(attribute, of: name, as: Element.self))
      }
      return try type.dispatch { try read($0) }
    }
  }
}

extension HDF5File {
  /// Where the digests of a dataset's values are kept.
  private static func digestName(_ name: String) -> String { "sha256/\(name)" }

  /// Stores the SHA-256 of every box that was written to a dataset, in the order of their first elements, so that whoever
  /// reads a box can check it.
  public func writeDigests(of name: String) throws {
    try write(texts: HDF5Library.locked { written.boxes(of: name) }, to: Self.digestName(name))
  }

  /// What `writeDigests(of:)` stored; nil where there is nothing.
  public func digests(of name: String) throws -> [String]? {
    exists(Self.digestName(name)) ? try readTexts(Self.digestName(name)) : nil
  }
}

extension HDF5ElementType {
  /// Calls `body` with the Swift type of these elements; for numbers only.
  fileprivate func dispatch<Result>(_ body: (any HDF5Element.Type) throws -> Result) rethrows -> Result {
    switch self {
    case .uint8: try body(UInt8.self)
    case .int8: try body(Int8.self)
    case .int16: try body(Int16.self)
    case .int32: try body(Int32.self)
    case .int64: try body(Int64.self)
    case .float32: try body(Float.self)
    case .float64: try body(Double.self)
    case .string, .other: preconditionFailure("\(self) is no type of numbers")
    }
  }
}

/// Runs `body` with one of the library's identifiers and closes it. What the library still held back is written then: a close
/// that fails is a failure of the work.
/// - Throws: what `body` throws, else `failure` when the identifier is none or cannot be closed.
func withIdentifier<Value>(
  _ identifier: hid_t, closing close: (hid_t) -> herr_t, failure: @autoclosure () -> any Error,
  _ body: (hid_t) throws -> Value
) throws -> Value {
  guard identifier >= 0 else { throw failure() }
  let value: Value
  do { value = try body(identifier) } catch {
    _ = close(identifier)
    throw error
  }
  guard close(identifier) >= 0 else { throw failure() }
  return value
}
