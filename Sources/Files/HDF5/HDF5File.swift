import CHDF5
import Foundation
import Synchronization

/// An HDF5 file: groups, datasets and attributes by path, such as "metrics/dsc".
///
/// Any thread may use a file: every call of the library is made under one lock. A file is either open for reading, or being
/// created by `create`, in which case it appears when it is whole. Equal content written in the same order gives equal bytes.
/// Files from elsewhere are not trusted: links out of the file and compression plugins are not followed or loaded, and no
/// more memory is asked for than the stored bytes can account for. Files made here carry checksums over their structure, so
/// that damage is found; for others libhdf5's own checks must do.
public final class HDF5File: @unchecked Sendable {
  /// The file's path as errors name it.
  public let path: String
  /// The library's identifier; used only under the library's lock.
  var identifier: hid_t
  /// What was given to a file that is being created; used only under the library's lock.
  var written = HDF5Written()

  private init(path: String, identifier: hid_t) {
    self.path = path
    self.identifier = identifier
  }

  deinit {
    guard identifier >= 0 else { return }
    HDF5Library.locked { _ = H5Fclose(identifier) }
  }

  /// Opens the file at `url` for reading.
  /// - Throws: `FileError` when there is none, `HDF5Error.unopenable` when it is not sound HDF5.
  public convenience init(reading url: URL) throws {
    _ = try fileSize(url)
    let (identifier, system) = HDF5Library.locked {
      let access = H5Pcreate(chdf5_file_access())
      defer { H5Pclose(access) }
      H5Pset_file_locking(access, false, true)
      let identifier = H5Fopen(url.path, chdf5_open_read_only(), access)
      return (identifier, identifier < 0 ? chdf5_system_error() : 0)
    }
    guard identifier >= 0 else {
      errno = system
      throw DiskFailure.isOfDisk(system) ? FileError.ofReading(url.path) : HDF5Error.unopenable(path: url.path)
    }
    self.init(path: url.path, identifier: identifier)
  }

  /// Opens a sealed file, once every byte of it is found to be as it was sealed.
  /// - Throws: `FileError`, `HDF5Error.unsealed`, `HDF5Error.changed`, `HDF5Error.unopenable`.
  public convenience init(readingSealed url: URL) throws {
    try HDF5Seal.check(url)
    try self.init(reading: url)
  }

  /// Creates the file at `url` with what `body` writes into it. The file appears, or replaces the one there, once `body`
  /// has returned, all that was written has been read back and compared, and every byte is on disk; when `body` throws,
  /// nothing changes. The file must not be used after `body`.
  /// - Parameter sealed: whether the file begins with an `HDF5Seal` over all its bytes.
  /// - Throws: what `body` throws, `FileError`, `DiskFailure` or `HDF5Error`.
  public static func create<Result>(
    _ url: URL, sealed: Bool = false, writing body: (HDF5File) throws -> Result
  ) throws -> Result {
    var result: Result?
    try AtomicFile.replace(url) { temporary in
      // HDF5 doesn't say why it could not make a file; the system does.
      let probe = open(temporary.path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      guard probe >= 0 else { throw FileError.ofWriting(url) }
      Foundation.close(probe)
      unlink(temporary.path)
      let identifier = HDF5Library.locked {
        errno = 0
        let creation = H5Pcreate(chdf5_file_create())
        defer { H5Pclose(creation) }
        H5Pset_obj_track_times(creation, false)
        H5Pset_userblock(creation, sealed ? hsize_t(HDF5Seal.length) : 0)
        let access = H5Pcreate(chdf5_file_access())
        defer { H5Pclose(access) }
        H5Pset_file_locking(access, false, true)
        // The newer layout carries checksums over its structure: a flipped bit is found before it is believed.
        H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110)
        return H5Fcreate(temporary.path, chdf5_create_new(), creation, access)
      }
      guard identifier >= 0 else { throw DiskFailure.written(by: "HDF5", url.path) }
      let file = HDF5File(path: url.path, identifier: identifier)
      defer { file.close() }
      do { result = try body(file) } catch HDF5Error.failed { throw DiskFailure.written(by: "HDF5", url.path) }
      guard file.close() else { throw DiskFailure.written(by: "HDF5", url.path) }
      try file.written.verify(temporary, for: url.path)
      if sealed { try HDF5Seal.close(temporary, for: url) }
    }
    return result!
  }

