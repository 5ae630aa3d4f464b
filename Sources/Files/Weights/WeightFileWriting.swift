import Foundation

extension WeightFile {
  /// Writes arrays and texts as safetensors (`.safetensors`) or HDF5 (`.h5`), by the name's ending; equal content gives equal
  /// bytes. HDF5 files are sealed (`HDF5Seal`), and have no
  /// 16-bit floats: those become 32-bit ones, which hold them exactly.
  /// - Throws: `WeightFileError.unwritable` for another ending, or for an array that HDF5 cannot hold; `FileError`,
  ///   `HDF5Error`.
  public static func write(
    _ tensors: [String: StoredTensor], metadata: [String: String] = [:], to url: URL
  ) throws {
    switch url.pathExtension.lowercased() {
    case "safetensors":
      // Hugging Face's readers ask for this pair.
      let pairs = ["format": "pt"].merging(metadata) { $1 }
      try Safetensors.write(tensors, metadata: pairs, to: url)
    case "h5", "hdf5": try writeHDF5(tensors, metadata, url)
    default:
      throw WeightFileError.unwritable(
        path: url.path, problem: "weights are written as .safetensors or .h5, by the name's ending")
    }
  }

  private static func writeHDF5(
    _ tensors: [String: StoredTensor], _ metadata: [String: String], _ url: URL
  ) throws {
    func refuse(_ name: String, _ problem: String) -> WeightFileError {
      .unwritable(path: url.path, problem: "the array \"\(name)\" \(problem)")
    }
    try HDF5File.create(url, sealed: true) { file in
      for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
        guard !name.isEmpty, !name.contains("/"), name != ".", name != metadataName else {
          throw refuse(name, "has a name that HDF5 cannot hold")
        }
        func write<Element: HDF5Element>(_: Element.Type) throws {
          let values = tensor.data.withUnsafeBytes { bytes in
            [Element](unsafeUninitializedCapacity: bytes.count / MemoryLayout<Element>.size) { buffer, count in
              UnsafeMutableRawBufferPointer(buffer).copyMemory(from: bytes)
              count = bytes.count / MemoryLayout<Element>.size
            }
          }
          try file.write(values, shape: tensor.shape, to: name)
        }
        switch tensor.elementType {
        case .float16, .bfloat16: try file.write(tensor.floats()!, shape: tensor.shape, to: name)
        case .float32: try write(Float.self)
        case .float64: try write(Double.self)
        case .int8: try write(Int8.self)
        case .int16: try write(Int16.self)
        case .int32: try write(Int32.self)
        case .int64: try write(Int64.self)
        case .uint8, .bool: try write(UInt8.self)
        case .uint16, .uint32, .uint64, .float8E4M3, .float8E5M2:
          throw refuse(name, "is of the type \(tensor.elementType.rawValue), which HDF5 does not hold here")
        }
      }
      if !metadata.isEmpty {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        try file.write(text: String(decoding: encoder.encode(metadata), as: UTF8.self), to: metadataName)
      }
    }
  }

  /// Every array of numbers, groups' names joined by dots.
  static func arrays(of file: HDF5File) throws -> [String: StoredTensor] {
    var tensors: [String: StoredTensor] = [:]
    var seen = 0
    func visit(_ group: String, _ names: [String]) throws {
      guard names.count <= 16 else {
        throw WeightFileError.unreadable(path: file.path, problem: "its groups are nested too deep")
      }
      for name in try file.names(in: group) {
        // A group may hold itself, several times: the names on all ways through it have no end.
        seen += 1
        guard seen <= greatestNameCount else {
          throw WeightFileError.unreadable(path: file.path, problem: "it has more than \(greatestNameCount) names")
        }
        let path = group == "/" ? "/\(name)" : "\(group)/\(name)"
        guard file.exists(path) else { continue }
        if (try? file.shape(of: path)) == nil {
          try visit(path, names + [name])
        } else if let array = try array(path, of: file) {
          // Two ways to write one word are one name here, and so are "a.b" and the "b" of a group "a".
          let key = (names + [name]).joined(separator: ".")
          guard tensors.updateValue(array, forKey: key) == nil else {
            throw WeightFileError.unreadable(path: file.path, problem: "it has two arrays named \"\(key.spelled)\"")
          }
        }
      }
    }
    try visit("/", [])
    return tensors
  }

  /// Nil for texts and what else is no array of numbers.
  private static func array(_ path: String, of file: HDF5File) throws -> StoredTensor? {
    func read<Element: HDF5Element>(_: Element.Type, _ type: SafetensorsElementType) throws -> StoredTensor {
      let (shape, values) = try file.read(path, as: Element.self)
      return StoredTensor(shape: shape, elementType: type, data: values.withUnsafeBytes { Data($0) })
    }
    switch try file.elementType(of: path) {
    case .float32: return try read(Float.self, .float32)
    case .float64: return try read(Double.self, .float64)
    case .int8: return try read(Int8.self, .int8)
    case .int16: return try read(Int16.self, .int16)
    case .int32: return try read(Int32.self, .int32)
    case .int64: return try read(Int64.self, .int64)
    case .uint8: return try read(UInt8.self, .uint8)
    case .string, .other: return nil
    }
  }

  private static let greatestNameCount = 100_000

  static func metadata(of file: HDF5File) throws -> [String: String] {
    guard file.exists(metadataName) else { return [:] }
    guard let pairs = try? JSONDecoder().decode([String: String].self, from: Data(file.readText(metadataName).utf8))
    else {
      throw WeightFileError.unreadable(
        path: file.path, problem: "its \(metadataName) is no JSON object whose values are texts")
    }
    return pairs
  }

  /// The text under which an HDF5 file of weights keeps a JSON object of texts, as safetensors files do.
  private static let metadataName = "__metadata__"
}
