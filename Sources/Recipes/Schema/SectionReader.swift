/// A section, or a value in one, that has been checked and completed, and where it stands.
public struct SectionReader {
  let node: YAMLNode
  let path: String
  /// The kinds that `network.kind` may name.
  let networks: [any NetworkKind.Type]

  init(_ node: YAMLNode, path: String = "", networks: [any NetworkKind.Type] = []) {
    self.node = node
    self.path = path
    self.networks = networks
  }

  /// The value at a key, if it is there.
  func value(_ key: String) -> SectionReader? {
    node[key].map { SectionReader($0, path: join(path, key), networks: networks) }
  }

  /// A list's items.
  var items: [SectionReader] {
    guard case .list(let items) = node.content else { mistyped() }
    return items.enumerated().map { SectionReader($0.element, path: "\(path)[\($0.offset)]", networks: networks) }
  }

  /// The values of a mapping with free keys, in the order they were written.
  private var members: [(key: String, value: SectionReader)] {
    guard case .mapping(let entries) = node.content else { mistyped() }
    return entries.map { ($0.key, SectionReader($0.value, path: join(path, $0.key), networks: networks)) }
  }

  /// The value has another type than the declaration that it was checked against: our own bug.
  func mistyped() -> Never { preconditionFailure("the schema gives \(path) another type than its reader expects") }

  /// A value that is right alone but not beside others.
  /// - Parameter key: its key, or the path to it, below this section; nil for the value itself. Of one that is missing, the
  ///   message names the place of the section that lacks it.
  public func contradiction(_ key: String?, _ problem: String) -> RecipeError {
    guard let key else { return .contradiction(at: node.origin, key: path, problem: problem) }
    var nearest = node
    for part in key.split(separator: ".") {
      guard let inner = nearest[String(part)] else { break }
      nearest = inner
    }
    return .contradiction(at: nearest.origin, key: join(path, key), problem: problem)
  }

  // MARK: by key

  func has(_ key: String) -> Bool { node[key] != nil }

  func origin(_ key: String) -> Origin { node[key]?.origin ?? node.origin }

  func integer(_ key: String) -> Int { Int.read(promised(key)) }

  func number(_ key: String) -> Double { Double.read(promised(key)) }

  func text(_ key: String) -> String { String.read(promised(key)) }

  func choice<Choice: RawRepresentable>(_ key: String, _ type: Choice.Type) -> Choice
  where Choice.RawValue == String {
    guard let value = Choice(rawValue: text(key)) else { promised(key).mistyped() }
    return value
  }

  func integers(_ key: String) -> [Int] { promised(key).items.map(Int.read) }

  func numbers(_ key: String) -> [Double] { promised(key).items.map(Double.read) }

  /// The texts of a list.
  func textItems(_ key: String) -> [String] { promised(key).items.map(String.read) }

  func list(_ key: String) -> [YAMLNode] { promised(key).items.map(\.node) }

  func section(_ key: String) -> SectionReader { promised(key) }

  /// The sections that a list holds, in order.
  func sections(_ key: String) -> [SectionReader] { promised(key).items }

  /// The sections of a mapping with free keys, in the order they were written.
  func mapping(_ key: String) -> [(key: String, section: SectionReader)] {
    promised(key).members.map { ($0.key, $0.value) }
  }

  /// The numbers of a mapping with free keys, in the order they were written.
  func numbersByKey(_ key: String) -> [(key: String, number: Double, origin: Origin)] {
    promised(key).members.map { ($0.key, Double.read($0.value), $0.value.node.origin) }
  }

  /// The texts of a mapping with free keys, in the order they were written.
  func texts(_ key: String) -> [(key: String, text: String, origin: Origin)] {
    promised(key).members.map { ($0.key, String.read($0.value), $0.value.node.origin) }
  }

  private func promised(_ key: String) -> SectionReader {
    guard let value = value(key) else { preconditionFailure("the schema does not promise \(join(path, key))") }
    return value
  }
}
