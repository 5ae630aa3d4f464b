import CYAML
import Files
import Foundation

/// Reads one YAML document into nodes that know their file, line and column.
///
/// What comes in is hostile until read: the file's size, the depth, the number of values and what aliases expand to are
/// bounded; tags, duplicate keys, a second document and every scalar outside the core schema's types are refused.
public struct YAMLReader: Sendable {
  /// What a document may cost.
  public struct Limits: Sendable {
    public var bytes = 1 << 20
    public var depth = 32
    /// Values in the document, those that aliases repeat counted every time.
    public var nodes = 20_000

    public init() {}
  }

  public var limits = Limits()

  public init() {}

  /// Reads the file at `url`; errors and origins call it `name`.
  /// - Throws: `YAMLError`, `DiskFailure`.
  public func read(_ url: URL, name: String) throws -> YAMLNode {
    let data: Data
    do {
      guard try url.resourceValues(forKeys: [.isRegularFileKey]).isRegularFile == true else {
        throw YAMLError.unreadable(file: name, reason: "it is not a regular file")
      }
      let handle = try FileHandle(forReadingFrom: url)
      defer { try? handle.close() }
      data = try handle.read(upToCount: limits.bytes + 1) ?? Data()
    } catch let error as YAMLError {
      throw error
    } catch {
      if let failure = DiskFailure(reading: url.path, error) { throw failure }
      let exists = FileManager.default.fileExists(atPath: url.path)
      throw YAMLError.unreadable(file: name, reason: exists ? "it may not be opened" : "there is no such file")
    }
    return try read(data, name: name)
  }

  /// Reads a document from memory; an empty one is a null node.
  /// - Parameter option: the text of the command line's option that `data` came from, if it did not come from a file.
  /// - Throws: `YAMLError`.
  public func read(_ data: Data, name: String, option: String? = nil) throws -> YAMLNode {
    guard data.count <= limits.bytes else { throw YAMLError.tooLarge(file: name, limit: limits.bytes) }
    let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
    defer { parser.deallocate() }
    guard yaml_parser_initialize(parser) == 1 else {
      throw YAMLError.unreadable(file: name, reason: "there is no memory left to parse it")
    }
    defer { yaml_parser_delete(parser) }
    return try data.withUnsafeBytes { bytes in
      let start = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
      return try withUnsafePointer(to: UInt8(0)) { nothing in
        yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        yaml_parser_set_input_string(parser, start ?? nothing, bytes.count)
        var builder = YAMLBuilder(name: name, option: option, limits: limits)
        return try builder.build(from: parser)
      }
    }
  }
}

/// Builds the tree from libyaml's events with a stack of its own, so that depth is a number and not the machine's stack.
private struct YAMLBuilder {
  private struct Frame {
    var origin: Origin
    var anchor: String?
    var isMapping: Bool
    var items: [YAMLNode] = []
    var entries: [YAMLEntry] = []
    var linesOfKeys: [String: Int] = [:]
    var pendingKey: (text: String, origin: Origin)?
    /// Values in this collection so far, itself counted.
    var nodes = 1
    /// Levels in this collection so far, itself counted.
    var height = 1
  }

  private struct Anchored {
    var node: YAMLNode
    var nodes: Int
    var height: Int
  }

  let name: String
  let option: String?
  let limits: YAMLReader.Limits
  private var frames: [Frame] = []
  private var anchors: [String: Anchored] = [:]
  private var nodeCount = 0
  private var root: YAMLNode?

  init(name: String, option: String?, limits: YAMLReader.Limits) {
    self.name = name
    self.option = option
    self.limits = limits
  }

  mutating func build(from parser: UnsafeMutablePointer<yaml_parser_t>) throws -> YAMLNode {
    var documents = 0
    while true {
      var event = yaml_event_t()
      guard yaml_parser_parse(parser, &event) == 1 else { throw syntaxError(parser.pointee) }
      defer { yaml_event_delete(&event) }
      let origin = origin(event.start_mark)
      switch event.type {
      case YAML_STREAM_END_EVENT:
        return root ?? YAMLNode(.null, at: origin)
      case YAML_DOCUMENT_START_EVENT:
        documents += 1
        if documents > 1 { throw YAMLError.secondDocument(at: origin) }
      case YAML_SCALAR_EVENT:
        try scalar(event.data.scalar, at: origin)
      case YAML_ALIAS_EVENT:
        try alias(string(event.data.alias.anchor) ?? "", at: origin)
      case YAML_SEQUENCE_START_EVENT:
        let start = event.data.sequence_start
        try open(isMapping: false, anchor: string(start.anchor), tag: string(start.tag), at: origin)
      case YAML_MAPPING_START_EVENT:
        let start = event.data.mapping_start
        try open(isMapping: true, anchor: string(start.anchor), tag: string(start.tag), at: origin)
      case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT:
        try close()
      default:
        break
      }
    }
  }

