import Foundation

/// What `torch.save` writes: a ZIP archive with a pickle and one entry for each storage, or, before PyTorch 1.6, a chain of
/// pickles followed by the storages.
struct PyTorchFile {
  private(set) var tensors: [String: StoredTensor] = [:]
  private(set) var scalars: [String: String] = [:]

  private let path: String
  private var visited = 0
  private var copied = 0
  private let size: Int
  private var storages: [String: Data] = [:]
  private let load: (String) throws -> Data

  /// Reads an archive.
  init(archive url: URL, size: Int) throws {
    let path = url.path
    func checked<Result>(_ body: () throws(ZipReader.Problem) -> Result) throws -> Result {
      do { return try body() } catch { throw WeightFileError.unreadable(path: path, problem: error.sentence) }
    }
    let archive = try checked { () throws(ZipReader.Problem) in try ZipReader(path: path, size: size) }
    // Every entry lies under one folder, named after the file as it was first called.
    guard let main = archive.names.first(where: { $0.hasSuffix("/data.pkl") || $0 == "data.pkl" }) else {
      throw WeightFileError.unreadable(path: path, problem: UnknownFile.problem(zip: archive.names))
    }
    guard !UnknownFile.isTorchScript(zip: archive.names) else {
      throw WeightFileError.unreadable(path: path, problem: UnknownFile.torchScript)
    }
    let folder = main.dropLast("data.pkl".count)
    if archive.names.contains("\(folder)byteorder") {
      let order = try checked { () throws(ZipReader.Problem) in try archive.read("\(folder)byteorder") }
      guard order == Data("little".utf8) else {
        throw WeightFileError.unreadable(path: path, problem: "its numbers are not little-endian")
      }
    }
    let data = try checked { () throws(ZipReader.Problem) in try archive.read(main) }
    let pickle = try Self.pickle(data, path: path)
    self.init(path: path, size: size) { key in
      try checked { () throws(ZipReader.Problem) in try archive.read("\(folder)data/\(key)") }
    }
    try collect(pickle)
  }

  /// Reads a chain of pickles: a magic number, a version, the machine, the content, the storages' keys; then, for each key,
  /// the count of elements in 8 bytes and the elements.
  init(chain data: Data, path: String) throws {
    var rest = data
    func next() throws -> Pickle {
      let pickle = try Self.pickle(rest, path: path)
      rest = rest.dropFirst(pickle.length)
      return pickle
    }
    func refuse(_ problem: String) -> WeightFileError { .unreadable(path: path, problem: problem) }
    guard case .text("6cfc9c46f9206aa85019") = try next().root, case .integer(1001) = try next().root else {
      throw refuse(
        "it is a pickle, but not one that PyTorch wrote; load it and save the weights with torch.save(state_dict, \"weights.pth\")"
      )
    }
    let machine = try next()
    if case .node(let place) = machine.root, case .dictionary(let items) = machine.nodes[place] {
      for case (.text("little_endian"), .bool(false)) in items { throw refuse("its numbers are not little-endian") }
    }
    let content = try next()
    let keys = try next()
    var sizes: [String: Int] = [:]
    for case .storage(let storage) in content.nodes { sizes[storage.key] = storage.kind.size }
    guard case .node(let place) = keys.root, case .list(let list) = keys.nodes[place] else {
      throw refuse("its list of storages is malformed")
    }
    var found: [String: Data] = [:]
    for case .text(let key) in list {
      guard let elementSize = sizes[key], rest.count >= 8 else { throw refuse("its storages are cut short") }
      let count = rest.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
      rest = rest.dropFirst(8)
      guard count <= UInt64(rest.count / elementSize) else { throw refuse("its storages are cut short") }
      found[key] = rest.prefix(Int(count) * elementSize)
      rest = rest.dropFirst(Int(count) * elementSize)
    }
    let storages = found
    self.init(path: path, size: data.count) { key in
      guard let bytes = storages[key] else { throw refuse("it has no storage \"\(key)\"") }
      return bytes
    }
    try collect(content)
  }

  private init(path: String, size: Int, load: @escaping (String) throws -> Data) {
    self.path = path
    self.size = size
    self.load = load
  }

  private static func pickle(_ data: Data, path: String) throws -> Pickle {
    do {
      return try PickleReader.read(data)
    } catch {
      switch error {
      case .damaged(let problem): throw WeightFileError.unreadable(path: path, problem: problem)
      case .refused(let name): throw WeightFileError.refused(path: path, name: name)
      }
    }
  }

  private func refuse(_ problem: String) -> WeightFileError { .unreadable(path: path, problem: problem) }

  private mutating func collect(_ pickle: Pickle) throws {
    try visit(pickle.root, in: pickle.nodes, name: "", depth: 0)
  }

