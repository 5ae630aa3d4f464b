import Files

/// Scripts that complete the command line in shells, from the commands' declarations.
enum Completions {
  enum Shell: String, CaseIterable {
    case bash, zsh, fish
  }

  static func script(_ shell: Shell) -> String {
    switch shell {
    case .bash: bash
    case .zsh: zsh
    case .fish: fish
    }
  }

  /// First words in the order of the help, each with the commands that begin with it.
  private static var words: [(word: String, summary: String, group: [Command])] {
    var seen: Set<String> = []
    return commands.compactMap { command in
      let word = String(command.name.split(separator: " ")[0])
      guard seen.insert(word).inserted else { return nil }
      let group = Help.group(word)
      return (word, group.isEmpty ? command.summary : group.map(\.secondWord).joined(separator: ", "), group)
    } + [("help", "Explain a command or a group", [])]
  }

  private static func options(_ command: Command) -> [OptionSpecification] {
    command.options + Command.commonOptions + [OptionSpecification("--help", help: "Explain the command")]
  }

  private static func quoted(_ text: String) -> String { "'" + text.replacing("'", with: "'\\''") + "'" }

  // MARK: - Shells

  private static var bash: String {
    let groups = words.filter { !$0.group.isEmpty }
    var lines = [
      "# Completes segbench in bash: source <(segbench completions bash)",
      "_segbench() {",
      "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]} words=",
      "  if [ \"$COMP_CWORD\" -eq 1 ]; then",
      "    COMPREPLY=($(compgen -W \(quoted(words.map(\.word).joined(separator: " "))) -- \"$current\"))",
      "    return",
      "  fi",
      "  case $command in",
    ]
    for (word, _, group) in groups {
      lines += [
        "    \(word))",
        "      if [ \"$COMP_CWORD\" -eq 2 ]; then",
        "        COMPREPLY=($(compgen -W \(quoted(group.map(\.secondWord).joined(separator: " "))) -- \"$current\"))",
        "        return",
        "      fi",
        "      command=\"$command ${COMP_WORDS[2]}\" ;;",
      ]
    }
    lines += ["  esac", "  case \"$command $previous\" in"]
    for command in commands {
      for option in options(command) where !option.choices.isEmpty {
        lines.append(
          "    \(quoted("\(command.name) \(option.name)"))) words=\(quoted(option.choices.joined(separator: " "))) ;;")
      }
    }
    lines += [
      "  esac", "  if [ -n \"$words\" ]; then", "    COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))",
      "    return",
      "  fi", "  case $command in",
      "    help) words=\(quoted((words.map(\.word) + ["environment"]).joined(separator: " "))) ;;",
    ]
    for command in commands {
      let words = options(command).map(\.name) + command.operandChoices
      lines.append("    \(quoted(command.name))) words=\(quoted(words.joined(separator: " "))) ;;")
    }
    return
      (lines + [
        "  esac",
        "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))",
        "  case $current in -*) ;; *) COMPREPLY+=($(compgen -f -- \"$current\")) ;; esac",
        "}", "complete -o filenames -F _segbench segbench", "",
      ]).joined(separator: "\n")
  }

