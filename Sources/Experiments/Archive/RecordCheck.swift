import Datasets
import Evaluation
import Foundation
import Pretraining
import Recipes
import Tensors
import TorchBackend
import Training

/// What a record must be for its recipe to have left it, as far as recipe and record tell without any data.
extension RunRecord {
  /// The first thing in the record that its recipe cannot have left; nil when there is none.
  /// - Parameter start: the records of the pretrainings before it, the nearest first.
  func problem(of recipe: ResolvedRecipe, after start: [RunRecord]) -> String? {
    for (what, found, right) in [
      ("title", description.title, recipe.recipe.title), ("kind", description.kind, recipe.recipe.kind.rawValue),
      ("profile", description.profile, recipe.profile ?? ""),
    ] where found != right {
      return "the \(what) is \"\(found)\", the recipe's \"\(right)\""
    }
    if (metrics == nil) != (recipe.recipe.scored == nil) {
      return metrics == nil
        ? "it holds no metrics, which a \(description.kind) has"
        : "it holds metrics, which a \(description.kind) has not"
    }
    if description.startingRuns != start.first?.chain ?? [] { return "it lists other pretrainings than it starts from" }
    return description.extent?.problem ?? provenance.problem ?? curvesProblem(of: recipe.recipe.task)
      ?? secondsProblem(of: recipe.recipe.task)
  }

  // MARK: - Curves

  private func curvesProblem(of task: Recipe.Task) -> String? {
    switch (task, curves) {
    case (.segmentation(let settings), .training(let points, _)):
      let epochs = settings.training.epochs
      guard points.count == epochs else {
        return "its curves have \(points.count) entries, the recipe \(epochs) epochs"
      }
      return segmentationProblem(points)
    case (.pretraining(let settings), .pretraining(let records)):
      let iterations = settings.selfDistillation.iterations
      let step = PretrainingExperiment.iterationsPerRecord(of: iterations)
      guard records.count == iterations / step else {
        return
          "its curves have \(records.count) entries, the recipe's \(iterations) iterations leave \(iterations / step)"
      }
      return pretrainingProblem(records, step: step)
    case (.predictions, .none), (.curation, .none): return nil
    case (.predictions, _), (.curation, _): return "it has curves, and nothing was trained"
    default: return "its curves are not those of a \(description.kind)"
    }
  }

  private func segmentationProblem(_ points: [CurvePoint]) -> String? {
    let columns = curves.columns
    for curve in columns[0...1] {
      if let problem = Self.problem(curve, isRight: \.isFinite) { return problem }
    }
    // Undefined where a class did not occur.
    for curve in columns[2...3] {
      if let problem = Self.problem(curve, isRight: { $0.isNaN || (0...1).contains($0) }) { return problem }
    }
    // A quotient of counts of pixels, of which an epoch's validation has less than 2^40.
    for curve in columns[5...] {
      let least = 0x1p-40
      if let problem = Self.problem(curve, isRight: { $0.isNaN || $0 == 0 || (least...1).contains($0) }) {
        return problem
      }
    }
    if let problem = Self.problem(columns[4], isRight: { $0.isFinite && $0 >= 0 }) { return problem }
    var before: Double?
    for (index, point) in points.enumerated() {
      let (mean, smoothed) = (point.pseudoDice ?? .nan, point.smoothedPseudoDice ?? .nan)
      let classMean = ClassAverage.mean(point.classDice) ?? .nan
      guard Self.isSame(mean, classMean) else {
        return "the mean pseudo-Dice of epoch \(index + 1) is \(mean), that of its classes \(classMean)"
      }
      let following = EpochRecord.movingAverage(after: before, mean: mean)
      guard Self.isSame(smoothed, following) else {
        return "the smoothed pseudo-Dice of epoch \(index + 1) is \(smoothed); \(following) follows from the means"
      }
      before = smoothed
    }
    return nil
  }

  private func pretrainingProblem(_ records: [PretrainingRecord], step: Int) -> String? {
    for curve in curves.columns {
      if let problem = Self.problem(curve, isRight: \.isFinite) { return problem }
    }
    for (index, record) in records.enumerated() where record.iterations != (index + 1) * step {
      return "entry \(index + 1) of its curves is of iteration \(record.iterations), not \((index + 1) * step)"
    }
    return nil
  }

