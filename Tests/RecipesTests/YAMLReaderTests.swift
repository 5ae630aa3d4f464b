import Foundation
import Recipes
import Testing

private func read(_ text: String, limits: YAMLReader.Limits = YAMLReader.Limits()) throws -> YAMLNode {
  var reader = YAMLReader()
  reader.limits = limits
  return try reader.read(Data(text.utf8), name: "x.yaml")
}

private func complaint(_ data: Data) -> String {
  do {
    _ = try YAMLReader().read(data, name: "x.yaml")
    return "nothing"
  } catch {
    return "\(error)"
  }
}

private func complaint(_ text: String) -> String { complaint(Data(text.utf8)) }

@Suite struct YAMLReaderTests {
  @Test func everyNodeKnowsItsPlace() throws {
    let node = try read("a: 1\nlist:\n  - x\n  - {k: é, deep: [3,  4]}\n")
    #expect(node["a"]?.origin.description == "x.yaml:1:4")
    guard case .list(let items)? = node["list"]?.content else {
      Issue.record("not a list")
      return
    }
    #expect(items[0].origin.description == "x.yaml:3:5")
    #expect(items[1].origin.description == "x.yaml:4:5")
    #expect(items[1].entries?[1].keyOrigin.description == "x.yaml:4:12")
    guard case .list(let inner)? = items[1]["deep"]?.content else {
      Issue.record("not a list")
      return
    }
    #expect(inner[1].origin.description == "x.yaml:4:23")
  }

  /// The examples of the core schema (YAML 1.2.2, section 10.3.2) and its edges.
  @Test(
    arguments: [
      ("null", .null), ("~", .null), ("Null", .null), ("nULL", .text("nULL")),
      ("true", .boolean(true)), ("FALSE", .boolean(false)), ("yes", .text("yes")), ("on", .text("on")),
      ("0", .integer(0)), ("-19", .integer(-19)), ("+12", .integer(12)), ("007", .integer(7)),
      ("0o7", .integer(7)), ("0x3A", .integer(58)), ("0x", .text("0x")), ("0o8", .text("0o8")),
      ("0.", .number(0)), ("-0.0", .number(0)), (".5", .number(0.5)), ("+12e03", .number(12000)),
      ("-2E+05", .number(-200000)), ("1e-5", .number(0.00001)), ("3.0e-4", .number(0.0003)),
      (".inf", .number(.infinity)), ("-.Inf", .number(-.infinity)), ("1e", .text("1e")), (".", .text(".")),
      ("1_000", .text("1_000")), ("2d_640", .text("2d_640")), ("12:30", .text("12:30")), ("1.2.3", .text("1.2.3")),
      ("\"1\"", .text("1")), ("'true'", .text("true")), ("\"\"", .text("")),
      ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
    ] as [(String, YAMLNode.Content)])
  func scalars(text: String, content: YAMLNode.Content) throws {
    let node = try read("k: \(text)")["k"]
    #expect(node == YAMLNode(content, at: Origin(source: "", line: 0, column: 0)), "\(text)")
  }

  @Test func notANumberIsRead() throws {
    guard case .number(let value)? = try read("k: .nan")["k"]?.content else {
      Issue.record("not a number")
      return
    }
    #expect(value.isNaN)
  }

  @Test(arguments: [
    ("a: 1\nb: 2\na: 3", "x.yaml:3:1: the key \"a\" is here a second time; line 1 already has it"),
    ("a: !!int 1", "x.yaml:1:4: the tag \"tag:yaml.org,2002:int\" is not allowed; write the value without a tag"),
    ("a: !python/object {}", "x.yaml:1:4: the tag \"!python/object\" is not allowed; write the value without a tag"),
    ("a: 1\n---\nb: 2", "x.yaml:2:1: a second document starts here; a file holds one"),
    ("a: *b", "x.yaml:1:4: the alias *b names no anchor &b that ends before it"),
    ("a: &b [*b]", "x.yaml:1:8: the alias *b names no anchor &b that ends before it"),
    ("[1]: 2", "x.yaml:1:1: a key must be a plain word, not a list, a mapping, an alias or nothing"),
    ("? {a: 1}\n: 2", "x.yaml:1:3: a key must be a plain word, not a list, a mapping, an alias or nothing"),
    ("a: &x 1\n*x : 2", "x.yaml:2:1: a key must be a plain word, not a list, a mapping, an alias or nothing"),
    ("? \"\"\n: 2", "x.yaml:1:3: a key must be a plain word, not a list, a mapping, an alias or nothing"),
    ("a: 9223372036854775808", "x.yaml:1:4: the number \"9223372036854775808\" is too large to be represented"),
    ("a: 1e999", "x.yaml:1:4: the number \"1e999\" is too large to be represented"),
    ("a: [1, 2", "x.yaml:2:1: not YAML: did not find expected ',' or ']' while parsing a flow sequence"),
    ("a: 1\n b: 2", "x.yaml:2:3: not YAML: mapping values are not allowed in this context"),
    (
      "a:\n\t- b", "x.yaml:2:1: not YAML: found character that cannot start any token while scanning for the next token"
    ),
  ])
  func refusals(text: String, message: String) {
    #expect(complaint(text) == message)
  }