  private static var zsh: String {
    func described(_ items: [(String, String)]) -> String {
      items.map { quoted($0.0 + ":" + $0.1.replacing(":", with: "\\:")) }.joined(separator: " ")
    }
    func arguments(_ command: Command) -> String {
      let options = options(command).map { option -> String in
        let help = option.help.replacing("[", with: "(").replacing("]", with: ")").replacing(":", with: "\\:")
        let value =
          option.value.map { value in
            let words = option.choices.isEmpty ? "_files" : "(\(option.choices.joined(separator: " ")))"
            return ":\(value.filter { !"[]".contains($0) }):\(words)"
          } ?? ""
        return quoted("\(option.repeats ? "*" : "")\(option.name)[\(help)]\(value)")
      }
      let words =
        command.operandChoices.isEmpty ? [] : [quoted("1:which:(\(command.operandChoices.joined(separator: " ")))")]
      return "_arguments " + (options + words + [quoted("*:file:_files")]).joined(separator: " ")
    }
    var lines = [
      "#compdef segbench", "# Completes segbench in zsh: segbench completions zsh > DIRECTORY-OF-FPATH/_segbench",
      "_segbench() {", "  local -a candidates", "  if (( CURRENT == 2 )); then",
      "    candidates=(\(described(words.map { ($0.word, $0.summary) })))",
      "    _describe command candidates", "    return", "  fi", "  local command=$words[2]", "  case $command in",
    ]
    for (word, _, group) in words where !group.isEmpty {
      lines += [
        "    \(word))", "      if (( CURRENT == 3 )); then",
        "        candidates=(\(described(group.map { ($0.secondWord, $0.summary) })))",
        "        _describe command candidates", "        return", "      fi",
        "      command=\"$command $words[3]\"", "      shift words", "      (( CURRENT-- )) ;;",
      ]
    }
    lines += ["  esac", "  shift words", "  (( CURRENT-- ))", "  case $command in"]
    for command in commands { lines.append("    \(quoted(command.name))) \(arguments(command)) ;;") }
    return (lines + ["  esac", "}", "compdef _segbench segbench", ""]).joined(separator: "\n")
  }

  private static var fish: String {
    var lines = [
      "# Completes segbench in fish: segbench completions fish > ~/.config/fish/completions/segbench.fish",
      "complete -c segbench -n __fish_use_subcommand -f",
    ]
    for (word, summary, group) in words {
      lines.append("complete -c segbench -n __fish_use_subcommand -a \(word) -d \(quoted(summary))")
      let second = group.map(\.secondWord).joined(separator: " ")
      for command in group {
        lines.append(
          "complete -c segbench -f -n \(quoted("__fish_seen_subcommand_from \(word); and not __fish_seen_subcommand_from \(second)"))"
            + " -a \(command.secondWord) -d \(quoted(command.summary))")
      }
    }
    for command in commands {
      let seen = command.name.split(separator: " ").map { "__fish_seen_subcommand_from \($0)" }.joined(
        separator: "; and ")
      for option in options(command) {
        let value =
          option.value == nil
          ? "" : option.choices.isEmpty ? " -r" : " -x -a \(quoted(option.choices.joined(separator: " ")))"
        lines.append(
          "complete -c segbench -n \(quoted(seen)) -l \(option.name.dropFirst(2))\(value) -d \(quoted(option.help))")
      }
      if !command.operandChoices.isEmpty {
        lines.append(
          "complete -c segbench -n \(quoted(seen)) -a \(quoted(command.operandChoices.joined(separator: " ")))")
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }
}

extension Command {
  /// Of a command of two words the second.
  var secondWord: String { String(name.split(separator: " ").last!) }

  /// The words that the first operand may be, where it is one of a few.
  var operandChoices: [String] {
    let first = operands.split(separator: " ").first.map(String.init) ?? ""
    let words = first.split(separator: "|").map(String.init)
    guard words.count > 1, words.allSatisfy({ $0.allSatisfy { $0.isLowercase || $0.isNumber } }) else { return [] }
    return words
  }
}

let completionsCommand = Command(
  name: "completions", summary: "Print a script that completes this program's command line in a shell",
  operands: Completions.Shell.allCases.map(\.rawValue).joined(separator: "|"),
  example: "source <(segbench completions bash)", positionalCount: 1...1, options: []
) { arguments in
  guard let shell = Completions.Shell(rawValue: arguments.positionals[0]) else {
    throw UsageError(
      "there are completions for \(Completions.Shell.allCases.map(\.rawValue).joined(separator: ", ")), not for "
        + "\"\(arguments.positionals[0])\"")
  }
  print(Completions.script(shell), terminator: "")
}
