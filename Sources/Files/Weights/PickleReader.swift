import Foundation

/// Reads the pickle at the start of some bytes, building numbers, strings, containers and tensors, and nothing else.
///
/// Python's own reader calls whatever the file names. This one knows the opcodes that PyTorch writes and the handful of
/// names in `PickleGlobal`; anything else ends the reading.
struct PickleReader {
  private let bytes: Data
  private var place: Int
  var stack: [PickleValue] = []
  private var marks: [Int] = []
  private var memo: [Int: PickleValue] = [:]
  var nodes: [PickleNode] = []
  /// Bytes that calls have made.
  var made = 0

  static func read(_ data: Data) throws(PickleProblem) -> Pickle {
    var reader = PickleReader(data)
    return try reader.run()
  }

  private init(_ data: Data) {
    bytes = data.prefix(Pickle.maximumLength)
    place = bytes.startIndex
  }

  private mutating func run() throws(PickleProblem) -> Pickle {
    while true {
      guard stack.count <= 1 << 20, nodes.count <= 1 << 20, memo.count <= 1 << 20 else {
        throw .damaged("its pickle holds more than a million values")
      }
      let opcode = try byte()
      switch opcode {
      case UInt8(ascii: "."):
        guard marks.isEmpty else { throw .damaged("its pickle opens what it never closes") }
        return Pickle(root: try pop(), nodes: nodes, length: place - bytes.startIndex)
      case 0x80:
        let version = try byte()
        guard (2...5).contains(version) else { throw .damaged("its pickle has the unknown version \(version)") }
      case 0x95: _ = try take(8)  // a frame's length
      case UInt8(ascii: "("): marks.append(stack.count)

      // Plain values.
      case UInt8(ascii: "N"): stack.append(.none)
      case 0x88: stack.append(.bool(true))
      case 0x89: stack.append(.bool(false))
      case UInt8(ascii: "K"): stack.append(.integer(try unsigned(1)))
      case UInt8(ascii: "M"): stack.append(.integer(try unsigned(2)))
      case UInt8(ascii: "J"): stack.append(.integer(Int(Int32(truncatingIfNeeded: try unsigned(4)))))
      case 0x8a: stack.append(try longInteger())
      case UInt8(ascii: "G"):
        let pattern = try take(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        stack.append(.real(Double(bitPattern: pattern)))
      case UInt8(ascii: "X"): stack.append(.text(try text(try unsigned(4))))
      case 0x8c: stack.append(.text(try text(try unsigned(1))))
      // What Python 2 wrote, and bytes: a version 3 pickle's, a later one's.
      case UInt8(ascii: "U"): stack.append(.text(String(decoding: try take(try unsigned(1)), as: UTF8.self)))
      case UInt8(ascii: "C"): push(.bytes(Array(try take(try unsigned(1)))))
      case UInt8(ascii: "B"): push(.bytes(Array(try take(try unsigned(4)))))

      // The memo.
      case UInt8(ascii: "q"): memo[try unsigned(1)] = try top()
      case UInt8(ascii: "r"): memo[try unsigned(4)] = try top()
      case 0x94: memo[memo.count] = try top()
      case UInt8(ascii: "h"): stack.append(try recall(try unsigned(1)))
      case UInt8(ascii: "j"): stack.append(try recall(try unsigned(4)))

      // Containers.
      case UInt8(ascii: ")"): push(.tuple([]))
      case UInt8(ascii: "t"): push(.tuple(try popToMark()))
      case 0x85, 0x86, 0x87: push(.tuple(try pop(Int(opcode) - 0x84)))
      case UInt8(ascii: "]"), 0x8f: push(.list([]))  // a set is shown as a list
      case UInt8(ascii: "}"): push(.dictionary([]))
      case UInt8(ascii: "a"): try extendList([try pop()])
      case UInt8(ascii: "e"), 0x90: try extendList(try popToMark())
      case 0x91: push(.list(try popToMark()))
      case UInt8(ascii: "s"): try extendDictionary(try pop(2))
      case UInt8(ascii: "u"): try extendDictionary(try popToMark())

      // Names, calls and outside objects.
      case UInt8(ascii: "c"):
        let module = try line()
        try pushGlobal(module, try line())
      case 0x93:
        let names = try pop(2)
        guard case .text(let module) = names[0], case .text(let name) = names[1] else {
          throw .damaged("its pickle names a class by something that is not text")
        }
        try pushGlobal(module, name)
      case UInt8(ascii: "R"), 0x81:
        let parts = try pop(2)
        try call(parts[0], parts[1])
      case UInt8(ascii: "b"): try dropState()
      case UInt8(ascii: "Q"): push(.storage(try storage(try pop())))
      default: throw .refused("the pickle opcode \(Self.opcodeName(opcode))")
      }
    }
  }

  // MARK: - The stack

  mutating func push(_ node: PickleNode) {
    stack.append(.node(nodes.count))
    nodes.append(node)
  }

  func top() throws(PickleProblem) -> PickleValue {
    guard let value = stack.last, stack.count > (marks.last ?? 0) else { throw .damaged("its pickle's stack is empty") }
    return value
  }

  mutating func pop() throws(PickleProblem) -> PickleValue {
    let value = try top()
    stack.removeLast()
    return value
  }

  mutating func pop(_ count: Int) throws(PickleProblem) -> [PickleValue] {
    guard stack.count - (marks.last ?? 0) >= count else { throw .damaged("its pickle's stack is empty") }
    defer { stack.removeLast(count) }
    return Array(stack.suffix(count))
  }

  private mutating func popToMark() throws(PickleProblem) -> [PickleValue] {
    guard let mark = marks.popLast() else { throw .damaged("its pickle closes what it never opened") }
    defer { stack.removeSubrange(mark...) }
    return Array(stack[mark...])
  }

  private func recall(_ index: Int) throws(PickleProblem) -> PickleValue {
    guard let value = memo[index] else { throw .damaged("its pickle recalls what it never stored") }
    return value
  }

  private mutating func extendList(_ values: [PickleValue]) throws(PickleProblem) {
    guard case .node(let place) = try top(), case .list(var list) = nodes[place] else {
      throw .damaged("its pickle appends to something that is not a list")
    }
    nodes[place] = .tuple([])
    list += values
    nodes[place] = .list(list)
  }

  private mutating func extendDictionary(_ flat: [PickleValue]) throws(PickleProblem) {
    guard flat.count % 2 == 0, case .node(let place) = try top(), case .dictionary(var pairs) = nodes[place] else {
      throw .damaged("its pickle sets items of something that is not a dictionary")
    }
    nodes[place] = .tuple([])
    for index in stride(from: 0, to: flat.count, by: 2) { pairs.append((flat[index], flat[index + 1])) }
    nodes[place] = .dictionary(pairs)
  }

  // MARK: - Bytes

  private mutating func take(_ count: Int) throws(PickleProblem) -> Data {
    guard count <= bytes.endIndex - place else {
      throw .damaged(
        bytes.count == Pickle.maximumLength
          ? "its pickle is longer than \(Pickle.maximumLength) bytes" : "its pickle is cut short")
    }
    defer { place += count }
    return bytes[place..<(place + count)]
  }

  private mutating func byte() throws(PickleProblem) -> UInt8 {
    let one = try take(1)
    return one[one.startIndex]
  }

  /// A little-endian number of up to 4 bytes.
  private mutating func unsigned(_ count: Int) throws(PickleProblem) -> Int {
    try take(count).reversed().reduce(0) { $0 << 8 | Int($1) }
  }

  /// A signed little-endian number of any length; one that does not fit 64 bits, such as PyTorch's magic number, as text.
  private mutating func longInteger() throws(PickleProblem) -> PickleValue {
    let digits = try take(try unsigned(1))
    guard digits.count <= 8 else { return .text(digits.map { String(format: "%02x", $0) }.joined()) }
    var number = digits.last.map { $0 >= 0x80 ? -1 : 0 } ?? 0
    for digit in digits.reversed() { number = number << 8 | Int(digit) }
    return .integer(number)
  }

  private mutating func text(_ count: Int) throws(PickleProblem) -> String {
    guard let text = String(validating: try take(count), as: UTF8.self) else {
      throw .damaged("its pickle holds text that is not UTF-8")
    }
    return text
  }

  private mutating func line() throws(PickleProblem) -> String {
    guard let end = bytes[place...].prefix(1024).firstIndex(of: UInt8(ascii: "\n")) else {
      throw .damaged("its pickle holds a name without an end")
    }
    let name = try text(end - place)
    place += 1
    return name
  }

  private static func opcodeName(_ opcode: UInt8) -> String {
    let names: [UInt8: String] = [
      UInt8(ascii: "i"): "INST", UInt8(ascii: "o"): "OBJ", 0x92: "NEWOBJ_EX", 0x82: "EXT1",
      0x83: "EXT2", 0x84: "EXT4", UInt8(ascii: "P"): "PERSID", 0x8e: "BINBYTES8", 0x96: "BYTEARRAY8",
      0x97: "NEXT_BUFFER",
      0x98: "READONLY_BUFFER", UInt8(ascii: "0"): "POP",
      UInt8(ascii: "1"): "POP_MARK", UInt8(ascii: "2"): "DUP", UInt8(ascii: "d"): "DICT", UInt8(ascii: "l"): "LIST",
      UInt8(ascii: "I"): "INT", UInt8(ascii: "L"): "LONG", UInt8(ascii: "F"): "FLOAT", UInt8(ascii: "S"): "STRING",
      UInt8(ascii: "T"): "BINSTRING", UInt8(ascii: "V"): "UNICODE",
      UInt8(ascii: "g"): "GET", UInt8(ascii: "p"): "PUT", 0x8b: "LONG4", 0x8d: "BINUNICODE8",
    ]
    let code = String(format: "0x%02x", opcode)
    return names[opcode].map { "\($0) (\(code))" } ?? code
  }
}
