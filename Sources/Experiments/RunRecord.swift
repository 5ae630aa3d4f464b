/// All that a finished run knows about itself: what `run.h5` holds.
public struct RunRecord: Sendable {
  /// What the run was, in plain values.
  public struct Description: Codable, Sendable {
    public var identity: String
    public var title: String
    public var kind: String
    public var profile: String
    public var seed: Int
    /// SHA-256 over the content of the dataset's files.
    public var dataDigest: String
    /// SHA-256 of the initial weights' file; empty when they were random.
    public var initialWeightsDigest: String
    /// Identities of the runs this one started from.
    public var dependencies: [String]
    /// SHA-256 of the user's folds (`Splits.digest`); nil when they are nnU-Net's.
    public var splitsDigest: String?
    /// SHA-256 over the files that another tool predicted (`PredictedFolder.digest`); nil when the run predicted itself.
    public var predictionsDigest: String?
    /// SHA-256 of the trained weights' file; empty when nothing was trained.
    public var weightsDigest: String
    /// Seconds by phase, such as "train", "predict".
    public var seconds: [String: Double]
    /// The recipe's path below the recipes' root; "" where it is not known.
    public var recipePath = ""
    /// Nil in a record that no run of ours wrote.
    public var extent: RunExtent?
    /// The pretrainings before this run, the nearest first.
    public var startingRuns: [StartingRun] = []

    public init(
      identity: String, title: String, kind: String, profile: String, seed: Int, dataDigest: String,
      initialWeightsDigest: String, dependencies: [String], weightsDigest: String, seconds: [String: Double]
    ) {
      self.identity = identity
      self.title = title
      self.kind = kind
      self.profile = profile
      self.seed = seed
      self.dataDigest = dataDigest
      self.initialWeightsDigest = initialWeightsDigest
      self.dependencies = dependencies
      self.weightsDigest = weightsDigest
      self.seconds = seconds
    }
  }

  public var description: Description
  /// The resolved recipe, as YAML.
  public var recipe: String
  public var provenance: Provenance
  public var curves: RunCurves
  /// Nil for a pretraining run.
  public var metrics: Metrics?

  public init(
    description: Description, recipe: String, provenance: Provenance, curves: RunCurves, metrics: Metrics?
  ) {
    self.description = description
    self.recipe = recipe
    self.provenance = provenance
    self.curves = curves
    self.metrics = metrics
  }
}
