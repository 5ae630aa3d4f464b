import CHDF5

extension HDF5File {
  /// The most bytes that one read returns: 16 GiB.
  public static let maximumReadLength = 1 << 34

  // MARK: - Looking

  /// The extents of a dataset; empty for a single value.
  public func shape(of name: String) throws -> [Int] {
    try HDF5Library.locked { try withDataset(name) { try extents(of: $0, name) } }
  }

  /// The type of a dataset's elements.
  public func elementType(of name: String) throws -> HDF5ElementType {
    try HDF5Library.locked { try withDataset(name) { storedType(of: $0) } }
  }

  // MARK: - Writing

  /// Writes a whole dataset; the groups above are made as needed.
  /// - Parameters:
  ///   - shape: the extents, whose product is the number of values; empty for a single value.
  ///   - chunk: the extents of the pieces that are stored, and compressed, apart. Without it a compressed dataset is stored
  ///     by slices: single indices along all axes but the last two.
  ///   - deflate: zlib's level from 1 to 9 after a byte shuffle; 0 for none.
  /// - Throws: `HDF5Error.taken` when the name is in use, `HDF5Error.failed` when the library refuses.
  public func write<Element: HDF5Element>(
    _ values: [Element], shape: [Int], to name: String, chunk: [Int]? = nil, deflate: Int = 0
  ) throws {
    precondition(values.count == shape.reduce(1, *), "\(values.count) values for the shape \(shape)")
    try createDataset(name, of: Element.self, shape: shape, chunk: chunk, deflate: deflate)
    guard !values.isEmpty else { return }
    let digest = HDF5Written.digest(values)
    try HDF5Library.locked {
      try withDataset(name) { dataset in
        guard H5Dwrite(dataset, Element.hdf5Type.native, 0, 0, 0, values) >= 0 else {
          throw DiskFailure.written(by: "HDF5", path)
        }
      }
      let start = [Int](repeating: 0, count: shape.count)
      written.add(.box(dataset: name, start: start, count: shape, type: Element.hdf5Type), digest)
    }
  }

  /// Makes a dataset to be written piece by piece with `write(_:to:start:count:)`; what is never written reads as 0.
  public func createDataset<Element: HDF5Element>(
    _ name: String, of _: Element.Type, shape: [Int], chunk: [Int]? = nil, deflate: Int = 0
  ) throws {
    precondition((0...9).contains(deflate), "zlib's levels are 0 to 9")
    precondition(chunk == nil || chunk!.count == shape.count, "a chunk has the dataset's axes")
    try createGroup(above: name)
    try HDF5Library.locked {
      try withDatasetCreation(name) { creation in
        let wantsChunks = (chunk != nil || deflate > 0) && !shape.isEmpty && !shape.contains(0)
        if wantsChunks {
          var extents = (chunk ?? slice(of: shape)).map { hsize_t($0) }
          for axis in extents.indices { extents[axis] = min(extents[axis], hsize_t(shape[axis])) }
          try require(H5Pset_chunk(creation, Int32(extents.count), extents), name, "created")
          if deflate > 0 {
            try require(H5Pset_shuffle(creation), name, "created")
            try require(H5Pset_deflate(creation, UInt32(deflate)), name, "created")
          }
        }
        try create(name, type: Element.hdf5Type.native, shape: shape, creation: creation)
      }
    }
  }

  /// Writes the box of `count` elements along each axis that begins at `start` into a dataset made by `createDataset`. Boxes
  /// must not overlap: each is read back as it was given.
  public func write<Element: HDF5Element>(
    _ values: UnsafeBufferPointer<Element>, to name: String, start: [Int], count: [Int]
  ) throws {
    precondition(values.count == count.reduce(1, *), "\(values.count) values for a box of \(count)")
    guard !values.isEmpty else { return }
    let digest = HDF5Written.digest(values)
    try HDF5Library.locked {
      try withDataset(name) { dataset in
        try requireType(Element.hdf5Type, of: dataset, name)
        try withBox(of: dataset, name, start: start, count: count) { memory, stored in
          guard H5Dwrite(dataset, Element.hdf5Type.native, memory, stored, 0, values.baseAddress!) >= 0 else {
            throw DiskFailure.written(by: "HDF5", path)
          }
        }
      }
      written.add(.box(dataset: name, start: start, count: count, type: Element.hdf5Type), digest)
    }
  }

