import Files

/// An option of a command.
struct OptionSpecification: Sendable {
  let name: String
  /// What its value is called in the help; nil for a flag without one. In brackets it may be left out: the next word is
  /// taken for it only when the command has its own words already.
  let value: String?
  let help: String
  /// Whether it may be given more than once.
  let repeats: Bool
  /// Whether the command does nothing without it.
  let isRequired: Bool
  /// The words that it takes; empty for any.
  let choices: [String]

  init(
    _ name: String, _ value: String? = nil, isRequired: Bool = false, choices: [String] = [], help: String,
    repeats: Bool = false
  ) {
    self.name = name
    self.choices = choices
    self.value = value
    self.isRequired = isRequired
    self.help = help
    self.repeats = repeats
  }

  /// The option and what its value is called.
  var title: String { name + (value.map { " " + $0 } ?? "") }

  var needsValue: Bool { value?.hasPrefix("[") == false }
}

/// What was wrong with a command line.
struct UsageError: InputError {
  let description: String
  init(_ description: String) { self.description = description }
}

/// A command line, taken apart.
struct Arguments {
  let positionals: [String]
  private let options: [String: [String]]

  /// - Throws: `UsageError` for an unknown option, a missing value, a repeated option, or too few or too many words.
  init(_ words: [String], for command: Command) throws {
    var positionals: [String] = []
    var options: [String: [String]] = [:]
    var remaining = words[...]
    var onlyPositionals = false
    while let word = remaining.popFirst() {
      if word == "--" && !onlyPositionals {
        onlyPositionals = true
      } else if word.hasPrefix("--") && !onlyPositionals {
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let name = parts[0]
        let known = command.options + Command.commonOptions
        guard let specification = known.first(where: { $0.name == name }) else {
          let nearest = nearestName(to: name, among: known.map(\.name))
          throw UsageError(
            "segbench \(command.name) has no option \(name)" + (nearest.map { "; did you mean \($0)?" } ?? "")
              + " (segbench help \(command.name) lists them)")
        }
        var value = "true"
        if specification.value != nil {
          if parts.count == 2 {
            value = parts[1]
          } else if !specification.needsValue,
            positionals.count < command.positionalCount.lowerBound || remaining.first?.hasPrefix("--") ?? true
          {
            value = ""
          } else {
            guard let given = remaining.popFirst() else {
              throw UsageError("\(name) needs a value: \(name) \(specification.value!)")
            }
            value = given
          }
        } else if parts.count == 2 {
          throw UsageError("\(name) takes no value, but \"\(parts[1])\" was given")
        }
        guard specification.repeats || options[name] == nil else { throw UsageError("\(name) was given twice") }
        guard specification.choices.isEmpty || specification.choices.contains(value) else {
          throw UsageError("\(name) is one of \(specification.choices.joined(separator: ", ")), not \"\(value)\"")
        }
        options[name, default: []].append(value)
      } else {
        positionals.append(word)
      }
    }
    guard command.positionalCount.contains(positionals.count) else {
      throw UsageError("usage: segbench \(command.usage)")
    }
    if let missing = command.options.first(where: { $0.isRequired && options[$0.name] == nil }) {
      throw UsageError("segbench \(command.name) needs \(missing.title): \(missing.help)")
    }
    self.positionals = positionals
    self.options = options
  }

  func flag(_ name: String) -> Bool { options[name] != nil }
  func value(_ name: String) -> String? { options[name]?.last }
  /// The value of an option that the command declares as required.
  func required(_ name: String) -> String { options[name]!.last! }
  func values(_ name: String) -> [String] { options[name] ?? [] }

  /// The value as a whole number within a range.
  func integer(_ name: String, in range: ClosedRange<Int>) throws -> Int? {
    guard let text = value(name) else { return nil }
    guard let number = Int(text), range.contains(number) else {
      throw UsageError("\(name) needs a whole number from \(range.lowerBound) to \(range.upperBound), not \"\(text)\"")
    }
    return number
  }

  /// The value as a number greater than zero.
  func positiveNumber(_ name: String) throws -> Double? {
    guard let text = value(name) else { return nil }
    guard let number = Double(text), number > 0, number.isFinite else {
      throw UsageError("\(name) needs a number above 0, not \"\(text)\"")
    }
    return number
  }

  /// The value as whole numbers separated by commas.
  func integers(_ name: String, in range: ClosedRange<Int>) throws -> [Int]? {
    guard let text = value(name) else { return nil }
    return try text.split(separator: ",", omittingEmptySubsequences: false).map { part in
      guard let number = Int(part), range.contains(number) else {
        throw UsageError(
          "\(name) needs whole numbers from \(range.lowerBound) to \(range.upperBound) separated by commas, not \"\(text)\""
        )
      }
      return number
    }
  }

  /// The value as one of the words that the option's declaration names.
  func choice<Choice: RawRepresentable>(_ name: String, as type: Choice.Type) -> Choice?
  where Choice.RawValue == String {
    value(name).flatMap(Choice.init)
  }

  /// The value as one of a few words that are known only now.
  func choice(_ name: String, among choices: [String]) throws -> String? {
    guard let text = value(name) else { return nil }
    guard choices.contains(text) else {
      throw UsageError("\(name) is one of \(choices.joined(separator: ", ")), not \"\(text)\"")
    }
    return text
  }
}

/// One thing `segbench` does.
struct Command: Sendable {
  let name: String
  let summary: String
  /// The words after the command's name that are no options.
  let operands: String
  let example: String
  let positionalCount: ClosedRange<Int>
  let options: [OptionSpecification]
  /// What else the help says, a line each.
  var notes: [String] = []
  /// Whether it computes with networks, on the device that `--device` names.
  var usesDevice = false
  /// Does it; throws `InputError` for exit code 2, any other error for exit code 1.
  let run: @Sendable (Arguments) throws -> Void

  /// What every command takes.
  static let commonOptions = [
    OptionSpecification("--quiet", help: "Say nothing but warnings, errors and the result"),
    OptionSpecification("--verbose", help: "Say each message and each step of progress on a line, with the time"),
  ]

  /// - Throws: `UsageError` for both at once.
  static func loudness(_ arguments: Arguments) throws -> Console.Loudness {
    switch (arguments.flag("--quiet"), arguments.flag("--verbose")) {
    case (true, true): throw UsageError("--quiet and --verbose contradict each other: give one of them")
    case (true, false): .quiet
    case (false, true): .verbose
    case (false, false): .usual
    }
  }

  /// The words after `segbench`, from the declarations of operands and options.
  var usage: String {
    let options = options.sorted { $0.isRequired && !$1.isRequired }.map { $0.isRequired ? $0.title : "[\($0.title)]" }
    return ([name, operands] + options).filter { !$0.isEmpty }.joined(separator: " ")
  }

  var help: String {
    var lines = [summary, "", "usage: segbench \(usage)"]
    if !options.isEmpty {
      lines += ["", "options:"]
      let titles = options.map { $0.title + ($0.isRequired ? " (required)" : "") }
      let width = titles.map(\.count).max()!
      for (title, option) in zip(titles, options) {
        lines.append("  " + title + String(repeating: " ", count: width - title.count + 2) + option.help)
      }
    }
    if !notes.isEmpty { lines += [""] + notes }
    lines += ["", "Every command takes \(Command.commonOptions.map(\.name).joined(separator: " or ")), and --help."]
    return (lines + ["", "example: \(example)"]).joined(separator: "\n")
  }
}
