import CHDF5
import Foundation

/// Texts as datasets, and attributes: single texts and numbers that belong to a group or dataset.
extension HDF5File {
  /// Writes one text as a dataset without axes, in UTF-8. Zero bytes at a text's end are lost.
  public func write(text: String, to name: String) throws {
    try write(texts: [text], shape: [], to: name)
  }

  /// Writes a list of texts as a dataset with one axis.
  public func write(texts: [String], to name: String) throws {
    try write(texts: texts, shape: [texts.count], to: name)
  }

  private func write(texts: [String], shape: [Int], to name: String) throws {
    try createGroup(above: name)
    try HDF5Library.locked {
      try withPadded(texts, name) { type, bytes in
        try withDatasetCreation(name) { try create(name, type: type, shape: shape, creation: $0) }
        guard !texts.isEmpty else { return }
        try withDataset(name) { dataset in
          guard H5Dwrite(dataset, type, 0, 0, 0, bytes) >= 0 else { throw DiskFailure.written(by: "HDF5", path) }
        }
      }
      written.add(.texts(dataset: name), HDF5Written.digest(texts))
    }
  }

  /// The texts of a dataset of any shape, in row-major order.
  /// - Throws: `HDF5Error.wrongType` when it holds no texts.
  public func readTexts(_ name: String) throws -> [String] {
    try HDF5Library.locked {
      try withDataset(name) { dataset in
        try requireType(.string, of: dataset, name)
        let shape = try extents(of: dataset, name)
        let count = shape.reduce(1, *)
        guard count <= 1 << 24 else {
          throw HDF5Error.wrongShape(path: path, name: name, found: shape, problem: "has too many texts")
        }
        try requirePlausibleSize(of: dataset, name, shape: shape, elementSize: 1)
        let failure = failed(name, "read")
        return try withIdentifier(H5Dget_type(dataset), closing: H5Tclose, failure: failure) { stored in
          try withIdentifier(H5Dget_space(dataset), closing: H5Sclose, failure: failure) { space in
            let texts = Self.texts(count: count, stored: stored, space: space) { H5Dread(dataset, $0, 0, 0, 0, $1) }
            guard let texts else { throw failure }
            return texts
          }
        }
      }
    }
  }

  /// The text of a dataset that holds exactly one.
  public func readText(_ name: String) throws -> String {
    let texts = try readTexts(name)
    guard texts.count == 1 else {
      throw HDF5Error.wrongShape(path: path, name: name, found: [texts.count], problem: "is not one text")
    }
    return texts[0]
  }

  // MARK: - Attributes

  /// Sets an attribute of a group or dataset ("/" for the file) to a text.
  public func setAttribute(_ attribute: String, of name: String, to value: String) throws {
    try HDF5Library.locked {
      try withPadded([value], name) { type, bytes in
        try writeAttribute(attribute, of: name, type: type, count: nil) { H5Awrite($0, type, bytes) }
      }
      written.add(.text(attribute: attribute, of: name), HDF5Written.digest([value]))
    }
  }

  /// Sets an attribute of a group or dataset to a number.
  public func setAttribute<Element: HDF5Element>(_ attribute: String, of name: String, to value: Element) throws {
    try HDF5Library.locked {
      let type = Element.hdf5Type.native
      try writeAttribute(attribute, of: name, type: type, count: nil) { identifier in
        withUnsafePointer(to: value) { H5Awrite(identifier, type, $0) }
      }
      written.add(
        .number(attribute: attribute, of: name, type: Element.hdf5Type), HDF5Written.digest([value]))
    }
  }

  /// Sets an attribute of a group or dataset to a list of numbers, which must not be empty.
  public func setAttribute<Element: HDF5Element>(_ attribute: String, of name: String, to values: [Element]) throws {
    precondition(!values.isEmpty, "an attribute needs values")
    try HDF5Library.locked {
      let type = Element.hdf5Type.native
      try writeAttribute(attribute, of: name, type: type, count: values.count) { H5Awrite($0, type, values) }
      written.add(
        .number(attribute: attribute, of: name, type: Element.hdf5Type), HDF5Written.digest(values))
    }
  }

  /// A text attribute of a group or dataset.
  public func attribute(_ attribute: String, of name: String) throws -> String {
    try HDF5Library.locked {
      try withAttribute(attribute, of: name) { identifier, stored, space, count in
        guard HDF5ElementType(stored: stored) == .string, count == 1 else {
          throw wrongAttribute(attribute, of: name, stored, count, expected: "one string")
        }
        guard let texts = Self.texts(count: 1, stored: stored, space: space, read: { H5Aread(identifier, $0, $1) })
        else {
          throw HDF5Error.failed(path: path, name: "\(name)@\(attribute)", operation: "read")
        }
        return texts[0]
      }
    }
  }

  /// A numeric attribute of a group or dataset: its values, one or more.
  public func attribute<Element: HDF5Element>(
    _ attribute: String, of name: String, as _: Element.Type
  ) throws -> [Element] {
    try HDF5Library.locked {
      try withAttribute(attribute, of: name) { identifier, stored, _, count in
        guard HDF5ElementType(stored: stored) == Element.hdf5Type, (1...(1 << 16)).contains(count) else {
          throw wrongAttribute(attribute, of: name, stored, count, expected: "\(Element.hdf5Type)")
        }
        return try [Element](unsafeUninitializedCapacity: count) { buffer, initialized in
          guard H5Aread(identifier, Element.hdf5Type.native, buffer.baseAddress!) >= 0 else {
            throw HDF5Error.failed(path: path, name: "\(name)@\(attribute)", operation: "read")
          }
          initialized = count
        }
      }
    }
  }

