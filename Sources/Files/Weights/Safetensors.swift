import Foundation

/// The element types of the safetensors format.
public enum SafetensorsElementType: String, Sendable, CaseIterable, Decodable {
  case bool = "BOOL"
  case uint8 = "U8"
  case int8 = "I8"
  case float8E5M2 = "F8_E5M2"
  case float8E4M3 = "F8_E4M3"
  case int16 = "I16"
  case uint16 = "U16"
  case float16 = "F16"
  case bfloat16 = "BF16"
  case int32 = "I32"
  case uint32 = "U32"
  case float32 = "F32"
  case float64 = "F64"
  case int64 = "I64"
  case uint64 = "U64"

  /// Bytes of one element.
  public var size: Int {
    switch self {
    case .bool, .uint8, .int8, .float8E5M2, .float8E4M3: return 1
    case .int16, .uint16, .float16, .bfloat16: return 2
    case .int32, .uint32, .float32: return 4
    case .float64, .int64, .uint64: return 8
    }
  }
}

/// One array of a safetensors file: little-endian bytes in row-major order.
public struct StoredTensor: Sendable, Equatable {
  public let shape: [Int]
  public let elementType: SafetensorsElementType
  /// A slice of the file's bytes: `shape`'s product times the element's size.
  public let data: Data

  public init(shape: [Int], elementType: SafetensorsElementType, data: Data) {
    precondition(data.count == shape.reduce(1, *) * elementType.size, "shape \(shape) in \(data.count) bytes")
    self.shape = shape
    self.elementType = elementType
    self.data = data
  }

  /// An array of 32-bit floats.
  public init(shape: [Int], floats: [Float]) {
    self.init(shape: shape, elementType: .float32, data: floats.withUnsafeBytes { Data($0) })
  }

  /// The elements as 32-bit floats; nil when they are not of a 16-, 32- or 64-bit floating-point type.
  public func floats() -> [Float]? {
    switch elementType {
    case .float32: return elements(UInt32.self) { Float(bitPattern: $0) }
    case .float64: return elements(UInt64.self) { Float(Double(bitPattern: $0)) }
    case .float16: return elements(UInt16.self) { Float(Float16(bitPattern: $0)) }
    case .bfloat16: return elements(UInt16.self) { Float(bitPattern: UInt32($0) << 16) }
    default: return nil
    }
  }

  private func elements<Bits: FixedWidthInteger>(_: Bits.Type, _ convert: (Bits) -> Float) -> [Float] {
    data.withUnsafeBytes { bytes in
      let count = bytes.count / MemoryLayout<Bits>.size
      return [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
        for index in 0..<count {
          let bits = bytes.loadUnaligned(fromByteOffset: index * MemoryLayout<Bits>.size, as: Bits.self)
          buffer[index] = convert(Bits(littleEndian: bits))
        }
        initialized = count
      }
    }
  }
}

/// Weights in Hugging Face's safetensors format: eight bytes with the header's length, a JSON header, the arrays' bytes.
public enum Safetensors {
  /// The longest header that is read, in bytes.
  public static let maximumHeaderLength = 100_000_000

  /// Every array of the file at `url`. The file is mapped, not copied; nothing is allocated from sizes that the file only
  /// claims: each array must lie within the file, and the arrays together must cover its data without gap or overlap.
  /// - Throws: `SafetensorsError` or `FileError`.
  public static func read(_ url: URL) throws -> [String: StoredTensor] {
    _ = try fileSize(url)
    let file = try Data(ofFileAt: url, options: .alwaysMapped)
    return try parse(file, path: url.path)
  }

  /// The text pairs under the header's `__metadata__`.
  /// - Throws: `SafetensorsError` or `FileError`.
  public static func readMetadata(_ url: URL) throws -> [String: String] {
    _ = try fileSize(url)
    let file = try Data(ofFileAt: url, options: .alwaysMapped)
    return try header(of: file, path: url.path).header.metadata
  }

  /// As `read`, from bytes in memory; `path` is what errors name.
  public static func parse(_ file: Data, path: String) throws -> [String: StoredTensor] {
    let (header, start) = try header(of: file, path: path)
    let dataLength = file.count - start
    var tensors: [String: StoredTensor] = [:]
    var end = 0
    let inOrder = header.tensors.sorted { left, right in
      let (a, b) = (left.value.offsets, right.value.offsets)
      return a == b ? left.key < right.key : a.lexicographicallyPrecedes(b)
    }
    for (name, entry) in inOrder {
      func refuse(_ problem: String) -> SafetensorsError { .init(path: path, problem: "array \"\(name)\" \(problem)") }
      guard let elementType = SafetensorsElementType(rawValue: entry.dtype) else {
        throw refuse("has the unknown element type \"\(entry.dtype)\"")
      }
      guard entry.offsets.count == 2 else { throw refuse("needs two data offsets") }
      let (first, last) = (entry.offsets[0], entry.offsets[1])
      guard first >= 0, last >= first, last <= dataLength else {
        throw refuse(
          "claims bytes \(first) to \(last) of \(dataLength)" + (last > dataLength ? "; the file is cut short" : ""))
      }
      guard first == end else { throw refuse("starts at byte \(first); the array before it ends at \(end)") }
      var bytes = elementType.size
      for extent in entry.shape {
        let (product, overflow) = bytes.multipliedReportingOverflow(by: extent)
        guard extent >= 0, !overflow else { throw refuse("has the impossible shape \(entry.shape)") }
        bytes = product
      }
      guard bytes == last - first else {
        throw refuse("of shape \(entry.shape) and type \(entry.dtype) is \(bytes) bytes long, not \(last - first)")
      }
      let base = file.startIndex + start
      tensors[name] = StoredTensor(
        shape: entry.shape, elementType: elementType, data: file[(base + first)..<(base + last)])
      end = last
    }
    guard end == dataLength else {
      throw SafetensorsError(path: path, problem: "\(dataLength - end) bytes at the end belong to no array")
    }
    return tensors
  }