  /// Writes one whole chunk of a compressed dataset made by `createDataset`, compressed by the caller's thread and not under
  /// the library's lock.
  /// - Parameters:
  ///   - values: the chunk's elements in row-major order.
  ///   - start: the indices of its first element.
  ///   - count: the chunk's extents; it must lie whole in the dataset.
  public func writeChunk<Element: HDF5Element>(
    _ values: UnsafeBufferPointer<Element>, to name: String, start: [Int], count: [Int],
    with compressor: ChunkCompressor
  ) throws {
    precondition(values.count == count.reduce(1, *), "\(values.count) values for a chunk of \(count)")
    let bytes = compressor.compress(values)
    let (digest, stored) = (HDF5Written.digest(values), SHA256Stream.digest(of: bytes))
    try HDF5Library.locked {
      try withDataset(name) { dataset in
        try requireType(Element.hdf5Type, of: dataset, name)
        guard H5Dwrite_chunk(dataset, 0, 0, start.map { hsize_t($0) }, bytes.count, bytes.baseAddress!) >= 0 else {
          throw DiskFailure.written(by: "HDF5", path)
        }
      }
      written.add(.box(dataset: name, start: start, count: count, type: Element.hdf5Type), digest, stored: stored)
    }
  }

  /// As above, from an array.
  public func write<Element: HDF5Element>(
    _ values: [Element], to name: String, start: [Int], count: [Int]
  ) throws {
    try values.withUnsafeBufferPointer { try write($0, to: name, start: start, count: count) }
  }

  // MARK: - Reading

  /// A whole dataset.
  /// - Throws: `HDF5Error.wrongType` when it is stored in another type than `Element`.
  public func read<Element: HDF5Element>(
    _ name: String, as _: Element.Type
  ) throws -> (shape: [Int], values: [Element]) {
    let shape = try shape(of: name)
    let values = try read(
      name, as: Element.self, start: [Int](repeating: 0, count: shape.count), count: shape)
    return (shape, values)
  }

  /// The elements with the given leading indices, such as the slice [Y, X] at `[c, z]` of an image [C, Z, Y, X].
  public func read<Element: HDF5Element>(_ name: String, as _: Element.Type, at leading: [Int]) throws -> [Element] {
    let shape = try shape(of: name)
    guard leading.count <= shape.count else {
      throw HDF5Error.wrongShape(path: path, name: name, found: shape, problem: "has no element at \(leading)")
    }
    let rest = shape.count - leading.count
    return try read(
      name, as: Element.self, start: leading + [Int](repeating: 0, count: rest),
      count: [Int](repeating: 1, count: leading.count) + shape.suffix(rest))
  }

  /// The box of `count` elements along each axis that begins at `start`, in row-major order.
  public func read<Element: HDF5Element>(
    _ name: String, as _: Element.Type, start: [Int], count: [Int]
  ) throws -> [Element] {
    let total = try HDF5Library.locked {
      try withDataset(name) { dataset in
        try requireType(Element.hdf5Type, of: dataset, name)
        let shape = try requireBox(of: dataset, name, start: start, count: count)
        try requirePlausibleSize(of: dataset, name, shape: shape, elementSize: MemoryLayout<Element>.size)
        return count.reduce(1, *)
      }
    }
    return try [Element](unsafeUninitializedCapacity: total) { buffer, initialized in
      try read(name, start: start, count: count, into: UnsafeMutableBufferPointer(rebasing: buffer[..<total]))
      initialized = total
    }
  }

