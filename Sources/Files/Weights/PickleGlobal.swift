/// The classes and functions that a file of weights may name: those that `torch.load(weights_only=True)` takes, and NumPy's
/// numbers, which nnU-Net's checkpoints hold beside weights. Nothing of them is run; each says what a call of it would make.
enum PickleGlobal {
  case orderedDictionary
  case counter
  case set
  case complex
  case byteArray
  case rebuildTensor
  /// As `rebuildTensor`, with the elements' type beside a storage of bytes.
  case rebuildTensorOfType
  /// A parameter, from the tensor that comes first.
  case rebuildParameter
  /// Another of these functions' result with attributes.
  case rebuildFromType
  /// What is made is nothing that weights need, by what it is.
  case rebuildOther(String)
  case size
  case layout
  case storage(PickledStorageKind)
  case device
  case numPyScalar
  case numPyType
  /// How text stands for bytes in pickles of version 2.
  case encodedBytes

  init?(_ name: String) {
    switch name {
    case "collections.OrderedDict": self = .orderedDictionary
    case "collections.Counter": self = .counter
    case "builtins.set", "builtins.frozenset": self = .set
    case "builtins.complex": self = .complex
    case "builtins.bytearray", "builtins.bytes": self = .byteArray
    case "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2": self = .rebuildTensor
    case "torch._utils._rebuild_tensor_v3": self = .rebuildTensorOfType
    case "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state",
      "torch.nn.parameter.Parameter":
      self = .rebuildParameter
    case "torch._tensor._rebuild_from_type_v2": self = .rebuildFromType
    case "torch._utils._rebuild_qtensor": self = .rebuildOther("a quantised tensor")
    case "torch._utils._rebuild_sparse_tensor": self = .rebuildOther("a sparse tensor")
    case "torch._utils._rebuild_meta_tensor_no_storage": self = .rebuildOther("a tensor without values")
    case "torch._utils._rebuild_nested_tensor": self = .rebuildOther("a nested tensor")
    case "torch._utils._rebuild_wrapper_subclass", "torch._utils._rebuild_device_tensor_from_numpy",
      "torch._utils._rebuild_device_tensor_from_cpu_tensor":
      self = .rebuildOther("a tensor of another device or class")
    case "torch.Size": self = .size
    case "torch.serialization._get_layout": self = .layout
    case "torch.device": self = .device
    case "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar": self = .numPyScalar
    case "numpy.dtype": self = .numPyType
    case "_codecs.encode": self = .encodedBytes
    default:
      if let kind = Self.storage(name) {
        self = .storage(kind)
      } else if Self.isTensorClass(name) {
        self = .rebuildOther("a tensor of an old form")
      } else {
        return nil
      }
    }
  }

  private static func storage(_ name: String) -> PickledStorageKind? {
    var name = name
    for module in ["torch.cuda.", "torch.storage.", "torch."] where name.hasPrefix(module) {
      name.removeFirst(module.count)
      break
    }
    return switch name {
    case "FloatStorage": .numbers(.float32)
    case "DoubleStorage": .numbers(.float64)
    case "HalfStorage": .numbers(.float16)
    case "BFloat16Storage": .numbers(.bfloat16)
    case "LongStorage": .numbers(.int64)
    case "IntStorage": .numbers(.int32)
    case "ShortStorage": .numbers(.int16)
    case "CharStorage": .numbers(.int8)
    case "ByteStorage": .numbers(.uint8)
    case "BoolStorage": .numbers(.bool)
    case "UntypedStorage", "TypedStorage": .bytes
    case "ComplexFloatStorage": .other("complex64", size: 8)
    case "ComplexDoubleStorage": .other("complex128", size: 16)
    case "QInt8Storage": .other("qint8", size: 1)
    case "QUInt8Storage": .other("quint8", size: 1)
    case "QInt32Storage": .other("qint32", size: 4)
    case "QUInt4x2Storage": .other("quint4x2", size: 1)
    case "QUInt2x4Storage": .other("quint2x4", size: 1)
    default: nil
    }
  }

  private static func isTensorClass(_ name: String) -> Bool {
    let modules = ["torch.", "torch.cuda.", "torch.sparse.", "torch.cuda.sparse."]
    let classes = [
      "Tensor", "FloatTensor", "DoubleTensor", "HalfTensor", "BFloat16Tensor", "LongTensor", "IntTensor", "ShortTensor",
      "CharTensor", "ByteTensor", "BoolTensor",
    ]
    return modules.contains { module in
      name.hasPrefix(module) && classes.contains(String(name.dropFirst(module.count)))
    }
  }

  /// Whether a name is one of PyTorch's constants: a type of elements, such as `torch.float32`, or a scheme of quantisation.
  static func isConstant(_ name: String) -> Bool {
    guard name.hasPrefix("torch.") else { return false }
    let rest = name.dropFirst("torch.".count)
    if rest.hasPrefix("per_tensor_") || rest.hasPrefix("per_channel_") {
      return ["affine", "symmetric", "affine_float_qparams"].contains { rest.hasSuffix("_\($0)") }
    }
    if ["bool", "half", "float", "double", "short", "int", "long", "cfloat", "cdouble", "chalf"].contains(rest) {
      return true
    }
    return ["float", "bfloat", "int", "uint", "complex", "qint", "quint", "bits"].contains { word in
      guard rest.hasPrefix(word), let first = rest.dropFirst(word.count).first else { return false }
      return first.isNumber && rest.utf8.count <= 20
        && rest.utf8.allSatisfy { $0 == UInt8(ascii: "_") || (0x30...0x39).contains($0) || (0x61...0x7a).contains($0) }
    }
  }

  /// The elements that a constant names; nil for those that are not read here.
  static func elementType(_ constant: String) -> SafetensorsElementType? {
    switch constant {
    case "torch.float32": .float32
    case "torch.float64": .float64
    case "torch.float16": .float16
    case "torch.bfloat16": .bfloat16
    case "torch.float8_e4m3fn": .float8E4M3
    case "torch.float8_e5m2": .float8E5M2
    case "torch.int8": .int8
    case "torch.int16": .int16
    case "torch.int32": .int32
    case "torch.int64": .int64
    case "torch.uint8": .uint8
    case "torch.uint16": .uint16
    case "torch.uint32": .uint32
    case "torch.uint64": .uint64
    case "torch.bool": .bool
    default: nil
    }
  }
}
