/// A value in a pickle. Containers are places in `Pickle.nodes`, so that neither depth nor a cycle costs anything.
enum PickleValue {
  case none
  case bool(Bool)
  case integer(Int)
  case real(Double)
  case text(String)
  case node(Int)
}

/// A block of numbers elsewhere in the file.
struct PickledStorage: Equatable {
  let key: String
  let kind: PickledStorageKind
  /// Elements.
  let count: Int
}

/// What a storage's elements are.
enum PickledStorageKind: Equatable {
  case numbers(SafetensorsElementType)
  /// Bytes whose meaning the tensor tells.
  case bytes
  /// Numbers of a kind that is not read here, by PyTorch's name.
  case other(String, size: Int)

  /// Bytes of one element.
  var size: Int {
    switch self {
    case .numbers(let type): type.size
    case .bytes: 1
    case .other(_, let size): size
    }
  }
}

/// A tensor's view of a storage.
struct PickledTensor {
  let storage: PickledStorage
  let elementType: SafetensorsElementType
  /// Offset and strides in elements.
  let offset: Int
  let shape: [Int]
  let strides: [Int]
}

enum PickleNode {
  case tuple([PickleValue])
  case list([PickleValue])
  case dictionary([(key: PickleValue, value: PickleValue)])
  case global(PickleGlobal)
  case storage(PickledStorage)
  case tensor(PickledTensor)
  case bytes([UInt8])
  case numPyType(NumPyScalarType)
  /// Something that PyTorch reads and weights do not need, by what it is, such as "a sparse tensor".
  case other(String)
}

/// What a pickle holds.
struct Pickle {
  let root: PickleValue
  let nodes: [PickleNode]
  /// The bytes it took.
  let length: Int

  /// The longest pickle that is read, in bytes: the arrays' bytes are not in it.
  static let maximumLength = 8 << 20
}

/// What is wrong with a pickle.
enum PickleProblem: Error {
  case damaged(String)
  /// It asks for something by name.
  case refused(String)
}