  /// Whether a group or dataset has the attribute.
  public func hasAttribute(_ attribute: String, of name: String) -> Bool {
    HDF5Library.locked {
      exists(locked: name) && H5Aexists_by_name(identifier, name, attribute, 0) > 0
    }
  }
}

// MARK: - Steps of the above; the caller holds the lock.

extension HDF5File {
  /// The texts in UTF-8, padded with zeros to the longest one's length, and their type. Texts of variable length would lie
  /// in a heap that HDF5 keeps no checksum of and believes blindly.
  fileprivate func withPadded<Value>(
    _ texts: [String], _ name: String, _ body: (_ type: hid_t, _ bytes: [UInt8]) throws -> Value
  ) throws -> Value {
    let length = max(1, texts.map(\.utf8.count).max() ?? 1)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(length * texts.count)
    for text in texts {
      bytes.append(contentsOf: text.utf8)
      bytes.append(contentsOf: repeatElement(0, count: length - text.utf8.count))
    }
    return try withIdentifier(H5Tcopy(chdf5_c_string()), closing: H5Tclose, failure: failed(name, "created")) { type in
      try require(H5Tset_size(type, length), name, "created")
      try require(H5Tset_cset(type, H5T_CSET_UTF8), name, "created")
      try require(H5Tset_strpad(type, H5T_STR_NULLPAD), name, "created")
      return try body(type, bytes)
    }
  }

  /// Reads `count` texts of the stored type, of fixed or variable length; nil when the library refuses.
  fileprivate static func texts(
    count: Int, stored: hid_t, space: hid_t, read: (_ type: hid_t, _ buffer: UnsafeMutableRawPointer) -> herr_t
  ) -> [String]? {
    guard count > 0 else { return [] }
    if H5Tis_variable_str(stored) > 0 {
      let type = H5Tcopy(chdf5_c_string())
      defer { H5Tclose(type) }
      H5Tset_size(type, chdf5_variable_length())
      H5Tset_cset(type, H5Tget_cset(stored))
      var pointers = [UnsafeMutablePointer<CChar>?](repeating: nil, count: count)
      guard pointers.withUnsafeMutableBytes({ read(type, $0.baseAddress!) }) >= 0 else { return nil }
      defer { _ = pointers.withUnsafeMutableBytes { H5Dvlen_reclaim(type, space, 0, $0.baseAddress!) } }
      return pointers.map { $0.map { String(cString: $0) } ?? "" }
    }
    let size = H5Tget_size(stored)
    guard size > 0, size <= (1 << 30) / count else { return nil }
    var bytes = [UInt8](repeating: 0, count: size * count)
    guard bytes.withUnsafeMutableBytes({ read(stored, $0.baseAddress!) }) >= 0 else { return nil }
    return (0..<count).map { index in
      var text = bytes[(index * size)..<((index + 1) * size)].prefix { $0 != 0 }
      if H5Tget_strpad(stored) == H5T_STR_SPACEPAD { while text.last == UInt8(ascii: " ") { text.removeLast() } }
      return String(decoding: text, as: UTF8.self)
    }
  }

  fileprivate func writeAttribute(
    _ attribute: String, of name: String, type: hid_t, count: Int?, _ write: (hid_t) -> herr_t
  ) throws {
    guard exists(locked: name) else { throw HDF5Error.missing(path: path, name: name) }
    let title = "\(name)@\(attribute)"
    if H5Aexists_by_name(identifier, name, attribute, 0) > 0 {
      try require(H5Adelete_by_name(identifier, name, attribute, 0), title, "replaced")
    }
    let space = count.map { H5Screate_simple(1, [hsize_t($0)], nil) } ?? H5Screate(H5S_SCALAR)
    try withIdentifier(space, closing: H5Sclose, failure: failed(title, "created")) { space in
      let created = H5Acreate_by_name(identifier, name, attribute, type, space, 0, 0, 0)
      try withIdentifier(created, closing: H5Aclose, failure: failed(title, "created")) { created in
        guard write(created) >= 0 else { throw DiskFailure.written(by: "HDF5", path) }
      }
    }
  }

  fileprivate func withAttribute<Result>(
    _ attribute: String, of name: String,
    _ body: (_ identifier: hid_t, _ stored: hid_t, _ space: hid_t, _ count: Int) throws -> Result
  ) throws -> Result {
    guard exists(locked: name), H5Aexists_by_name(identifier, name, attribute, 0) > 0 else {
      throw HDF5Error.missing(path: path, name: "\(name)@\(attribute)")
    }
    let failure = failed("\(name)@\(attribute)", "read")
    let opened = H5Aopen_by_name(identifier, name, attribute, 0, 0)
    return try withIdentifier(opened, closing: H5Aclose, failure: failure) { opened in
      try withIdentifier(H5Aget_type(opened), closing: H5Tclose, failure: failure) { stored in
        try withIdentifier(H5Aget_space(opened), closing: H5Sclose, failure: failure) { space in
          try body(opened, stored, space, Int(clamping: H5Sget_simple_extent_npoints(space)))
        }
      }
    }
  }

  fileprivate func wrongAttribute(
    _ attribute: String, of name: String, _ stored: hid_t, _ count: Int, expected: String
  ) -> HDF5Error {
    .wrongType(
      path: path, name: "\(name)@\(attribute)", found: "\(count) of \(HDF5ElementType(stored: stored))",
      expected: expected)
  }
}
