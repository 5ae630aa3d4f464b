/// A section, or a value in one, that has been checked and completed, and where it stands.
public struct SectionReader: Sendable {
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
  var members: [(key: String, keyOrigin: Origin, value: SectionReader)] {
    guard case .mapping(let entries) = node.content else { mistyped() }
    return entries.map { ($0.key, $0.keyOrigin, SectionReader($0.value, path: join(path, $0.key), networks: networks)) }
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
}