  /// Files every tensor and number under its path, such as "teacher.backbone.norm.weight".
  private mutating func visit(_ value: PickleValue, in nodes: [PickleNode], name: String, depth: Int) throws {
    visited += 1
    guard visited <= 1 << 20, depth <= 32 else { throw refuse("its containers are nested too deep or hold too much") }
    switch value {
    case .none: scalars[name] = "none"
    case .bool(let value): scalars[name] = String(value)
    case .integer(let value): scalars[name] = String(value)
    case .real(let value): scalars[name] = String(value)
    case .text(let value): scalars[name] = value
    case .node(let place):
      func inner(_ key: String) -> String { name.isEmpty ? key : "\(name).\(key)" }
      switch nodes[place] {
      case .tuple(let values), .list(let values):
        for (index, value) in values.enumerated() {
          try visit(value, in: nodes, name: inner(String(index)), depth: depth + 1)
        }
      case .dictionary(let items):
        for (index, (key, value)) in items.enumerated() {
          let key: String =
            switch key {
            case .text(let key): key
            case .integer(let key): String(key)
            case .real(let key): String(key)
            case .bool(let key): String(key)
            case .none, .node: "(key \(index))"
            }
          try visit(value, in: nodes, name: inner(key), depth: depth + 1)
        }
      case .tensor(let tensor):
        guard tensors[name] == nil else { throw refuse("it has two tensors named \"\(name.spelled)\"") }
        tensors[name] = try materialized(tensor, name)
      case .bytes(let bytes):
        scalars[name] =
          bytes.prefix(32).map { String(format: "%02x", $0) }.joined() + (bytes.count > 32 ? "…" : "")
      case .numPyType(let type): scalars[name] = type.rawValue
      case .global: scalars[name] = "(a class or function)"
      case .storage: scalars[name] = "(a storage)"
      case .other(let what): scalars[name] = "(\(what))"
      }
    }
  }

  private mutating func materialized(_ tensor: PickledTensor, _ name: String) throws -> StoredTensor {
    let storage = tensor.storage
    let elementSize = tensor.elementType.size
    let bytes: Data
    if let known = storages[storage.key] {
      bytes = known
    } else {
      bytes = try load(storage.key)
      storages[storage.key] = bytes
    }
    // Every index must lie in the storage, and a tensor may not have more elements than its storage.
    let malformed = refuse("the tensor \"\(name)\" of shape \(tensor.shape) does not lie within its storage")
    let (stored, over) = storage.count.multipliedReportingOverflow(by: storage.kind.size)
    guard !over, stored == bytes.count, bytes.count % elementSize == 0, tensor.offset >= 0 else { throw malformed }
    let available = bytes.count / elementSize
    if tensor.shape.contains(0) { return StoredTensor(shape: try checkedEmpty(tensor.shape, malformed), floats: []) }
    var count = 1
    var last = tensor.offset
    var contiguous = true
    for (size, stride) in zip(tensor.shape, tensor.strides).reversed() {
      guard size >= 0, stride >= 0 else { throw malformed }
      if size > 1, stride != count { contiguous = false }
      let (reach, far) = (size - 1).multipliedReportingOverflow(by: stride)
      let (end, farther) = last.addingReportingOverflow(reach)
      let (product, over) = count.multipliedReportingOverflow(by: size)
      guard !far, !farther, !over, end < available, product <= available else { throw malformed }
      last = end
      count = product
    }
    guard last < available else { throw malformed }
    let first = bytes.startIndex + tensor.offset * elementSize
    if contiguous {
      return StoredTensor(
        shape: tensor.shape, elementType: tensor.elementType, data: bytes[first..<(first + count * elementSize)])
    }
    copied += count * elementSize
    guard copied <= size else { throw refuse("its tensors view the same storages over and over") }
    var dense = Data(count: count * elementSize)
    dense.withUnsafeMutableBytes { target in
      bytes.withUnsafeBytes { source in
        var index = [Int](repeating: 0, count: tensor.shape.count)
        for element in 0..<count {
          var from = tensor.offset
          for axis in index.indices { from += index[axis] * tensor.strides[axis] }
          (target.baseAddress! + element * elementSize).copyMemory(
            from: source.baseAddress! + from * elementSize, byteCount: elementSize)
          for axis in index.indices.reversed() {
            index[axis] += 1
            if index[axis] < tensor.shape[axis] { break }
            index[axis] = 0
          }
        }
      }
    }
    return StoredTensor(shape: tensor.shape, elementType: tensor.elementType, data: dense)
  }

  /// A shape with a zero in it, its other sizes' product safe to form.
  private func checkedEmpty(_ shape: [Int], _ malformed: WeightFileError) throws -> [Int] {
    var product = 1
    for size in shape where size != 0 {
      let (next, over) = product.multipliedReportingOverflow(by: size)
      guard size > 0, !over else { throw malformed }
      product = next
    }
    return shape
  }
}
