import Foundation
import Testing

/// One field of a protocol-buffers message, as a reader of its own takes it apart.
struct ProtobufField {
  let number: Int
  var whole: UInt64 = 0
  var bytes = Data()

  static func all(_ data: Data) throws -> [ProtobufField] {
    var rest = Data(data)
    func varint() throws -> UInt64 {
      var (value, shift): (UInt64, UInt64) = (0, 0)
      while true {
        let next = rest.popFirst()
        let byte = try #require(next)
        value |= UInt64(byte & 0x7F) << shift
        if byte < 0x80 { return value }
        shift += 7
      }
    }
    func fixed(_ count: Int) -> UInt64 {
      let value = rest.prefix(count).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      rest = Data(rest.dropFirst(count))
      return value
    }
    var fields: [ProtobufField] = []
    while !rest.isEmpty {
      let key = try varint()
      var field = ProtobufField(number: Int(key >> 3))
      switch key & 7 {
      case 0: field.whole = try varint()
      case 1: field.whole = fixed(8)
      case 5: field.whole = fixed(4)
      default:
        let count = Int(try varint())
        field.bytes = Data(rest.prefix(count))
        rest = Data(rest.dropFirst(count))
      }
      fields.append(field)
    }
    return fields
  }
}

extension [ProtobufField] {
  /// The texts of the fields of a number.
  func texts(_ number: Int) -> [String] {
    filter { $0.number == number }.map { String(decoding: $0.bytes, as: UTF8.self) }
  }

  /// The messages of the fields of a number.
  func messages(_ number: Int) throws -> [[ProtobufField]] {
    try filter { $0.number == number }.map { try ProtobufField.all($0.bytes) }
  }
}
