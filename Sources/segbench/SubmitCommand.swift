import Experiments
import Files
import Foundation
import Recipes

let submitCommand = Command(
  name: "submit", summary: "Run tables as jobs: on a cluster's Slurm, or several at once on this machine",
  operands: "RECIPE|TABLE...",
  example: "segbench submit table1 --engine slurm --partition gpu --time 1-00:00:00 --dry-run",
  positionalCount: 1...1000,
  options: RecipeOptions.ofRuns + [
    OptionSpecification(
      "--engine", "WHICH", isRequired: true, choices: SubmissionRecord.Engine.allCases.map(\.rawValue),
      help: "slurm: job arrays with their dependencies; local: processes here, until all are done"),
    OptionSpecification("--partition", "NAME", help: "Slurm's partition"),
    OptionSpecification("--account", "NAME", help: "Slurm's account"),
    OptionSpecification("--qos", "NAME", help: "Slurm's quality of service"),
    OptionSpecification("--constraint", "FEATURES", help: "What a run's node must have, as Slurm writes it"),
    OptionSpecification(
      "--time", "SPAN", help: "The longest time of a job, such as 2-00:00:00; it goes on in a new one"),
    OptionSpecification("--memory", "AMOUNT", help: "A job's memory, such as 64G"),
    OptionSpecification("--cpus-per-run", "N", help: "Cores of a job; also the number of its threads"),
    OptionSpecification("--gpus-per-run", "N", help: "GPUs of a run"),
    OptionSpecification(
      "--array-limit", "N", help: "How many jobs of an array, or of the local engine (1), run at once"),
    OptionSpecification(
      "--site", "FILE", help: "Settings of the site in YAML (site.yaml in the workspace where it is there)"),
    OptionSpecification("--dry-run", help: "Submit nothing: print the estimates and the scripts"),
    OptionSpecification(
      "--all-or-nothing", help: "Submit nothing where data or weights of any run are missing; the others run otherwise"),
    OptionSpecification(
      "--if-busy", "WHAT", choices: ["wait", "leave"],
      help: "wait (default) for another process that is at work on a run, or leave the run to it"),
  ],
  notes: ["Options take the place of the site's settings. Docs/cluster.md has the settings and an example."]
) { arguments in
  let options = try RecipeOptions(arguments)
  let site = try SiteSettings(arguments, options.workspace)
  let groups = try options.groups(arguments.positionals)
  let whole = RunGraph(groups, seeds: options.seeds, workspace: options.workspace, reports: true)
  try requireInputs(of: whole, all: arguments.flag("--all-or-nothing"), options)
  let runner = options.runner()
  let graph = try runner.unfinished(whole)
  let arrays = JobArrays(graph)
  let words = JobWords(
    profile: options.profile, fidelity: options.fidelity, overrides: options.overrides, seeds: options.seeds,
    leavesBusy: arguments.value("--if-busy") == "leave",
    device: options.device.identity)
  let program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
  let isLocal = arguments.required("--engine") == SubmissionRecord.Engine.local.rawValue
  let scripts = SlurmScripts(
    arrays, words: words, site: site, workspace: options.workspace, program: program)
  if arguments.flag("--dry-run") {
    let status = try Status(of: groups, seeds: options.seeds, runner: runner)
    print(status.lines().map { "# " + $0 }.joined(separator: "\n"))
    if isLocal { return print(arrays.text(words)) }
    for (name, text) in scripts.files { print("\n# ---- \(name)\n\(text)", terminator: "") }
    return
  }
  for name in try Submissions(of: options.workspace).active(with: graph) {
    Console.warn(
      "\(name) has some of these jobs already: they wait for each other, and what one has done the other finds done")
  }
  Interruption.goesOn.store(true, ordering: .relaxed)
  let folder = try SubmissionFolder.make(in: options.workspace)
  var record = SubmissionRecord(arrays, engine: isLocal ? .local : .slurm)
  if isLocal {
    try record.write(to: folder)
    Console.say("\(folder.name): \(arrays.graph.jobs.count) jobs")
    let walk = try LocalEngine(
      arrays, words: words, site: site, workspace: options.workspace, folder: folder, program: program
    ).run(say: { Console.say($0) }, isCancelled: { Cancellation.isRequested })
    print(folder.url.path)
    if let failure = walk.failure(userData: options.workspace.userData) { throw failure }
    return
  }
  do {
    for (name, text) in scripts.files {
      try AtomicFile.write(Data(text.utf8), to: folder.url.appendingPathComponent(name))
    }
    record.numbers = try Slurm.submit(folder)
  } catch {
    // Nothing of it is in the queue.
    try? FileManager.default.removeItem(at: folder.url)
    throw error
  }
  try record.write(to: folder)
  for array in arrays.arrays {
    Console.say("\(array.name): job \(record.numbers[array.name] ?? "?"), \(array.tasks.count) tasks")
  }
  print(folder.url.path)
  if !graph.missingInputs.isEmpty, let failure = GraphWalk(graph).failure(userData: options.workspace.userData) {
    throw failure
  }
}

extension SiteSettings {
  /// The site's file with the command line's options over it.
  fileprivate init(_ arguments: Arguments, _ workspace: Workspace) throws {
    let standard = workspace.root.appendingPathComponent(SiteSettings.fileName)
    if let name = arguments.value("--site") {
      self = try SiteSettings(contentsOf: URL(fileURLWithPath: name), name: name)
    } else if FileManager.default.fileExists(atPath: standard.path) {
      self = try SiteSettings(contentsOf: standard, name: standard.path)
    } else {
      self.init()
    }
    func line(_ name: String, _ current: String?) throws -> String? {
      guard let text = arguments.value(name) else { return current }
      guard SiteSettings.isLine(text) else {
        throw UsageError("\(name) needs a text on one line, not \"\(text.visible)\"")
      }
      return text
    }
    partition = try line("--partition", partition)
    account = try line("--account", account)
    qos = try line("--qos", qos)
    constraint = try line("--constraint", constraint)
    if let text = arguments.value("--time") {
      guard SiteSettings.isTime(text) else {
        throw UsageError("--time needs a time such as 2-00:00:00 or 90 (minutes), not \"\(text.visible)\"")
      }
      time = text
    }
    if let text = arguments.value("--memory") {
      guard SiteSettings.isMemory(text) else {
        throw UsageError("--memory needs an amount such as 64G, not \"\(text.visible)\"")
      }
      memory = text
    }
    cpusPerRun = try arguments.integer("--cpus-per-run", in: 1...4096) ?? cpusPerRun
    gpusPerRun = try arguments.integer("--gpus-per-run", in: 0...64) ?? gpusPerRun
    arrayLimit = try arguments.integer("--array-limit", in: 1...100_000) ?? arrayLimit
  }
}
