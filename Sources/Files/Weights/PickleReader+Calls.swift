/// What the functions of `PickleGlobal` make of their arguments.
extension PickleReader {
  /// Texts and bytes made by calls, together: a few short calls could name one long text over and over.
  private static let greatestMade = 2 * Pickle.maximumLength

  mutating func pushGlobal(_ module: String, _ name: String) throws(PickleProblem) {
    // Python 2's name of the module, which pickles of version 2 use.
    let full = "\(module == "__builtin__" ? "builtins" : module).\(name)"
    if PickleGlobal.isConstant(full) {
      stack.append(.text(full))
    } else if let global = PickleGlobal(full) {
      push(.global(global))
    } else {
      throw .refused(full)
    }
  }

  mutating func call(_ function: PickleValue, _ arguments: PickleValue) throws(PickleProblem) {
    guard let global = global(function), let arguments = tuple(arguments) else {
      throw .damaged("its pickle calls something that is not a function, or with no arguments")
    }
    switch global {
    case .orderedDictionary: try makeDictionary(arguments)
    case .counter:
      if let first = arguments.first, node(first, { if case .dictionary = $0 { true } else { false } }) {
        stack.append(first)
      } else {
        guard arguments.isEmpty else { throw .damaged("it holds a malformed counter") }
        push(.dictionary([]))
      }
    case .set:
      guard let first = arguments.first else { return push(.list([])) }
      guard node(first, { if case .list = $0 { true } else { false } }) else {
        throw .damaged("it holds a malformed set")
      }
      stack.append(first)
    case .complex:
      guard arguments.count == 2, case .real(let real) = arguments[0], case .real(let imaginary) = arguments[1] else {
        throw .damaged("it holds a malformed complex number")
      }
      stack.append(.text("\(real) + \(imaginary)i"))
    case .layout:
      guard case .text? = arguments.first else { throw .damaged("it holds a malformed layout") }
      stack.append(arguments[0])
    case .size:
      guard arguments.count == 1, let sizes = tuple(arguments[0]) else { throw .damaged("it holds a malformed size") }
      push(.tuple(sizes))
    case .rebuildParameter:
      // A parameter of something that is no tensor here, or of nothing.
      guard let first = arguments.first else { return push(.other("a parameter without values")) }
      stack.append(first)
    case .rebuildTensor, .rebuildTensorOfType, .rebuildOther, .rebuildFromType:
      push(try rebuilt(global, arguments, depth: 0))
    case .storage: throw .refused("a call of a storage's class")
    case .device:
      guard case .text(let name)? = arguments.first, name.utf8.count <= 256 else {
        throw .damaged("it holds a malformed device")
      }
      if arguments.count > 1, case .integer(let index) = arguments[1] {
        stack.append(.text("\(name):\(index)"))
      } else {
        stack.append(.text(name))
      }
    case .encodedBytes: push(.bytes(try encoded(arguments)))
    case .byteArray:
      if case .node(let place)? = arguments.first, case .bytes = nodes[place] {
        stack.append(arguments[0])
      } else {
        push(.bytes(arguments.isEmpty ? [] : try encoded(arguments)))
      }
    case .numPyType:
      guard case .text(let name)? = arguments.first else { throw .damaged("it holds a malformed NumPy type") }
      guard let type = NumPyScalarType(rawValue: name) else { throw .refused("NumPy's type \(name)") }
      push(.numPyType(type))
    case .numPyScalar:
      guard arguments.count == 2, case .node(let type) = arguments[0], case .node(let bytes) = arguments[1],
        case .numPyType(let type) = nodes[type], case .bytes(let bytes) = nodes[bytes], let value = type.value(bytes)
      else { throw .damaged("it holds a malformed NumPy number") }
      stack.append(value)
    }
  }

  /// Attributes beside an object's content, such as PyTorch's `_metadata` of an ordered dictionary, which weights don't need. Or
  /// the state of a NumPy type, which must be little-endian.
  mutating func dropState() throws(PickleProblem) {
    let state = try pop()
    guard case .node(let object) = try top() else { throw .refused("setting an object's state") }
    switch nodes[object] {
    case .dictionary, .tensor, .other: break
    case .numPyType:
      // (version, byte order, ...)
      guard let parts = tuple(state), parts.count > 1, case .text(let order) = parts[1],
        ["<", "|", "="].contains(order)
      else { throw .damaged("it holds NumPy numbers that are not little-endian") }
    default: throw .refused("setting an object's state")
    }
  }

  /// ("storage", class, key, location, count, …)
  func storage(_ identifier: PickleValue) throws(PickleProblem) -> PickledStorage {
    guard let parts = tuple(identifier), parts.count >= 5, case .text("storage") = parts[0],
      case .storage(let kind)? = global(parts[1]), case .text(let key) = parts[2], case .integer(let count) = parts[4],
      count >= 0
    else { throw .damaged("it holds a malformed storage") }
    return PickledStorage(key: key, kind: kind, count: count)
  }

  // MARK: - Tensors

