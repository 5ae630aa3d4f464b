import Files
import Foundation
import TestSupport
import Testing

@Suite("What every command has") struct CommandLineTests {
  @Test func versionAndHelp() throws {
    let version = try segbench("--version")
    #expect(version.code == 0 && version.output.wholeMatch(of: /segbench \d+\.\d+\.\d+\n/) != nil)
    let group = try segbench("help", "dataset")
    #expect(group.code == 0 && group.output.contains("dataset import") && !group.output.contains("weights inspect"))
    #expect(try segbench("dataset", "--help").output == group.output)
    let environment = try segbench("help", "environment")
    let document = try String(contentsOf: repository.appendingPathComponent("Docs/settings.md"), encoding: .utf8)
    let names = environment.output.matches(of: /(?m)^  ([A-Z_]+)/).map { String($0.1) }
    #expect(names.count >= 6 && names.allSatisfy { document.contains("`\($0)`") }, "\(names)")
    let unknown = try segbench("help", "datasets")
    #expect(unknown.code == 2 && unknown.errors.contains("no command \"datasets\""))
    let both = try segbench("status", "--quiet", "--verbose")
    #expect(both.code == 2 && both.errors.contains("contradict"))
  }

  @Test func quietAndVerbose() throws {
    try withTemporaryFolder { folder in
      func generate(_ name: String, _ option: String...) throws -> String {
        let words = ["dataset", "phantom", "lits", name, "--cases", "5", "--size", "16,16,8"]
        let result = try segbench(option + words, home: folder)
        #expect(result.code == 0 && result.output.hasSuffix("/\(name)\n"))
        return result.errors
      }
      #expect(try generate("a", "--quiet").isEmpty)
      let usual = try generate("b")
      #expect(usual.hasPrefix("phantoms 0/5\n") && usual.contains("phantoms 5/5"), "\(usual)")
      let verbose = try generate("c", "--verbose").split(separator: "\n")
      #expect(
        verbose.count == 6 && verbose.allSatisfy { $0.firstMatch(of: /^\d{4}-\d\d-\d\dT[0-9:]+Z  phantoms/) != nil })
      // What goes wrong is said all the same.
      let wrong = try segbench(["--quiet", "dataset", "verify", "none"], home: folder)
      #expect(wrong.code == 2 && wrong.errors.contains("there is no such folder"))
    }
  }

  /// As a user in a terminal of 50 columns sees it.
  private func terminal(_ words: String, in folder: URL, settings: String = "") throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/script")
    let program = repository.appendingPathComponent(".build/release/segbench").path
    process.arguments = ["-qec", "stty cols 50; \(settings) exec \(program) \(words)", "/dev/null"]
    process.currentDirectoryURL = folder
    process.environment = ProcessInfo.processInfo.environment.merging(["TERM": "xterm"]) { $1 }
    process.environment?["NO_COLOR"] = nil
    let output = Pipe()
    process.standardOutput = output
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return text
  }

  @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/script")))
  func aTerminalShowsABarWithinItsWidthAndColours() throws {
    try withTemporaryFolder { folder in
      let text = try terminal("dataset phantom lits a --cases 5 --size 16,16,8", in: folder)
      let frames = text.replacing("\u{1B}[K", with: "").split { ["\r", "\n", "\r\n"].contains($0) }
      #expect(frames.first == "[------------------------] phantoms 0/5", "\(frames)")
      #expect(frames.contains { $0.contains("phantoms 5/5") && $0.contains(", in ") }, "\(frames)")
      #expect(frames.dropLast().allSatisfy { $0.count < 50 }, "\(frames)")
      // The result stands on a line of its own.
      #expect(frames.last?.hasSuffix("/a") == true && frames.last?.contains("phantoms") == false)
      #expect(try terminal("rum", in: folder).contains("\u{1B}[31msegbench:\u{1B}[0m"))
      #expect(try terminal("rum", in: folder, settings: "NO_COLOR=1").hasPrefix("segbench: there is no command"))
    }
  }

  @Test func pathsAreSaidAsTheyWereGiven() throws {
    try withTemporaryFolder { folder in
      for (given, said) in [("none", "none: there"), ("./none/", "./none: there"), ("../x/none", "../x/none: there")] {
        let wrong = try segbench(["dataset", "verify", given], home: folder)
        #expect(wrong.errors == "segbench: \(said) is no such folder; a dataset in nnU-Net's layout is needed.\n")
      }
      let absolute = folder.appendingPathComponent("none").path
      #expect(try segbench(["dataset", "verify", absolute], home: folder).errors.contains("segbench: \(absolute): "))
    }
  }

  @Test func dryRunStatusAndExplanation() throws {
    try withTemporaryHome { home in
      let plan = try segbench(["run", "table3", "--profile", "quick", "--dry-run"], home: home)
      #expect(plan.code == 0, "\(plan.errors)")
      // Three stages, once each, and the four rows.
      #expect(plan.output.contains("5 phantoms of amos22, 112 x 112 x 20"))
      #expect(plan.output.matches(of: /stage [123]:/).count == 3)
      #expect(!FileManager.default.fileExists(atPath: home.appendingPathComponent("runs").path))
      let status = try segbench(["status", "table1", "table3", "--profile", "quick", "--json"], home: home)
      let document = try JSONValue.parse(Data(status.output.utf8), name: "status")
      let sections = try #require(document["sections"]?.array)
      #expect(sections.count == 2)
      let shared = sections[1]["runs"]?.array?.filter { $0["sharedWith"]?.string == "meddinov3/table1.yaml" }
      #expect(shared?.count == 1 && shared?[0]["title"]?.string == "AMOS22, DINOv3, multi-scale, 896 x 896")
      let text = try segbench(["status", "table1", "table3", "--profile", "quick"], home: home).output
      #expect(text.hasPrefix("meddinov3/table1.yaml: ") && text.contains("as in meddinov3/table1.yaml"))
      #expect(text.contains("\n11 runs: 11 to run"), "\(text)")
      let explained = try segbench(
        ["explain", "Recipes/meddinov3/table1/1-random-init-640.yaml", "--json", "--profile", "quick"], home: home)
      let values = try #require(try JSONValue.parse(Data(explained.output.utf8), name: "explain").array)
      let size = try #require(values.first { $0["key"]?.string == "plan.configuration" })
      #expect(size["standsFor"]?.string == "2d_640" && size["origin"]?.string?.contains(".yaml:") == true)
    }
  }

  @Test func doctorNamesDataAndWeights() throws {
    try withTemporaryHome { home in
      let data = home.appendingPathComponent("mine")
      #expect(
        try segbench(
          ["dataset", "phantom", "lits", "mine/datasets/lits", "--cases", "5", "--size", "16,16,8"], home: home
        ).code == 0)
      try makeFolder(data.appendingPathComponent("weights"))
      try Data(count: 2_500_000).write(to: data.appendingPathComponent("weights/other.pth"))
      let doctor = try segbench(["doctor"], home: home, settings: ["SEGBENCH_DATA": data.path])
      #expect(doctor.code == 0, "\(doctor.errors)")
      #expect(doctor.output.contains("  datasets/lits: ") && doctor.output.contains(", 5 labelled cases"))
      #expect(doctor.output.contains("  weights/other.pth: 2.5 MB"))
      #expect(doctor.output.contains("  found    datasets/lits/dataset.json: lits"))
      #expect(doctor.output.contains("  missing  datasets/amos22/dataset.json: amos22"))
    }
  }

  @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/bin/bash")))
  func bashCompletes() throws {
    func complete(_ words: [String]) throws -> [String] {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/bin/bash")
      let list = words.map { "'\($0)'" }.joined(separator: " ")
      process.arguments = [
        "-c",
        "source <(\(repository.path)/.build/release/segbench completions bash); COMP_WORDS=(\(list)); "
          + "COMP_CWORD=\(words.count - 1); _segbench; printf '%s\\n' \"${COMPREPLY[@]}\"",
      ]
      let output = Pipe()
      process.standardOutput = output
      try process.run()
      let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      process.waitUntilExit()
      return text.split(separator: "\n").map(String.init)
    }
    #expect(try complete(["segbench", "sta"]) == ["status"])
    #expect(try complete(["segbench", "dataset", "i"]) == ["import"])
    #expect(try complete(["segbench", "dataset", "import", "k"]).contains("kits23"))
    #expect(try complete(["segbench", "report", "table1", "--format", ""]) == ["markdown", "csv", "json"])
    #expect(try complete(["segbench", "archive", "verify", "--p"]) == ["--predict"])
  }

  @Test(arguments: ["zsh", "fish"])
  func othersReadTheirScripts(shell: String) throws {
    let script = try segbench("completions", shell).output
    // Every command's every option is there, whether the shell is or not.
    #expect(script.contains("strict-geometry") && script.contains("deepmind") && script.contains("archive"))
    let places = ["/bin/\(shell)", "/usr/bin/\(shell)"].filter { FileManager.default.isExecutableFile(atPath: $0) }
    guard let place = places.first else { return }
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("script")
      try Data(script.utf8).write(to: file)
      let process = Process()
      process.executableURL = URL(fileURLWithPath: place)
      process.arguments = ["-n", file.path]
      try process.run()
      process.waitUntilExit()
      #expect(process.terminationStatus == 0)
    }
  }

  @Test func aManualPageACommand() throws {
    try withTemporaryFolder { folder in
      #expect(try segbench("man", "--output", folder.path).code == 0)
      let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      let listed = try segbench("help").output.matches(of: #/(?m)^  ([a-z][a-z -]*?[a-z])  /#).map { String($0.1) }
      #expect(listed.count > 25)
      for command in listed {
        #expect(names.contains("segbench-\(command.replacing(" ", with: "-")).1"), "\(command)")
      }
      let page = try String(contentsOf: folder.appendingPathComponent("segbench-evaluate.1"), encoding: .utf8)
      #expect(page.contains(".B \\-\\-hd95\\-missing RULE") && page.contains("one of exclude, diagonal"))
      #expect(try segbench("man", "evaluate").output == page)
    }
  }
}
