import Experiments
import Files
import Foundation
import Recipes
import TestSupport
import Testing

/// What a table takes, as jobs: what comes before what, what is shared, and what a scheduler is told.
@Suite struct RunGraphTests {
  private func group(_ place: TemporaryWorkspace, _ name: String, profile: String = "quick") throws -> RecipeGroup {
    let library = RecipeLibrary(root: place.workspace.recipes)
    let table = try library.table("meddinov3/\(name).yaml")
    return RecipeGroup(
      table: "meddinov3/\(name).yaml", title: table.title,
      recipes: try table.rows.flatMap(\.recipes).map { try library.resolve($0.path, profile: profile) })
  }

  private func isPreparation(_ job: RunGraph.Job) -> Bool {
    if case .preparation = job.work { true } else { false }
  }

  @Test func dataComesFirstStagesInOrderAndReportsLast() throws {
    let place = try TemporaryWorkspace()
    let graph = RunGraph(
      [try group(place, "table3"), try group(place, "table1")], seeds: [0, 1], workspace: place.workspace, reports: true
    )
    for (index, job) in graph.jobs.enumerated() { #expect(job.needs.allSatisfy { $0 < index }) }
    // The phantoms, and the slices of the stages.
    let preparations = graph.jobs.indices.filter { isPreparation(graph.jobs[$0]) }
    #expect(preparations == [0, 1])
    #expect(graph.jobs.suffix(2).allSatisfy { $0.startsAnyway })
    let stages = graph.jobs.enumerated().filter { _, job in
      if case .run(let recipe, _) = job.work { recipe.recipe.kind == .pretraining } else { false }
    }
    // Once each, whatever the seeds: each needs the one before it, the first nothing.
    let asked = stages.filter(\.element.isAsked)
    #expect(stages.count == 4 && asked.isEmpty)
    for (stage, before) in zip(stages.dropFirst(), stages) { #expect(stage.element.needs.contains(before.offset)) }
    // Table 1's fourth row is Table 3's first.
    #expect(graph.jobs.filter(\.isAsked).count == 2 * 7)
    #expect(Set(graph.jobs.map(\.key)).count == graph.jobs.count)
  }

  @Test func whatLacksDataIsLeftOutAndNothingIsMadeForIt() throws {
    let place = try TemporaryWorkspace(withUserData: true)
    let graph = RunGraph([try group(place, "table1", profile: "paper")], seeds: nil, workspace: place.workspace)
    #expect(graph.jobs.count == 4 && graph.jobs.allSatisfy { !$0.lacks.isEmpty && $0.needs.isEmpty })
    #expect(graph.missingInputs.map(\.path) == graph.missingInputs.map(\.path).sorted())
    let failure = GraphWalk(graph).failure(userData: place.workspace.userData)
    #expect(failure is MissingInputs)
    #expect(JobArrays(graph).arrays.isEmpty)
  }

  private struct Broken: InputError { var description: String { "it is broken" } }

  @Test func aFailureStopsOnlyWhatNeedsIt() throws {
    let place = try TemporaryWorkspace()
    let graph = RunGraph([try group(place, "table3")], seeds: nil, workspace: place.workspace, reports: true)
    let second = try #require(graph.jobs.firstIndex { $0.title.contains("stage 2") })
    var walk = GraphWalk(graph)
    var done: [Int] = []
    while let job = walk.start() {
      walk.finish(job, job == second ? Broken() : nil)
      if job != second { done.append(job) }
    }
    // Stage 3 and the two rows after stages 2 and 3.
    let blocked = walk.states.indices.filter { if case .blocked = walk.states[$0] { true } else { false } }
    #expect(blocked.count == 3 && done.count == graph.jobs.count - 4)
    #expect(done.contains(graph.jobs.count - 1), "the report is made all the same")
    let failure = try #require(walk.failure(userData: nil))
    #expect(failure is UnfinishedJobs && "\(failure)".contains("it is broken") && "\(failure)".contains("it needs "))
    // A mistake behind all that was asked for is that mistake.
    var first = GraphWalk(graph)
    while let job = first.start() { first.finish(job, isPreparation(graph.jobs[job]) && job == 0 ? Broken() : nil) }
    #expect(first.failure(userData: nil) is Broken)
  }

  @Test func everyJobsWordsMeanTheGraphsRun() throws {
    let place = try TemporaryWorkspace()
    let library = RecipeLibrary(root: place.workspace.recipes)
    let overrides = ["training.epochs=3", "title=it's \"mine\""]
    let row = try library.resolve(
      "meddinov3/table3/2-stage-1.yaml", profile: "quick", fidelity: .paper, overrides: overrides)
    let graph = RunGraph([RecipeGroup(recipes: [row])], seeds: [3], workspace: place.workspace)
    let words = JobWords(profile: "quick", fidelity: .paper, overrides: overrides, seeds: [3], leavesBusy: false)
    for (index, job) in graph.jobs.enumerated() {
      guard case .run(let recipe, let seed) = job.work else { continue }
      let words = words.words(of: index, in: graph)
      func values(_ option: String) -> [String] { zip(words, words.dropFirst()).filter { $0.0 == option }.map(\.1) }
      let again = try library.resolve(
        try #require(words.last), profile: values("--profile")[0],
        fidelity: values("--fidelity").first.flatMap(Recipe.Fidelity.init), overrides: values("--set"))
      #expect(values("--seeds") == ["\(seed)"])
      #expect(again.identityText(seed: seed) == recipe.identityText(seed: seed), "\(words)")
    }
  }

  @Test func jobsThatNeedOneThingEachWaitForTheirOwn() throws {
    let place = try TemporaryWorkspace()
    let library = RecipeLibrary(root: place.workspace.recipes)
    // A row for each of three datasets: each needs its own preparation.
    let rows = try ["lits-nnu-net", "amos22-nnu-net", "kits23-nnu-net"].map {
      try library.resolve("meddinov3/table2/\($0).yaml", profile: "quick")
    }
    let arrays = JobArrays(RunGraph([RecipeGroup(recipes: rows)], seeds: nil, workspace: place.workspace)).arrays
    #expect(arrays.map(\.name) == ["prepare", "run"] && arrays.map(\.tasks.count) == [3, 3])
    #expect(arrays[1].dependencies == [.corresponding(array: 0)])
    // Two seeds of one dataset need the same.
    let two = JobArrays(RunGraph([RecipeGroup(recipes: [rows[0]])], seeds: [0, 1], workspace: place.workspace)).arrays
    #expect(two.map(\.tasks.count) == [1, 2])
    #expect(two[1].dependencies == [.succeeded([JobArrays.Place(array: 0, task: 0)])])
    // More than an array holds.
    let many = JobArrays(
      RunGraph([RecipeGroup(recipes: [rows[0]])], seeds: Array(0..<1500), workspace: place.workspace)
    ).arrays
    #expect(many.map(\.tasks.count) == [1, 1000, 500] && many.map(\.name) == ["prepare", "run", "run2"])
  }

  @Test func numbersAreWrittenAsRanges() {
    #expect(SlurmScripts.ranges([0]) == "0" && SlurmScripts.ranges([0, 1, 2, 5, 7, 8]) == "0-2,5,7-8")
  }

  @Test func everyValueIsOneQuotedWord() throws {
    let nasty = "a b'c\"d$(touch hacked)`touch hacked`\\ #e;*"
    let place = try TemporaryWorkspace()
    let root = place.workspace.root.appendingPathComponent(nasty, isDirectory: true)
    try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
    let workspace = Workspace(root: root, userData: root)
    var site = SiteSettings()
    (site.partition, site.account, site.program) = (nasty, nasty, nasty)
    let row = try place.row(
      "1-random-init-640", ["title=\"\(nasty.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))\""])
    let arrays = JobArrays(RunGraph([RecipeGroup(recipes: [row])], seeds: nil, workspace: place.workspace))
    let words = JobWords(profile: "quick", fidelity: nil, overrides: ["title=\(nasty)"], seeds: nil, leavesBusy: true)
    let scripts = SlurmScripts(arrays, words: words, site: site, workspace: workspace, program: "segbench")
    // A program that writes down what it was given takes the job's place.
    site.program = root.appendingPathComponent("program").path
    let runnable = SlurmScripts(arrays, words: words, site: site, workspace: workspace, program: "segbench")
    try Data("#!/bin/bash\nprintf '%s\\n' \"$SEGBENCH_HOME\" \"$@\" >given\n".utf8).write(
      to: root.appendingPathComponent("program"))
    chmod(root.appendingPathComponent("program").path, 0o755)
    for (name, text) in runnable.files {
      let file = root.appendingPathComponent(name)
      try Data(text.utf8).write(to: file)
      #expect(try bash(["-n", file.path], in: root) == 0, "\(text)")
      guard name != SlurmScripts.submitName else { continue }
      #expect(try bash([file.path], in: root, ["SLURM_ARRAY_TASK_ID": "0"]) == 0)
      let given = try String(contentsOf: root.appendingPathComponent("given"), encoding: .utf8).split(separator: "\n")
      #expect(given.first.map(String.init) == root.path && given.contains("title=\(nasty)"), "\(given)")
      #expect(FileManager.default.fileExists(atPath: root.appendingPathComponent("outcomes").path))
    }
    #expect(
      scripts.files.allSatisfy {
        $0.text.contains("#SBATCH --partition=\"a b'c\\\"d$(touch hacked)") || $0.name == "submit.sh"
      })
    let left = try FileManager.default.subpathsOfDirectory(atPath: root.path)
    #expect(!left.contains { $0.contains("hacked") && !$0.contains(nasty) }, "\(left)")
  }

  private func bash(_ words: [String], in folder: URL, _ settings: [String: String] = [:]) throws -> Int32 {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/bash")
    process.arguments = words
    process.currentDirectoryURL = folder
    process.environment = ProcessInfo.processInfo.environment.merging(settings) { $1 }
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    return process.terminationStatus
  }

  @Test(arguments: [
    ("partion: gpu", "site.yaml:1:1: there is no key `partion`; did you mean `partition`?"),
    ("partition: [gpu]", "site.yaml:1:12: `partition` needs a text on one line, not [gpu]"),
    ("array_limit: 0", "`array_limit` needs a whole number from 1 to"),
    ("time: 1:2:3:4", "`time` needs a time such as"), ("memory: 64 GB", "`memory` needs an amount such as 64G"),
    ("setup: module load x", "`setup` needs a list of lines"),
    ("preparation: {gpus: 1}", "site.yaml:1:15: there is no key `gpus`; did you mean `cpus`?"),
    ("gpu", "a site's file is a mapping of partition, "), ("account: \"a\\nb\"", "`account` needs a text on one line"),
  ])
  func aSitesMistakesAreNamed(text: String, complaint: String) throws {
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("site.yaml")
      try Data(text.utf8).write(to: file)
      do {
        _ = try SiteSettings(contentsOf: file, name: "site.yaml")
        Issue.record("accepted")
      } catch let error as any InputError {
        #expect("\(error)".contains(complaint), "\(error)")
      }
    }
  }

  @Test func aSiteIsRead() throws {
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("site.yaml")
      try Data(
        """
        partition: gpu
        time: 2-00:00:00
        memory: 64G
        cpus_per_run: 16
        gpus_per_run: 1
        setup: [module load cuda]
        preparation: {partition: cpu, time: 90, cpus: 4}
        """.utf8
      ).write(to: file)
      let site = try SiteSettings(contentsOf: file, name: "site.yaml")
      #expect(site.partition == "gpu" && site.time == "2-00:00:00" && site.memory == "64G" && site.cpusPerRun == 16)
      #expect(site.setup == ["module load cuda"] && site.preparation.time == "90" && site.preparation.cpus == 4)
    }
  }
}