  private mutating func scalar(_ scalar: yaml_event_s.__Unnamed_union_data.__Unnamed_struct_scalar, at origin: Origin)
    throws
  {
    if let tag = string(scalar.tag) { throw YAMLError.tag(at: origin, tag: tag) }
    let text = String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
    let isPlain = scalar.style == YAML_PLAIN_SCALAR_STYLE
    if isKeyNext {
      guard !text.isEmpty else { throw YAMLError.keyNotText(at: origin) }
      try count(1, at: origin)
      try takeKey(text, at: origin)
      return
    }
    var content = YAMLNode.Content.text(text)
    if isPlain {
      switch YAMLScalar.resolve(text) {
      case .value(let value): content = value
      case .tooLarge: throw YAMLError.numberTooLarge(at: origin, text: text)
      }
    }
    try count(1, at: origin)
    try place(YAMLNode(content, at: origin), anchor: string(scalar.anchor), nodes: 1, height: 1)
  }

  private mutating func alias(_ anchor: String, at origin: Origin) throws {
    if isKeyNext { throw YAMLError.keyNotText(at: origin) }
    guard let anchored = anchors[anchor] else { throw YAMLError.unknownAlias(at: origin, name: anchor) }
    guard frames.count + anchored.height <= limits.depth else {
      throw YAMLError.tooDeep(at: origin, limit: limits.depth)
    }
    guard nodeCount + anchored.nodes <= limits.nodes else {
      throw YAMLError.aliasExpansion(at: origin, name: anchor, limit: limits.nodes)
    }
    nodeCount += anchored.nodes
    try place(anchored.node, anchor: nil, nodes: anchored.nodes, height: anchored.height)
  }

  private mutating func open(isMapping: Bool, anchor: String?, tag: String?, at origin: Origin) throws {
    if let tag { throw YAMLError.tag(at: origin, tag: tag) }
    if isKeyNext { throw YAMLError.keyNotText(at: origin) }
    guard frames.count < limits.depth else { throw YAMLError.tooDeep(at: origin, limit: limits.depth) }
    try count(1, at: origin)
    frames.append(Frame(origin: origin, anchor: anchor, isMapping: isMapping))
  }

  private mutating func close() throws {
    let frame = frames.removeLast()
    let content: YAMLNode.Content = frame.isMapping ? .mapping(frame.entries) : .list(frame.items)
    try place(
      YAMLNode(content, at: frame.origin), anchor: frame.anchor, nodes: frame.nodes, height: frame.height)
  }

  private var isKeyNext: Bool {
    guard let frame = frames.last else { return false }
    return frame.isMapping && frame.pendingKey == nil
  }

  private mutating func takeKey(_ text: String, at origin: Origin) throws {
    let top = frames.count - 1
    if let line = frames[top].linesOfKeys[text] {
      throw YAMLError.duplicateKey(at: origin, key: text, firstLine: line)
    }
    frames[top].linesOfKeys[text] = origin.line
    frames[top].pendingKey = (text, origin)
    frames[top].nodes += 1
  }

  private mutating func place(_ node: YAMLNode, anchor: String?, nodes: Int, height: Int) throws {
    if let anchor { anchors[anchor] = Anchored(node: node, nodes: nodes, height: height) }
    guard !frames.isEmpty else {
      root = node
      return
    }
    let top = frames.count - 1
    frames[top].nodes += nodes
    frames[top].height = max(frames[top].height, height + 1)
    if let key = frames[top].pendingKey {
      frames[top].entries.append(YAMLEntry(key: key.text, keyOrigin: key.origin, value: node))
      frames[top].pendingKey = nil
    } else {
      frames[top].items.append(node)
    }
  }

  private mutating func count(_ nodes: Int, at origin: Origin) throws {
    nodeCount += nodes
    if nodeCount > limits.nodes { throw YAMLError.tooManyNodes(at: origin, limit: limits.nodes) }
  }

  private func origin(_ mark: yaml_mark_t) -> Origin {
    if let option { return .option(option) }
    return Origin(source: name, line: Int(mark.line) + 1, column: Int(mark.column) + 1)
  }

  private func syntaxError(_ parser: yaml_parser_t) -> YAMLError {
    let problem = parser.problem.map { String(cString: $0) } ?? "the parser stopped"
    if parser.error == YAML_READER_ERROR {
      // The reader knows a byte offset, and how many lines were read before it.
      return .syntax(at: origin(parser.mark), problem: "\(problem) at byte \(parser.problem_offset)")
    }
    let context = parser.context.map { " " + String(cString: $0) } ?? ""
    return .syntax(at: origin(parser.problem_mark), problem: problem + context)
  }

  private func string(_ characters: UnsafeMutablePointer<yaml_char_t>?) -> String? {
    characters.map { String(cString: $0) }
  }
}