  /// Writes arrays and text pairs; equal content gives equal bytes, whatever the dictionaries' order.
  /// - Throws: `FileError`.
  public static func write(
    _ tensors: [String: StoredTensor], metadata: [String: String] = [:], to url: URL
  ) throws {
    // Wide elements first, then by name: every array stays aligned to its element.
    let inOrder = tensors.sorted { left, right in
      let (a, b) = (left.value.elementType.size, right.value.elementType.size)
      return a != b ? a > b : left.key < right.key
    }
    var fields: [String] = []
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key < $1.key }.map { "\(quoted($0.key)):\(quoted($0.value))" }
      fields.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
    }
    var offset = 0
    for (name, tensor) in inOrder {
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      let end = offset + tensor.data.count
      fields.append(
        "\(quoted(name)):{\"dtype\":\"\(tensor.elementType.rawValue)\",\"shape\":[\(shape)],"
          + "\"data_offsets\":[\(offset),\(end)]}")
      offset = end
    }
    var header = Data("{\(fields.joined(separator: ","))}".utf8)
    header.append(contentsOf: repeatElement(UInt8(ascii: " "), count: (8 - header.count % 8) % 8))
    let length = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Data($0) }
    try AtomicFile.write([length, header] + inOrder.map(\.value.data), to: url)
  }

  // MARK: - Header

  private struct Entry: Decodable {
    let dtype: String
    let shape: [Int]
    let offsets: [Int]

    enum CodingKeys: String, CodingKey {
      case dtype, shape
      case offsets = "data_offsets"
    }
  }

  private struct Header: Decodable {
    var tensors: [String: Entry] = [:]
    var metadata: [String: String] = [:]
    /// How many names there are, those of one spelling counted once.
    var names = 0

    struct Name: CodingKey {
      let stringValue: String
      var intValue: Int? { nil }
      init(stringValue: String) { self.stringValue = stringValue }
      init?(intValue: Int) { return nil }
    }

    init(from decoder: Decoder) throws {
      let container = try decoder.container(keyedBy: Name.self)
      names = container.allKeys.count
      for key in container.allKeys {
        if key.stringValue == "__metadata__" {
          metadata = try container.decode([String: String].self, forKey: key)
        } else {
          tensors[key.stringValue] = try container.decode(Entry.self, forKey: key)
        }
      }
    }
  }

  /// The parsed header and the offset of the first data byte.
  private static func header(of file: Data, path: String) throws -> (header: Header, start: Int) {
    guard file.count >= 8 else {
      throw SafetensorsError(path: path, problem: "\(file.count) bytes are too few for a header")
    }
    let claimed = file.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
    guard claimed <= UInt64(min(maximumHeaderLength, file.count - 8)) else {
      throw SafetensorsError(
        path: path,
        problem: "the header claims \(claimed) bytes of \(file.count - 8) (at most \(maximumHeaderLength) are read)")
    }
    let start = 8 + Int(claimed)
    let text = file[(file.startIndex + 8)..<(file.startIndex + start)]
    do {
      let header = try JSONDecoder().decode(Header.self, from: Data(text))
      // A dictionary keeps one of two equal names, and two spellings of one word are equal.
      guard text.withUnsafeBytes(memberCount) == header.names else {
        throw SafetensorsError(path: path, problem: "two of its arrays have one name")
      }
      return (header, start)
    } catch let error as SafetensorsError {
      throw error
    } catch let error as DecodingError {
      throw SafetensorsError(path: path, problem: "the header \(explanation(of: error))")
    } catch {
      throw SafetensorsError(path: path, problem: "the header is not JSON of the expected form")
    }
  }

  /// How many members the outermost object of a JSON text has, which was found to be sound.
  private static func memberCount(of json: UnsafeRawBufferPointer) -> Int {
    var (count, depth, isInText, isEscaped) = (0, 0, false, false)
    for byte in json {
      if isEscaped {
        isEscaped = false
      } else if isInText {
        isEscaped = byte == UInt8(ascii: "\\")
        isInText = byte != UInt8(ascii: "\"")
      } else {
        switch byte {
        case UInt8(ascii: "\""): isInText = true
        case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
        case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
        case UInt8(ascii: ":") where depth == 1: count += 1
        default: break
        }
      }
    }
    return count
  }

  private static func explanation(of error: DecodingError) -> String {
    switch error {
    case .keyNotFound(let key, let context): return "lacks \"\(key.stringValue)\" at \(place(context))"
    case .typeMismatch(_, let context), .valueNotFound(_, let context):
      return "has a value of the wrong kind at \(place(context))"
    case .dataCorrupted(let context) where !context.codingPath.isEmpty:
      return "has a value out of range at \(place(context))"
    default: return "is not JSON of the expected form"
    }
  }

  private static func place(_ context: DecodingError.Context) -> String {
    let path = context.codingPath.map(\.stringValue).joined(separator: ".")
    return path.isEmpty ? "its top" : "\"\(path)\""
  }

  /// A JSON string literal.
  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}

/// A file that is not a sound safetensors file.
public struct SafetensorsError: InputError, Equatable {
  public let path: String
  public let problem: String
  public var description: String { "\(path) is not a sound safetensors file: \(problem)." }
}
