import Evaluation
import Experiments
import Files
import Recipes

/// What a run was: where it comes from, what it was made with, what it scored, case by case.
struct RunPart {
  let record: RunRecord
  let recipe: ResolvedRecipe
  let summary: RunSummary?

  /// Where cells lead.
  static func place(_ identity: String) -> String { "#" + id(identity) }

  private static func id(_ identity: String) -> String { "run-" + HTML.place(String(identity.prefix(10))) }

  /// - Parameter known: the runs that have a part of their own.
  func html(_ known: Set<String>) -> String {
    let description = record.description
    let heading = "\(description.title), seed \(description.seed)"
    var html = HTML.element("h3", [], HTML.text(heading)) + "\n" + facts(known)
    if let summary {
      html += HTML.details("Its classes", classes(summary)) + HTML.details("Its cases", cases(summary))
    }
    html += curves + HTML.details("Its recipe, with the origin of every value", origins)
    return HTML.element("section", [("id", Self.id(description.identity)), ("class", "run")], "\n" + html) + "\n"
  }

  private func facts(_ known: Set<String>) -> String {
    let (description, provenance) = (record.description, record.provenance)
    var facts: [(String, String)] = [
      ("Run", HTML.text(description.identity)), ("Recipe", HTML.text(recipe.path)),
      ("Profile", HTML.text(description.profile)), ("Data, SHA-256", HTML.text(description.dataDigest)),
    ]
    if !description.initialWeightsDigest.isEmpty {
      facts.append(("Initial weights, SHA-256", HTML.text(description.initialWeightsDigest)))
    }
    for start in description.startingRuns {
      let title = HTML.text(start.title)
      facts.append(
        ("Starts from", known.contains(start.identity) ? HTML.link(Self.place(start.identity), title) : title))
    }
    if !description.weightsDigest.isEmpty { facts.append(("Weights, SHA-256", HTML.text(description.weightsDigest))) }
    if let extent = description.extent {
      let counts = [
        (extent.cases, "labelled cases"), (extent.trainingCases, "learned from"), (extent.validationCases, "scored"),
        (extent.images, "images"),
      ].compactMap { count, what in count.map { "\($0) \(what)" } }
      facts.append(("Extent", HTML.text(counts.joined(separator: ", "))))
    }
    let times = description.seconds.sorted { $0.key < $1.key }.map { "\($0.key) \(timeText($0.value))" }
    facts += [
      ("Time", HTML.text(times.joined(separator: ", "))), ("Computed by", HTML.text(provenance.basis.text)),
      ("Commit", HTML.text(provenance.gitCommit)), ("Processor", HTML.text(provenance.processor)),
      ("System", HTML.text(provenance.operatingSystem)),
      (
        "Libraries",
        HTML.text(
          provenance.libraries.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: "; "))
      ),
    ]
    return "<dl>\n" + facts.map { "<dt>\($0.0)</dt><dd>\($0.1)</dd>\n" }.joined() + "</dl>\n"
  }

  private static func percent(_ value: Double?) -> String { value.map(NumberText.percent) ?? "" }

  private func classes(_ summary: RunSummary) -> String {
    let scores = summary.scores
    let (dsc, nsd) = (scores.classMeans(.dsc), scores.classMeans(.nsd))
    let counts = summary.evaluation.classCounts.map(\.present)
    let hd95 = summary.evaluation.classMeans.map(\.hd95)
    return HTML.table(
      ["Class", "Cases", "DSC (%)", "NSD (%)", "HD95 (mm)"],
      scores.classes.indices.map { index in
        [
          HTML.text(scores.classes[index]), "\(counts[index])", Self.percent(dsc[index]), Self.percent(nsd[index]),
          index < hd95.count ? hd95[index].map { NumberText.decimals($0, 2) } ?? "" : "",
        ]
      }, isNumber: { $0 > 0 })
  }

  private func cases(_ summary: RunSummary) -> String {
    let scores = summary.scores
    let means = scores.caseMeans(.dsc)
    return HTML.table(
      ["Case", "DSC (%)"] + scores.classes.map(HTML.text),
      scores.cases.indices.map { index in
        [HTML.text(scores.cases[index].name), Self.percent(means[index])] + scores.cases[index].dsc.map(Self.percent)
      }, isNumber: { $0 > 0 })
  }

  private var curves: String {
    let (horizontal, names): (String, [String]) =
      summary == nil ? ("iteration", ["view loss", "masked loss"]) : ("epoch", ["training loss", "validation loss"])
    let columns = record.curves.columns
    let iterations = columns.first { $0.name == "iterations" }?.values
    let lines = names.compactMap { name -> LineChart.Line? in
      guard let curve = columns.first(where: { $0.name == name })?.values, !curve.isEmpty else { return nil }
      let places = iterations ?? curve.indices.map { Double($0 + 1) }
      return LineChart.Line(name: name, points: zip(places, curve).map { (x: $0, y: $1) })
    }
    guard !lines.isEmpty else { return "" }
    let title = "Losses of \(record.description.title)"
    return HTML.details(
      "Its losses",
      SVGChart.lines(LineChart(title: title, horizontalTitle: horizontal, verticalTitle: "loss", lines: lines)))
  }

  private var origins: String {
    HTML.table(
      ["Key", "Value", "Origin", "Stands for"],
      recipe.values.map { value in
        let standIn = recipe.standIns.first { $0.key == value.key }
        return [
          HTML.text(value.key), HTML.text(value.text), HTML.text(value.origin.description),
          HTML.text(standIn.map { "\($0.original) (\($0.originalOrigin))" } ?? ""),
        ]
      })
  }
}

/// The runs behind tables, each once, with those that they start from.
struct RunParts {
  let runs: ChosenRuns
  private(set) var parts: [RunPart] = []

  init(runs: ChosenRuns) { self.runs = runs }

  /// Adds a recipe's finished runs.
  mutating func add(_ path: String) throws {
    let (recipe, records) = try runs.of(path)
    for record in records { try add(record, recipe) }
  }

  private mutating func add(_ record: RunRecord, _ recipe: ResolvedRecipe) throws {
    guard !parts.contains(where: { $0.record.description.identity == record.description.identity }) else { return }
    parts.append(
      RunPart(
        record: record, recipe: recipe, summary: record.summary(averaging: recipe.recipe.scored?.scoring.averaging)))
    guard let start = recipe.pretraining,
      let earlier = try runs.runner.finishedRun(start, seed: start.recipe.seeds[0])
    else { return }
    try add(earlier, start)
  }
}