  /// Whether everything reached the file. The second time does nothing.
  @discardableResult
  private func close() -> Bool {
    HDF5Library.locked {
      guard identifier >= 0 else { return true }
      let written = H5Fflush(identifier, H5F_SCOPE_GLOBAL) >= 0
      let closed = H5Fclose(identifier) >= 0
      identifier = -1
      return written && closed
    }
  }

  // MARK: - Groups

  /// Makes a group, and those above it, unless it is there.
  public func createGroup(_ name: String) throws {
    try HDF5Library.locked {
      if exists(locked: name) { return }
      let failure = failed(name, "created")
      try withIdentifier(H5Pcreate(chdf5_group_create()), closing: H5Pclose, failure: failure) { creation in
        try require(H5Pset_obj_track_times(creation, false), name, "created")
        try withIdentifier(HDF5Library.linkCreation(), closing: H5Pclose, failure: failure) { links in
          // Each group above is made by itself, so that none carries a time.
          var above = ""
          for part in name.pathParts() {
            above += "/\(part)"
            if exists(locked: above) { continue }
            let group = H5Gcreate2(identifier, above, links, creation, 0)
            try withIdentifier(group, closing: H5Gclose, failure: failure) { _ in }
            written.add(.group(above), "")
          }
        }
      }
    }
  }

  /// The names of the groups and datasets directly in a group, sorted.
  /// - Throws: `HDF5Error.missing` when there is no such group, `HDF5Error.nameIsNoText` for a name that is not UTF-8.
  public func names(in group: String = "/") throws -> [String] {
    try HDF5Library.locked {
      guard exists(locked: group) else { throw HDF5Error.missing(path: path, name: group) }
      let opened = H5Gopen2(identifier, group, 0)
      guard opened >= 0 else {
        throw HDF5Error.wrongType(path: path, name: group, found: "no group", expected: "a group")
      }
      let failure = failed(group, "listed")
      return try withIdentifier(opened, closing: H5Gclose, failure: failure) { opened in
        var information = H5G_info_t()
        guard H5Gget_info(opened, &information) >= 0 else { throw failure }
        var names: [String] = []
        for index in 0..<information.nlinks {
          let length = H5Lget_name_by_idx(opened, ".", H5_INDEX_NAME, H5_ITER_INC, index, nil, 0, 0)
          guard length >= 0, length < 1 << 16 else { throw failure }
          var buffer = [CChar](repeating: 0, count: length + 1)
          guard H5Lget_name_by_idx(opened, ".", H5_INDEX_NAME, H5_ITER_INC, index, &buffer, buffer.count, 0) >= 0 else {
            throw failure
          }
          let bytes = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
          guard let name = String(validating: bytes, as: UTF8.self) else {
            throw HDF5Error.nameIsNoText(path: path, group: group, name: String(visible: bytes))
          }
          names.append(name)
        }
        return names.sorted()
      }
    }
  }

  /// Whether there is a group or dataset of that name.
  public func exists(_ name: String) -> Bool {
    HDF5Library.locked { exists(locked: name) }
  }

  /// As `exists`, for callers that hold the lock: the library needs each group on the way asked for.
  func exists(locked name: String) -> Bool {
    var above = ""
    for part in name.pathParts() {
      above += "/\(part)"
      guard H5Lexists(identifier, above, 0) > 0, H5Oexists_by_name(identifier, above, 0) > 0 else { return false }
    }
    return true
  }
}

/// The library's one lock and its set-up.
enum HDF5Library {
  private static let lock = Mutex(false)

  /// Runs `body` alone with the library, which prints no errors of its own.
  static func locked<Result>(_ body: () throws -> Result) rethrows -> Result {
    try lock.withLock { isSetUp in
      if !isSetUp {
        // At the program's end the library would visit files that could not be closed, and crash on them.
        H5dont_atexit()
        H5open()
        // No code from plugin folders, no links to other files.
        H5PLset_loading_state(0)
        H5Lunregister(H5L_TYPE_EXTERNAL)
        isSetUp = true
      }
      // Printing is a setting of each thread where the library was built for several.
      H5Eset_auto2(0, nil, nil)
      return try body()
    }
  }

  /// Properties for links in UTF-8, whose groups above must be there.
  static func linkCreation() -> hid_t {
    let links = H5Pcreate(chdf5_link_create())
    H5Pset_char_encoding(links, H5T_CSET_UTF8)
    return links
  }
}