  /// As above, into memory of the caller's, whose length is the box's.
  public func read<Element: HDF5Element>(
    _ name: String, start: [Int], count: [Int], into buffer: UnsafeMutableBufferPointer<Element>
  ) throws {
    try HDF5Library.locked {
      try withDataset(name) { dataset in
        try requireType(Element.hdf5Type, of: dataset, name)
        try requireBox(of: dataset, name, start: start, count: count)
        precondition(buffer.count == count.reduce(1, *), "memory for \(buffer.count) elements of a box of \(count)")
        guard !buffer.isEmpty else { return }
        try withBox(of: dataset, name, start: start, count: count) { memory, stored in
          guard H5Dread(dataset, Element.hdf5Type.native, memory, stored, 0, buffer.baseAddress!) >= 0 else {
            throw HDF5Error.failed(path: path, name: name, operation: "read")
          }
        }
      }
    }
  }
}

// MARK: - Steps of the above; the caller holds the lock.

extension HDF5File {
  func withDataset<Result>(_ name: String, _ body: (hid_t) throws -> Result) throws -> Result {
    precondition(identifier >= 0, "\(path) is used after it was closed")
    guard exists(locked: name) else { throw HDF5Error.missing(path: path, name: name) }
    let dataset = H5Dopen2(identifier, name, 0)
    guard dataset >= 0 else {
      throw HDF5Error.wrongType(path: path, name: name, found: "no dataset that can be opened", expected: "a dataset")
    }
    return try withIdentifier(dataset, closing: H5Dclose, failure: failed(name, "closed")) { dataset in
      try requireOwnValues(of: dataset, name)
      return try body(dataset)
    }
  }

  /// What the library refused; while a file is being written `create` makes a failure of the disk of it.
  func failed(_ name: String, _ operation: String) -> HDF5Error {
    .failed(path: path, name: name, operation: operation)
  }

  func require(_ status: herr_t, _ name: String, _ operation: String) throws {
    guard status < 0 else { return }
    let system = chdf5_system_error()
    guard DiskFailure.isOfDisk(system) else { throw failed(name, operation) }
    throw DiskFailure(
      path: path, reason: String(cString: strerror(system)), access: operation == "read" ? .read : .written)
  }

  func extents(of dataset: hid_t, _ name: String) throws -> [Int] {
    let noArray = HDF5Error.wrongType(path: path, name: name, found: "an empty dataspace", expected: "an array")
    let shape = try withIdentifier(H5Dget_space(dataset), closing: H5Sclose, failure: noArray) { space in
      let rank = H5Sget_simple_extent_ndims(space)
      guard rank >= 0, rank <= 32, H5Sget_simple_extent_type(space) != H5S_NULL else { throw noArray }
      var extents = [hsize_t](repeating: 0, count: Int(rank) + 1)
      guard H5Sget_simple_extent_dims(space, &extents, nil) >= 0 else { throw noArray }
      return extents.prefix(Int(rank)).map { Int(clamping: $0) }
    }
    var product = 1
    for extent in shape {
      let (next, overflow) = product.multipliedReportingOverflow(by: max(extent, 1))
      guard !overflow, next < 1 << 59 else {
        throw HDF5Error.wrongShape(path: path, name: name, found: shape, problem: "is too large for memory")
      }
      product = next
    }
    return shape
  }

  func storedType(of dataset: hid_t) -> HDF5ElementType {
    let type = H5Dget_type(dataset)
    guard type >= 0 else { return .other }
    defer { H5Tclose(type) }
    return HDF5ElementType(stored: type)
  }

  func requireType(_ expected: HDF5ElementType, of dataset: hid_t, _ name: String) throws {
    let found = storedType(of: dataset)
    guard found == expected else {
      throw HDF5Error.wrongType(path: path, name: name, found: "\(found)", expected: "\(expected)")
    }
  }

  /// Checks that the box lies in the dataset, and returns the dataset's extents.
  @discardableResult
  func requireBox(of dataset: hid_t, _ name: String, start: [Int], count: [Int]) throws -> [Int] {
    let shape = try extents(of: dataset, name)
    let fits =
      start.count == shape.count && count.count == shape.count
      && shape.indices.allSatisfy { start[$0] >= 0 && count[$0] >= 0 && start[$0] <= shape[$0] - count[$0] }
    guard fits else {
      throw HDF5Error.wrongShape(
        path: path, name: name, found: shape, problem: "has no box of \(count) elements at \(start)")
    }
    return shape
  }

