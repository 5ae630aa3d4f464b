import Foundation

/// Paths as the user gave them. Foundation makes them absolute; messages say them as they stood on the command line.
struct GivenPaths {
  /// Absolute path and the word it was given by, the longest first.
  private let words: [(path: String, word: String)]

  /// - Parameter words: the command line's; of `--option=value` the value counts.
  init(_ words: [String]) {
    var seen: [String: String] = [:]
    // A message is compared with each.
    for word in words.prefix(1000) {
      let isOption = word.hasPrefix("--")
      let value = isOption ? word.split(separator: "=", maxSplits: 1).dropFirst().first.map(String.init) : word
      guard let value, !value.isEmpty, !value.hasPrefix("/"), !value.hasPrefix("~") else { continue }
      let given = value.count > 1 && value.hasSuffix("/") ? String(value.dropLast()) : value
      let url = URL(fileURLWithPath: given)
      for path in [url.path, url.standardizedFileURL.path] { seen[path] = given }
    }
    self.words = seen.map { ($0.key, $0.value) }.sorted { ($1.path.count, $0.path) < ($0.path.count, $1.path) }
  }

  /// A message with each such path, and what lies below it, as it was given.
  func restored(in message: String) -> String {
    var message = message
    for (path, word) in words where message.contains(path) {
      var result = ""
      var rest = message[...]
      while let range = rest.range(of: path) {
        let after = rest[range.upperBound...].first
        let before = rest[..<range.lowerBound].last ?? result.last
        let isWhole = !(after.map(Self.isPartOfName) ?? false)
        let begins = before.map { !Self.isPartOfName($0) && !"/.".contains($0) } ?? true
        result += rest[..<range.lowerBound] + (isWhole && begins ? word : path)
        rest = rest[range.upperBound...]
      }
      message = result + rest
    }
    return message
  }

  /// Whether a character goes on with a file's name; a sentence's full stop does not.
  private static func isPartOfName(_ character: Character) -> Bool {
    character.isLetter || character.isNumber || "-_~".contains(character)
  }
}
