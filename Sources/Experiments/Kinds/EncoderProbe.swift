import Datasets
import Evaluation
import Foundation
import Recipes
import Tensors

/// How much of a segmentation's classes a linear map sees in the patches of an encoder that isn't trained for them: the map
/// is fitted on the training cases' slices and scored on the validation cases'.
public struct EncoderProbe {
  /// The average precision of each foreground class's score over all validation patches together; nil where no patch has it.
  /// No threshold is needed: small organs are few of many patches, and a linear map's greatest score is the background's.
  public struct Scores: Sendable {
    public let classes: [(name: String, averagePrecision: Double?)]
    /// How many cases the map was fitted to and scored on, and the pretrainings that left the weights, the last one first.
    public let extent: RunExtent
    public let startingRuns: [StartingRun]

    public init(
      classes: [(name: String, averagePrecision: Double?)], extent: RunExtent, startingRuns: [StartingRun] = []
    ) {
      self.classes = classes
      self.extent = extent
      self.startingRuns = startingRuns
    }

    /// Over the classes that occur.
    public var mean: Double { ClassAverage.mean(classes.map(\.averagePrecision)) ?? 0 }
  }

  private let runner: Runner
  private let recipe: ResolvedRecipe
  private let segmentation: SegmentationRecipe

  /// - Throws: `RunError` when the recipe is no segmentation, or starts from random weights.
  public init(_ recipe: ResolvedRecipe, runner: Runner) throws {
    guard let segmentation = recipe.recipe.segmentation else { throw RunError.notSegmentation(recipe.path) }
    if case .random = segmentation.initialWeights { throw RunError.nothingToProbe(recipe.path) }
    self.runner = runner
    self.recipe = recipe
    self.segmentation = segmentation
  }

  /// Pretrains with the seed, unless that has been done, and probes the weights. Weights from a file know no seed.
  public func scores(seed: UInt64) throws -> Scores {
    let missing = runner.workspace.missingInputs(of: recipe)
    guard missing.isEmpty else { throw MissingInputs(inputs: missing, userData: runner.workspace.userData) }
    let context = runner.context
    let inputs = try SupervisedExperiment(recipe: recipe, settings: segmentation).inputs(runner.assembly(seed: seed))
    let dataset = inputs.data.dataset
    guard let weights = inputs.weights else { preconditionFailure("random weights are refused before") }
    let encoder = try FeatureExtraction(weights: weights.url, model: weights.model, hdf5: weights.hdf5)
    let prepared = try DatasetPreparation(context: context, dataset: segmentation.dataset).prepare(
      dataset, plan: segmentation.plan, fold: segmentation.evaluation.scoring.fold, splits: inputs.data.splits)
    let classCount = dataset.raw.description.classCount
    let depth = encoder.encoder.configuration.depth
    // The last block of each quarter, as the paper's decoder sees them.
    let blocks = Set((1...4).map { max(0, depth * $0 / 4 - 1) }).sorted()
    var probe = LinearProbe(width: blocks.count * encoder.encoder.configuration.width, classes: classCount)
    let progress = context.progress("probing")
    let total = prepared.fold.train.count + prepared.fold.validation.count
    progress(0, of: total)
    for (index, name) in prepared.fold.train.enumerated() {
      try context.checkCancellation()
      try patches(of: prepared.store.file(name), encoder, blocks, below: classCount) { probe.add($0, labels: $1) }
      progress(index + 1, of: total)
    }
    guard let map = probe.fit() else { throw RunError.noPatches(recipe.path, encoder.patch) }
    // Scores are least squares' estimates of 0 and 1.
    var precisions = [AveragePrecision](repeating: AveragePrecision(scores: -1...2), count: classCount)
    for (index, name) in prepared.fold.validation.enumerated() {
      try context.checkCancellation()
      try patches(of: prepared.store.file(name), encoder, blocks, below: classCount) { features, labels in
        let scores = linear(features, weight: map.weight, bias: map.bias).values(as: Float.self)
        for (row, label) in labels.enumerated() {
          for place in 0..<classCount {
            precisions[place].add(scores[row * classCount + place], isPositive: label == place)
          }
        }
      }
      progress(prepared.fold.train.count + index + 1, of: total)
    }
    return Scores(
      classes: dataset.raw.description.labels.dropFirst().enumerated().map { index, label in
        (label.name, precisions[index + 1].value)
      }, extent: RunExtent(dataset, segmentation.dataset, prepared.fold), startingRuns: inputs.start?.chain ?? [])
  }

  /// Hands out each slice's patch features `[N, width]`, of all blocks side by side, with each patch's most frequent class,
  /// the lowest of equally frequent ones. What is left of a slice beside whole patches is left out, and so is a patch
  /// most of which is outside of the image or that nobody annotated.
  private func patches(
    of file: CaseFile, _ encoder: FeatureExtraction, _ blocks: [Int], below classes: Int,
    _ take: (Tensor, [Int]) throws -> Void
  ) throws {
    let (shape, side) = (file.properties.shape, encoder.patch)
    let (rows, columns) = (shape[1] / side, shape[2] / side)
    guard rows > 0, columns > 0 else { return }
    for z in 0..<shape[0] {
      let image = Tensor(try file.imageSlice(z), shape: [1, file.properties.channelCount, shape[1], shape[2]])
      let whole = image.sliced(axis: 2, 0..<rows * side).sliced(axis: 3, 0..<columns * side)
      let features = encoder.features(of: whole, blocks: blocks).map {
        $0.features.reshaped([rows * columns, encoder.encoder.configuration.width])
      }
      let labels = Self.majority(try file.labelSlice(z), width: shape[2], side: side, rows: rows, columns: columns)
      let kept = labels.indices.filter { (0..<classes).contains(labels[$0]) }
      guard !kept.isEmpty else { continue }
      let all = features.count == 1 ? features[0] : concatenate(features, axis: 1)
      try take(all.gathered(Tensor(kept.map { Int32($0) }, shape: [kept.count])), kept.map { labels[$0] })
    }
  }

  private static func majority(_ labels: [Int16], width: Int, side: Int, rows: Int, columns: Int) -> [Int] {
    (0..<rows * columns).map { patch in
      var counts: [Int: Int] = [:]
      for y in 0..<side {
        for x in 0..<side {
          counts[Int(labels[(patch / columns * side + y) * width + patch % columns * side + x]), default: 0] += 1
        }
      }
      return counts.max { $0.value < $1.value || ($0.value == $1.value && $0.key > $1.key) }!.key
    }
  }
}
