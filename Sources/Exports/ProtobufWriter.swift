import Foundation

/// A protocol-buffers message, written field by field (protobuf.dev/programming-guides/encoding).
struct ProtobufWriter {
  private(set) var data = Data()

  mutating func write(_ field: Int, _ value: Int64) {
    key(field, wire: 0)
    varint(UInt64(bitPattern: value))
  }

  mutating func write(_ field: Int, _ value: Double) {
    key(field, wire: 1)
    withUnsafeBytes(of: value.bitPattern.littleEndian) { data.append(contentsOf: $0) }
  }

  mutating func write(_ field: Int, _ value: Float) {
    key(field, wire: 5)
    withUnsafeBytes(of: value.bitPattern.littleEndian) { data.append(contentsOf: $0) }
  }

  mutating func write(_ field: Int, _ value: Data) {
    key(field, wire: 2)
    varint(UInt64(value.count))
    data.append(value)
  }

  mutating func write(_ field: Int, _ value: String) { write(field, Data(value.utf8)) }

  /// A message within the message.
  mutating func write(_ field: Int, _ build: (inout ProtobufWriter) -> Void) {
    var inner = ProtobufWriter()
    build(&inner)
    write(field, inner.data)
  }

  private mutating func key(_ field: Int, wire: UInt64) { varint(UInt64(field) << 3 | wire) }

  private mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      data.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    data.append(UInt8(rest))
  }
}