  private func rebuilt(
    _ function: PickleGlobal, _ arguments: [PickleValue], depth: Int
  ) throws(PickleProblem) -> PickleNode {
    switch function {
    case .rebuildOther(let what): return .other(what)
    case .rebuildParameter:
      guard case .node(let place)? = arguments.first else { return .other("a parameter without values") }
      return nodes[place]
    case .rebuildFromType:
      // (function, class, its arguments, attributes)
      guard depth < 8, arguments.count >= 3, let inner = global(arguments[0]), let parts = tuple(arguments[2]) else {
        throw .damaged("it holds a malformed tensor")
      }
      return try rebuilt(inner, parts, depth: depth + 1)
    case .rebuildTensor, .rebuildTensorOfType: return try tensor(arguments, function)
    default: throw .damaged("it holds a malformed tensor")
    }
  }

  /// (storage, offset, shape, strides, …); for the newer function the seventh is the elements' type; the last may be a dictionary
  /// of a view's marks.
  private func tensor(_ arguments: [PickleValue], _ function: PickleGlobal) throws(PickleProblem) -> PickleNode {
    guard arguments.count >= 4, case .node(let place) = arguments[0], case .storage(let storage) = nodes[place],
      case .integer(let offset) = arguments[1], let shape = integers(arguments[2]),
      let strides = integers(arguments[3]), shape.count == strides.count
    else { throw .damaged("it holds a malformed tensor") }
    func view(_ storage: PickledStorage, _ type: SafetensorsElementType) -> PickleNode {
      .tensor(
        PickledTensor(storage: storage, elementType: type, offset: offset, shape: shape, strides: strides))
    }
    if arguments.count > 6, case .node(let place) = arguments[arguments.count - 1],
      case .dictionary(let marks) = nodes[place],
      marks.contains(where: { if case .bool(true) = $0.value { true } else { false } })
    {
      return .other("a negated or conjugated view")
    }
    if case .rebuildTensorOfType = function {
      guard arguments.count >= 7, case .text(let constant) = arguments[6] else {
        throw .damaged("it holds a malformed tensor")
      }
      guard let type = PickleGlobal.elementType(constant) else { return .other("a tensor of \(constant.prefix(32))") }
      return view(storage, type)
    }
    switch storage.kind {
    case .numbers(let type): return view(storage, type)
    case .bytes: return view(storage, .uint8)
    case .other(let name, _): return .other("a tensor of \(name)")
    }
  }

  // MARK: - Containers and texts

  /// Empty, or from a list of pairs as Python 2 wrote it.
  private mutating func makeDictionary(_ arguments: [PickleValue]) throws(PickleProblem) {
    var pairs: [(key: PickleValue, value: PickleValue)] = []
    if let first = arguments.first {
      guard case .node(let place) = first, case .list(let items) = nodes[place] else {
        throw .damaged("its pickle makes a dictionary in an unknown way")
      }
      for item in items {
        guard case .node(let place) = item else { throw .damaged("its pickle makes a dictionary in an unknown way") }
        switch nodes[place] {
        case .list(let pair) where pair.count == 2: pairs.append((pair[0], pair[1]))
        case .tuple(let pair) where pair.count == 2: pairs.append((pair[0], pair[1]))
        default: throw .damaged("its pickle makes a dictionary in an unknown way")
        }
      }
      try count(pairs.count * 32)
    }
    push(.dictionary(pairs))
  }

  /// (text, "latin1")
  private mutating func encoded(_ arguments: [PickleValue]) throws(PickleProblem) -> [UInt8] {
    guard arguments.count == 2, case .text(let text) = arguments[0], case .text(let encoding) = arguments[1],
      ["latin1", "latin-1"].contains(encoding)
    else { throw .damaged("it holds malformed bytes") }
    try count(text.utf8.count)
    let scalars = text.unicodeScalars
    guard scalars.allSatisfy({ $0.value < 256 }) else { throw .damaged("it holds malformed bytes") }
    return scalars.map { UInt8($0.value) }
  }

  private mutating func count(_ bytes: Int) throws(PickleProblem) {
    made += bytes
    guard made <= Self.greatestMade else { throw .damaged("its pickle makes the same values over and over") }
  }

  private func node(_ value: PickleValue, _ isRight: (PickleNode) -> Bool) -> Bool {
    if case .node(let place) = value { isRight(nodes[place]) } else { false }
  }

  private func global(_ value: PickleValue) -> PickleGlobal? {
    guard case .node(let place) = value, case .global(let global) = nodes[place] else { return nil }
    return global
  }

  private func tuple(_ value: PickleValue) -> [PickleValue]? {
    guard case .node(let place) = value, case .tuple(let parts) = nodes[place] else { return nil }
    return parts
  }

  /// A tensor's shape or strides; PyTorch has up to 64 axes.
  private func integers(_ value: PickleValue) -> [Int]? {
    guard let parts = tuple(value), parts.count <= 64 else { return nil }
    var result: [Int] = []
    for part in parts {
      guard case .integer(let number) = part else { return nil }
      result.append(number)
    }
    return result
  }
}