  /// Refuses datasets that claim far more than is stored: deflate shrinks at most about 1032 times.
  func requirePlausibleSize(of dataset: hid_t, _ name: String, shape: [Int], elementSize: Int) throws {
    let length = shape.reduce(elementSize) { $0.multipliedReportingOverflow(by: $1).partialValue }
    let stored = Int(clamping: H5Dget_storage_size(dataset))
    let plausible = length <= 1 << 26 || length / 1100 <= stored
    guard plausible, length <= Self.maximumReadLength else {
      throw HDF5Error.wrongShape(
        path: path, name: name, found: shape, problem: "claims \(length) bytes and stores \(stored)")
    }
  }

  /// Refuses datasets whose values lie in other files, before anything is asked of them: the library opens those files to
  /// tell a size or an extent, and waits where they are pipes.
  private func requireOwnValues(of dataset: hid_t, _ name: String) throws {
    let isOwn = try withIdentifier(
      H5Dget_create_plist(dataset), closing: H5Pclose, failure: failed(name, "read")
    ) { H5Pget_layout($0) != H5D_VIRTUAL && H5Pget_external_count($0) == 0 }
    guard isOwn else {
      throw HDF5Error.wrongType(
        path: path, name: name, found: "a dataset that keeps its values in another file", expected: "values of its own")
    }
  }

  func withBox(
    of dataset: hid_t, _ name: String, start: [Int], count: [Int],
    _ body: (_ memory: hid_t, _ stored: hid_t) throws -> Void
  ) throws {
    try requireBox(of: dataset, name, start: start, count: count)
    if start.isEmpty { return try body(0, 0) }
    let failure = failed(name, "selected from")
    try withIdentifier(H5Dget_space(dataset), closing: H5Sclose, failure: failure) { stored in
      let simple = H5Screate_simple(Int32(count.count), count.map { hsize_t($0) }, nil)
      try withIdentifier(simple, closing: H5Sclose, failure: failure) { memory in
        let selected = H5Sselect_hyperslab(
          stored, H5S_SELECT_SET, start.map { hsize_t($0) }, nil, count.map { hsize_t($0) }, nil)
        guard selected >= 0 else { throw failure }
        try body(memory, stored)
      }
    }
  }

  /// Makes the groups above `name`; takes the lock itself.
  func createGroup(above name: String) throws {
    let parts = name.pathParts()
    if parts.count > 1 { try createGroup(parts.dropLast().joined(separator: "/")) }
  }

  /// Runs `body` with the properties of a dataset that is to be made under a free name.
  func withDatasetCreation<Value>(_ name: String, _ body: (hid_t) throws -> Value) throws -> Value {
    if exists(locked: name) { throw HDF5Error.taken(path: path, name: name) }
    let failure = failed(name, "created")
    return try withIdentifier(H5Pcreate(chdf5_dataset_create()), closing: H5Pclose, failure: failure) { creation in
      try require(H5Pset_obj_track_times(creation, false), name, "created")
      return try body(creation)
    }
  }

  func create(_ name: String, type: hid_t, shape: [Int], creation: hid_t) throws {
    let failure = failed(name, "created")
    let space =
      shape.isEmpty ? H5Screate(H5S_SCALAR) : H5Screate_simple(Int32(shape.count), shape.map { hsize_t($0) }, nil)
    try withIdentifier(space, closing: H5Sclose, failure: failure) { space in
      try withIdentifier(HDF5Library.linkCreation(), closing: H5Pclose, failure: failure) { links in
        let dataset = H5Dcreate2(identifier, name, type, space, links, creation, 0)
        try withIdentifier(dataset, closing: H5Dclose, failure: failure) { _ in }
      }
    }
  }

  /// One slice: single indices along all axes but the last two.
  func slice(of shape: [Int]) -> [Int] {
    [Int](repeating: 1, count: max(0, shape.count - 2)) + shape.suffix(2)
  }
}