  private static func problem(_ curve: (name: String, values: [Double]), isRight: (Double) -> Bool) -> String? {
    curve.values.firstIndex { !isRight($0) }.map {
      "the \(curve.name) of entry \($0 + 1) is \(curve.values[$0]), which no training leaves"
    }
  }

  /// Equal to the last bit: the same sums in the same order, of doubles, on any machine.
  private static func isSame(_ a: Double, _ b: Double) -> Bool { a.isNaN && b.isNaN || a == b }

  /// Equal but for the last bits of a sum.
  private static func agree(_ a: Double, _ b: Double) -> Bool {
    a.isNaN && b.isNaN || abs(a - b) <= 1e-9 * max(1, abs(b))
  }

  // MARK: - Times

  private func secondsProblem(of task: Recipe.Task) -> String? {
    let phases =
      switch task {
      case .segmentation: ["prepare", "train", "predict", "evaluate"]
      case .pretraining: ["train"]
      case .predictions: ["evaluate"]
      case .curation: [String]()
      }
    let seconds = description.seconds
    if let lacking = phases.first(where: { seconds[$0] == nil }) { return "it has no seconds of \"\(lacking)\"" }
    for (phase, value) in seconds.sorted(by: { $0.key < $1.key }) {
      guard phases.contains(phase) else { return "it has seconds of \"\(phase.prefix(40))\", which its recipe has not" }
      guard value.isFinite, value >= 0 else { return "its seconds of \"\(phase)\" are \(value)" }
    }
    if case .segmentation = task, let train = seconds["train"] {
      let sum = curves.epochs.reduce(0) { $0 + $1.seconds }
      guard Self.agree(train, sum) else {
        return "its seconds of \"train\" are \(train), those of its epochs together \(sum)"
      }
    }
    return nil
  }
}

extension RunExtent {
  /// What cannot be the extent of a run; nil when nothing is wrong.
  fileprivate var problem: String? {
    for number in [cases, expectedCases, trainingCases, validationCases, images, expectedImages] {
      if let number, !(0...1 << 40).contains(number) { return "it counts \(number) cases or images" }
    }
    guard let patch else { return nil }
    return patch.count == 2 && patch.allSatisfy { (1...1 << 16).contains($0) } ? nil : "its patch is \(patch)"
  }
}

extension Provenance {
  /// The first thing that no run records; nil when there is none.
  var problem: String? {
    guard Self.version(engineVersion) != nil else { return "the engine version is \"\(engineVersion.prefix(40))\"" }
    guard (1...4096).contains(threads) else { return "it was computed by \(threads) threads" }
    guard Compute.InstructionSet(rawValue: instructionSet) != nil else {
      return "the instruction set is \"\(instructionSet.prefix(40))\"; known are "
        + Compute.InstructionSet.allCases.map(\.rawValue).joined(separator: ", ")
    }
    guard Self.isCommit(gitCommit) else { return "the git commit is \"\(gitCommit.prefix(60))\"" }
    guard device == nil || DeviceChoice.identities.contains(device!) else {
      return "the device is \"\(device!.prefix(40))\"; known are \(DeviceChoice.identities.joined(separator: ", "))"
    }
    guard libraries.count <= 64 else { return "it lists \(libraries.count) libraries" }
    for (what, text) in [("processor", processor), ("operating system", operatingSystem)] + libraries.sorted(by: <)
      + libraries.keys.sorted().map({ ("library's name", $0) })
    {
      guard !text.isEmpty, text.utf8.count <= 1000, !text.unicodeScalars.contains(where: \.steersTerminals) else {
        return "the \(what.prefix(40)) is \"\(text.prefix(80))\""
      }
    }
    return nil
  }

  /// Whether the engine is later than this program's: of what it records this program need not know all.
  var isLater: Bool {
    guard let theirs = Self.version(engineVersion), let own = Self.version(Experiments.engineVersion) else {
      return true
    }
    return own.lexicographicallyPrecedes(theirs)
  }

  /// Three numbers, such as "0.4.0"; nil for any other text.
  private static func version(_ text: String) -> [Int]? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 3,
      parts.allSatisfy({ (1...4).contains($0.utf8.count) && $0.utf8.allSatisfy { (0x30...0x39).contains($0) } })
    else { return nil }
    return parts.compactMap { Int($0) }
  }

  private static func isCommit(_ text: String) -> Bool {
    let changed = " with changes"
    return text == "unknown"
      || Archive.isIdentity(text.hasSuffix(changed) ? String(text.dropLast(changed.count)) : text)
  }
}
