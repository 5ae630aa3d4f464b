/// Something about a file that stops nothing but should be known.
public struct FileWarning: Sendable, Hashable, Codable, CustomStringConvertible {
  public enum Kind: String, Sendable, Codable {
    /// About the grid that a header describes; a strict check refuses it.
    case geometry
    /// About what a file holds.
    case content
  }

  public let kind: Kind
  /// What it is about, without names and numbers, in the plural; warnings of one topic are told together.
  public let topic: String
  public let path: String
  /// What was found and what follows from it.
  public let detail: String

  public init(_ kind: Kind, topic: String, path: String, detail: String) {
    self.kind = kind
    self.topic = topic
    self.path = path
    self.detail = detail
  }

  /// One sentence that names the file.
  public var description: String { "\(path): \(detail)" }

  /// One line for each topic, in the order in which the topics first occur: how many files, and the first as an example.
  public static func grouped(_ warnings: [FileWarning]) -> [String] {
    var topics: [String] = []
    var members: [String: [FileWarning]] = [:]
    for warning in warnings {
      if members[warning.topic] == nil { topics.append(warning.topic) }
      members[warning.topic, default: []].append(warning)
    }
    return topics.map { topic in
      let found = members[topic]!
      return found.count == 1 ? found[0].description : "\(found.count) \(topic), such as \(found[0].description)"
    }
  }
}
