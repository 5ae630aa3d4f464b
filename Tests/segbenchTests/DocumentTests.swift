import Files
import Foundation
import TestSupport
import Testing

/// The documents that people read: their links, their commands, the messages that they explain.
@Suite("Documents") struct DocumentTests {
  /// Every Markdown file of the repository that somebody wrote or that is committed as generated.
  static let documents: [String] = {
    let kept = ["Docs", "Recipes", "Results", "Benchmarks"]
    let top = ["README.md", "REPRODUCING.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"]
    let below = kept.flatMap { folder in
      (FileManager.default.enumerator(atPath: repository.appendingPathComponent(folder).path)?.allObjects ?? [])
        .compactMap { $0 as? String }.filter { $0.hasSuffix(".md") }.map { "\(folder)/\($0)" }
    }
    return top + below.sorted()
  }()

  private func text(_ path: String) throws -> String {
    try String(contentsOf: repository.appendingPathComponent(path), encoding: .utf8)
  }

  /// The names that headings have as places in a page, as GitHub makes them.
  private func anchors(_ markdown: String) -> Set<String> {
    Set(
      markdown.split(separator: "\n").filter { $0.hasPrefix("#") }.map { line in
        String(
          line.drop { $0 == "#" }.dropFirst().lowercased().filter { $0.isLetter || $0.isNumber || " -_".contains($0) }
            .map { $0 == " " ? "-" : $0 })
      })
  }

  @Test(arguments: documents) func everyLinkLeadsSomewhere(path: String) throws {
    let markdown = try text(path)
    let folder = repository.appendingPathComponent(path).deletingLastPathComponent()
    for match in markdown.matches(of: #/\[[^\]\n]*\]\(([^)\s]+)\)/#) {
      let link = String(match.1)
      if link.hasPrefix("https://") || link.hasPrefix("mailto:") { continue }
      let parts = link.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      let file = parts[0].isEmpty ? repository.appendingPathComponent(path) : folder.appendingPathComponent(parts[0])
      #expect(FileManager.default.fileExists(atPath: file.path), "\(path) links to \(link)")
      if parts.count > 1, let target = try? String(contentsOf: file, encoding: .utf8) {
        #expect(anchors(target).contains(parts[1]), "\(path) links to \(link)")
      }
    }
  }

  @Test func theIndexNamesEveryDocument() throws {
    let index = try text("Docs/README.md")
    for path in Self.documents where path.hasPrefix("Docs/") && path != "Docs/README.md" {
      #expect(index.contains("](\(path.dropFirst("Docs/".count)))"), "\(path)")
    }
    #expect(try text("README.md").contains("](Docs/README.md)"))
  }

  /// Lines of code blocks that call this program.
  private func commands(_ markdown: String) -> [String] {
    markdown.split(separator: "\n").filter { $0.hasPrefix("    segbench ") }.map { line in
      // What follows is a comment.
      String(line.dropFirst(4)).components(separatedBy: "  #")[0].trimmingCharacters(in: .whitespaces)
    }
  }

  /// The first words of commands of two.
  private static let groups: Set<String> = {
    let lines = (try? segbench(["help"]).output.split(separator: "\n")) ?? []
    let names = lines.filter { $0.hasPrefix("  ") }.map { $0.split(separator: " ").prefix(2).map(String.init) }
    let first = names.filter { $0.count == 2 }.map { $0[0] }
    return Set(first.filter { (try? segbench(["help", $0]).output.contains("\($0) COMMAND")) == true })
  }()

  /// Every command in every document is one that there is, with options that it has.
  @Test func everyCommandIsKnown() throws {
    var helps: [String: String] = [:]
    for path in Self.documents where !path.hasPrefix("Results/") {
      for line in try commands(text(path)) {
        let words = line.split(separator: " ").dropFirst().map(String.init).drop {
          $0 == "--verbose" || $0 == "--quiet"
        }
        let name = words.prefix(Self.groups.contains(words.first ?? "") ? 2 : 1)
        let command = name.joined(separator: " ")
        if command == "help" { continue }
        if helps[command] == nil {
          let help = try segbench(["help"] + Array(name))
          #expect(help.code == 0, "\(path): \(line)")
          helps[command] = help.output
        }
        for word in words where word.hasPrefix("--") && word != "--version" {
          let option = word.split(separator: "=")[0]
          #expect(helps[command]?.contains("\(option)") == true, "\(path): \(line)")
        }
      }
    }
    #expect(helps.count > 12)
  }

