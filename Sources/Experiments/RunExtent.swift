import Datasets
import Recipes

/// How much a run learned from and was scored on: what, beside its recipe, a reader holds against a paper's scale.
public struct RunExtent: Codable, Sendable, Equatable {
  /// Labelled cases of the dataset; nil for a pretraining.
  public var cases: Int?
  /// How many the recipe says that the published dataset has.
  public var expectedCases: Int?
  /// Cases of the fold that was learned from, and of the one that was scored; nil for a pretraining.
  public var trainingCases: Int?
  public var validationCases: Int?
  /// Rows and columns of the plan's patch; nil where no plan was made.
  public var patch: [Int]?
  /// Images that a pretraining found, duplicates included; nil for other runs.
  public var images: Int?
  /// How many slices the recipe says that the published collection has.
  public var expectedImages: Int?

  /// Of a run with scores.
  public init(cases: Int, expectedCases: Int?, trainingCases: Int, validationCases: Int, patch: [Int]? = nil) {
    self.cases = cases
    self.expectedCases = expectedCases
    self.trainingCases = trainingCases
    self.validationCases = validationCases
    self.patch = patch
  }

  /// Of a pretraining.
  public init(images: Int, expectedImages: Int?) {
    self.images = images
    self.expectedImages = expectedImages
  }
}

/// What a run's bits depend on beside its recipe and data.
public struct ComputeBasis: Codable, Sendable, Equatable {
  public var engineVersion: String
  /// What computed in place of the CPU engine, such as "PyTorch 2.13.0 on NVIDIA A100-SXM4-80GB"; nil for the CPU.
  public var device: String?

  public init(engineVersion: String, device: String? = nil) {
    self.engineVersion = engineVersion
    self.device = device
  }

  /// Such as "engine 0.5.0".
  public var text: String { "engine \(engineVersion)" + (device.map { ", \($0)" } ?? "") }
}

extension Provenance {
  public var basis: ComputeBasis {
    ComputeBasis(
      engineVersion: engineVersion,
      device: device == nil
        ? nil : "PyTorch \(libraries["PyTorch"] ?? "unknown") on \(libraries["GPU"] ?? "the CPU")")
  }
}

/// A pretraining that a run started from, as far as the run's own numbers depend on it.
public struct StartingRun: Codable, Sendable, Equatable {
  public var identity: String
  public var title: String
  public var basis: ComputeBasis
  public var extent: RunExtent?

  public init(identity: String, title: String, basis: ComputeBasis, extent: RunExtent?) {
    self.identity = identity
    self.title = title
    self.basis = basis
    self.extent = extent
  }
}

extension RunRecord {
  /// This pretraining and those before it, for the record of a run that starts from it.
  var chain: [StartingRun] {
    [
      StartingRun(
        identity: description.identity, title: description.title, basis: provenance.basis, extent: description.extent)
    ] + description.startingRuns
  }
}

extension RunExtent {
  /// Of a run that is scored on a fold of a dataset.
  init(_ dataset: IdentifiedDataset, _ settings: DatasetSettings, _ fold: Splits.Fold, patch: [Int]? = nil) {
    var expected: Int?
    if case .folder(_, let cases) = settings.source { expected = cases }
    self.init(
      cases: dataset.raw.cases.count, expectedCases: expected, trainingCases: fold.train.count,
      validationCases: fold.validation.count, patch: patch)
  }
}