  @Test func bytesThatAreNotText() {
    #expect(complaint(Data([0x61, 0x3A, 0x20, 0xFF, 0xFE])).hasPrefix("x.yaml:1:"))
    #expect(complaint(Data([0xC0, 0x80])).contains("not YAML"))
    #expect(complaint(Data([0x61, 0x00, 0x62])).contains("not YAML"))
  }

  @Test func nothingIsNull() throws {
    #expect(try read("") == YAMLNode(.null, at: Origin(source: "", line: 0, column: 0)))
    #expect(try read("# only a comment\n") == YAMLNode(.null, at: Origin(source: "", line: 0, column: 0)))
  }

  @Test func aliasesRepeatTheirAnchor() throws {
    let node = try read("a: &x {k: [1, 2]}\nb: *x")
    #expect(node["b"] == node["a"])
    #expect(node["b"]?.origin.description == "x.yaml:1:4")
  }

  @Test func aliasBombsAreRefused() {
    var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for level in 1...30 {
      text += "a\(level): &a\(level) [" + Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ") + "]\n"
    }
    #expect(
      complaint(text)
        == "x.yaml:5:10: the alias *a3 would expand the file to more than the 20000 values that it may hold")
    // Deep rather than wide: each level only one deeper than the last.
    var deep = "a0: &a0 [x]\n"
    for level in 1...40 { deep += "a\(level): &a\(level) [*a\(level - 1)]\n" }
    #expect(complaint(deep).hasSuffix("nested deeper than the 32 levels that are allowed"))
  }

  @Test func depthIsBounded() throws {
    #expect(throws: Never.self) { try read(String(repeating: "[", count: 32) + String(repeating: "]", count: 32)) }
    #expect(
      complaint(String(repeating: "[", count: 33)) == "x.yaml:1:33: nested deeper than the 32 levels that are allowed")
    #expect(
      complaint(String(repeating: "[", count: 500_000)).hasSuffix("nested deeper than the 32 levels that are allowed"))
    #expect(
      complaint(String(repeating: "- ", count: 500_000)).hasSuffix("nested deeper than the 32 levels that are allowed"))
    #expect(
      complaint(String(repeating: "{a: ", count: 250_000)).hasSuffix(
        "nested deeper than the 32 levels that are allowed"))
  }

  @Test func countAndSizeAreBounded() {
    #expect(
      complaint(String(repeating: "- x\n", count: 20_000)).hasSuffix("more than the 20000 values that a file may hold"))
    #expect(complaint(String(repeating: "- x\n", count: 19_999)) == "nothing")
    #expect(
      complaint(String(repeating: "#", count: (1 << 20) + 1))
        == "x.yaml is larger than the 1048576 bytes that a YAML file may have here")
  }

  @Test func filesThatCannotBeRead() throws {
    let folder = FileManager.default.temporaryDirectory
    #expect(throws: YAMLError.unreadable(file: "f", reason: "it is not a regular file")) {
      try YAMLReader().read(folder, name: "f")
    }
    #expect(throws: YAMLError.unreadable(file: "f", reason: "there is no such file")) {
      try YAMLReader().read(folder.appendingPathComponent(UUID().uuidString), name: "f")
    }
    #expect(throws: YAMLError.self) { try YAMLReader().read(URL(fileURLWithPath: "/dev/zero"), name: "f") }
  }

  @Test func textsAndNumbersSurviveWriting() throws {
    var random = Numbers(state: 7)
    let texts =
      [
        "", " ", "null", "1e5", "0x1F", "a: b", "- x", "#", "é\u{2028}\u{85}\u{FEFF}", "😀", "\0\u{7F}\t\n\r\"\\'", "..",
        "-",
      ]
      + (0..<500).map { _ in
        let largest: UInt32 = Bool.random(using: &random) ? 0x7F : 0x10FFFF
        let length = Int.random(in: 0...12, using: &random)
        let scalars = (0..<length).compactMap { _ in Unicode.Scalar(UInt32.random(in: 0...largest, using: &random)) }
        return String(String.UnicodeScalarView(scalars))
      }
    let numbers = (0..<500).map { _ in Double(bitPattern: .random(in: 0...UInt64.max, using: &random)) }.filter(
      \.isFinite)
    let here = Origin(source: "", line: 0, column: 0)
    for content in texts.map(YAMLNode.Content.text) + numbers.map(YAMLNode.Content.number) {
      let value = YAMLNode(content, at: here)
      let list = YAMLNode(
        .mapping([YAMLEntry(key: "k", keyOrigin: here, value: YAMLNode(.list([value]), at: here))]), at: here)
      let written = YAMLWriter.document(list)
      #expect(try read(written) == list, "\(written)")
    }
  }
}