  /// The marked blocks of a document, run one after another as a reader would, in a folder with nothing but the recipes.
  @Test(arguments: ["Docs/first-ten-minutes.md", "Docs/adding-a-study.md"]) func markedBlocksRun(path: String) throws {
    try withTemporaryHome { home in
      let blocks = try text(path).components(separatedBy: "<!-- run -->").dropFirst().map { part in
        part.split(separator: "\n").prefix { $0.hasPrefix("    ") }.map { $0.dropFirst(4) }.joined(separator: "\n")
      }
      #expect(blocks.count >= 3 && blocks.allSatisfy { $0.contains("segbench ") })
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/bin/bash")
      process.currentDirectoryURL = home
      process.environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("SEGBENCH_") }
      process.arguments = [
        "-c", "set -e; PATH=\(repository.path)/.build/release:$PATH\n" + blocks.joined(separator: "\n"),
      ]
      let output = Pipe()
      process.standardOutput = output
      process.standardError = output
      try process.run()
      let words = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      process.waitUntilExit()
      #expect(process.terminationStatus == 0, "\(words)")
      if path.hasSuffix("adding-a-study.md") {
        #expect(words.contains("U-Net with three convolutions a stage") && words.contains("plan.batch_size"))
      } else {
        #expect(FileManager.default.fileExists(atPath: home.appendingPathComponent("page/report.html").path))
        try readsTheRunFile(of: home)
      }
    }
  }

  /// The five lines of Docs/run-file.md, where Python has h5py: what they print is what `report` says.
  private func readsTheRunFile(of home: URL) throws {
    let block = try text("Docs/run-file.md").components(separatedBy: "<!-- python -->")[1]
    let lines = block.split(separator: "\n").prefix { $0.hasPrefix("    ") }.map { $0.dropFirst(4) }
    #expect(lines.count == 5)
    let runs = home.appendingPathComponent("runs")
    let run = try #require(FileManager.default.contentsOfDirectory(atPath: runs.path).first)
    func python(_ program: String) throws -> (code: Int32, output: String) {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      process.arguments = ["python3", "-c", program]
      process.currentDirectoryURL = runs.appendingPathComponent(run)
      let output = Pipe()
      process.standardOutput = output
      process.standardError = FileHandle.nullDevice
      try process.run()
      let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      process.waitUntilExit()
      return (process.terminationStatus, text)
    }
    guard try python("import h5py, numpy").code == 0 else { return }
    let read = try python(lines.joined(separator: "\n"))
    #expect(read.code == 0 && read.output.contains("'liver': "), "\(read.output)")
    let reported = try segbench(
      ["report", "meddinov3/table2", "--profile", "quick"], home: home
    ).output
    let row = try #require(reported.split(separator: "\n").first { $0.hasPrefix("| liver") })
    let value = try #require(read.output.firstMatch(of: #/'liver': ([0-9.]+)/#).flatMap { Double($0.1) })
    #expect(row.contains(String(format: "%.2f", 100 * value)) || abs(100 * value - 0) < 0.01, "\(row) \(read.output)")
  }

  /// Each message that Docs/troubleshooting.md explains is one that the sources have.
  @Test func explainedMessagesAreThere() throws {
    let sources = repository.appendingPathComponent("Sources")
    let all = (FileManager.default.enumerator(atPath: sources.path)?.allObjects ?? []).compactMap { $0 as? String }
      .filter { $0.hasSuffix(".swift") }
      .compactMap { try? String(contentsOf: sources.appendingPathComponent($0), encoding: .utf8) }.joined()
    // Sentences go on over lines of the source.
    let joined = all.replacing(#/"\n *\+ "/#, with: "")
    let entries = try text("Docs/troubleshooting.md").components(separatedBy: "\n\n").filter { $0.hasPrefix("`") }
    #expect(entries.count > 20)
    for entry in entries {
      let message = entry.dropFirst().components(separatedBy: "`: ")[0]
      for piece in message.components(separatedBy: "…").map({ $0.trimmingCharacters(in: .whitespaces) })
      where piece.count > 3 {
        #expect(joined.contains(piece), "\(piece)")
      }
    }
  }
}
