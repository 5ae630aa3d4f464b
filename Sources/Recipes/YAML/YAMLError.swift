import Files

/// A file that is not the plain, bounded YAML that recipes are written in.
public enum YAMLError: InputError, Equatable {
  case unreadable(file: String, reason: String)
  case tooLarge(file: String, limit: Int)
  case syntax(at: Origin, problem: String)
  case tooDeep(at: Origin, limit: Int)
  case tooManyNodes(at: Origin, limit: Int)
  case aliasExpansion(at: Origin, name: String, limit: Int)
  case unknownAlias(at: Origin, name: String)
  case duplicateKey(at: Origin, key: String, firstLine: Int)
  case keyNotText(at: Origin)
  case tag(at: Origin, tag: String)
  case secondDocument(at: Origin)
  case numberTooLarge(at: Origin, text: String)

  public var description: String {
    switch self {
    case .unreadable(let file, let reason):
      "\(file) cannot be read: \(reason)"
    case .tooLarge(let file, let limit):
      "\(file) is larger than the \(limit) bytes that a YAML file may have here"
    case .syntax(let at, let problem):
      "\(at.position): not YAML: \(problem)"
    case .tooDeep(let at, let limit):
      "\(at.position): nested deeper than the \(limit) levels that are allowed"
    case .tooManyNodes(let at, let limit):
      "\(at.position): more than the \(limit) values that a file may hold"
    case .aliasExpansion(let at, let name, let limit):
      "\(at.position): the alias *\(name) would expand the file to more than the \(limit) values that it may hold"
    case .unknownAlias(let at, let name):
      "\(at.position): the alias *\(name) names no anchor &\(name) that ends before it"
    case .duplicateKey(let at, let key, let firstLine):
      "\(at.position): the key \(quoted(key, limit: 60)) is here a second time; line \(firstLine) already has it"
    case .keyNotText(let at):
      "\(at.position): a key must be a plain word, not a list, a mapping, an alias or nothing"
    case .tag(let at, let tag):
      "\(at.position): the tag \(quoted(tag, limit: 60)) is not allowed; write the value without a tag"
    case .secondDocument(let at):
      "\(at.position): a second document starts here; a file holds one"
    case .numberTooLarge(let at, let text):
      "\(at.position): the number \(quoted(text, limit: 60)) is too large to be represented"
    }
  }
}
