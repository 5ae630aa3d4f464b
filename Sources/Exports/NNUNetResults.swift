import Evaluation
import Experiments
import Files
import Foundation
import Networks

/// A run in nnU-Net's results layout, from which its own commands predict and evaluate:
/// `DATASET/TRAINER__PLANS__CONFIGURATION/{plans.json, dataset.json, fold_F/{checkpoint_final.pth, validation/}}`.
public enum NNUNetResults {
  /// What stands in the way.
  public enum Failure: InputError {
    case taken(String)

    public var description: String {
      switch self {
      case .taken(let path): "\(path) is there already: remove it, or give another --output"
      }
    }
  }

  /// Writes the run below `folder`.
  /// - Parameters:
  ///   - source: the run's folder.
  ///   - network: the run's; of another than nnU-Net's own U-Net only the predictions are written, since nnU-Net cannot build it.
  /// - Returns: the model's folder, and whether it has a checkpoint.
  /// - Throws: `Failure`, `FileError`, `DiskFailure`, `JSONError`.
  public static func write(
    _ source: URL, _ record: RunRecord, _ run: FinishedRun, to folder: URL
  ) throws -> (model: URL, hasCheckpoint: Bool) {
    let plans = source.appendingPathComponent("nnUNetPlans.json")
    let document = try JSONValue.read(plans)
    let dataset = document["dataset_name"]?.string ?? "dataset"
    let configuration = run.configurationName
    let model = folder.appendingPathComponent(
      "\(dataset)/\(trainer(run))__nnUNetPlans__\(configuration)", isDirectory: true)
    let target = model.appendingPathComponent("fold_\(run.fold)", isDirectory: true)
    // Two networks of one configuration would have one folder.
    guard !FileManager.default.fileExists(atPath: target.path) else { throw Failure.taken(target.path) }
    // Aside first, so that a fold is there whole or not at all.
    let fold = model.appendingPathComponent(".partial-\(UUID().uuidString)", isDirectory: true)
    defer { try? FileManager.default.removeItem(at: fold) }
    let validation = fold.appendingPathComponent("validation", isDirectory: true)
    try makeFolder(validation)
    let own = (run.network as? UNet).map { document.withArchitecture(of: $0.configuration, in: configuration) }
    try AtomicFile.write(Data((own ?? document).text().utf8), to: model.appendingPathComponent("plans.json"))
    try AtomicFile.copy(
      source.appendingPathComponent("dataset.json"), to: model.appendingPathComponent("dataset.json"))
    if let metrics = record.metrics {
      for name in metrics.cases {
        let file = "predictions/\(name).nii.gz"
        try AtomicFile.copy(
          source.appendingPathComponent(file), to: validation.appendingPathComponent("\(name).nii.gz"))
      }
      try AtomicFile.write(
        Data(summary(metrics, target.appendingPathComponent("validation", isDirectory: true)).text().utf8),
        to: validation.appendingPathComponent("summary.json"))
    }
    let unet = run.network as? UNet
    if let unet { try writeCheckpoint(of: unet, run, record, to: fold.appendingPathComponent("checkpoint_final.pth")) }
    guard rename(fold.path, target.path) == 0 else { throw FileError.ofWriting(target) }
    return (model, unet != nil)
  }

  private static func writeCheckpoint(of unet: UNet, _ run: FinishedRun, _ record: RunRecord, to file: URL) throws {
    let arrays = WeightMapping.nnUNet(unet).arrays(of: unet.parameters).sorted { $0.key < $1.key }
    try PyTorchCheckpoint.write(
      .dictionary([
        ("network_weights", .dictionary(arrays.map { ($0.key, .tensor($0.value)) })),
        ("current_epoch", .integer(record.curves.epochs.count)), ("trainer_name", .text(trainer(run))),
        ("init_args", .dictionary([("configuration", .text(run.configurationName)), ("fold", .integer(run.fold))])),
        (
          "inference_allowed_mirroring_axes",
          run.mirrors ? .tuple([.integer(0), .integer(1)]) : .none
        ),
      ]), to: file)
  }

  private static func trainer(_ run: FinishedRun) -> String {
    run.mirrors ? "nnUNetTrainer" : "nnUNetTrainerNoMirroring"
  }

  /// nnU-Net's `summary.json`. TN is left out: a run's record does not have the images' voxels.
  private static func summary(_ metrics: RunRecord.Metrics, _ folder: URL) -> JSONValue {
    func values(_ item: ClassMetrics) -> [JSONValue.Member] {
      let (reference, prediction) = (Double(item.referenceVoxels), Double(item.predictionVoxels))
      let both = (item.dsc ?? 0) * (reference + prediction) / 2
      let union = reference + prediction - both
      func number(_ value: Double?) -> JSONValue { value.map(JSONValue.number) ?? .number(.nan) }
      return [
        .init("Dice", number(item.dsc)), .init("FN", .number((reference - both).rounded())),
        .init("FP", .number((prediction - both).rounded())), .init("IoU", number(item.dsc.map { _ in both / union })),
        .init("TP", .number(both.rounded())), .init("n_pred", .integer(item.predictionVoxels)),
        .init("n_ref", .integer(item.referenceVoxels)),
      ]
    }
    func mean(_ lists: [[JSONValue.Member]]) -> JSONValue {
      guard let first = lists.first else { return .object([]) }
      return .object(
        first.indices.map { index in
          let defined = lists.compactMap { $0[index].value.double }.filter { !$0.isNaN }
          let value = defined.isEmpty ? Double.nan : defined.reduce(0, +) / Double(defined.count)
          return .init(first[index].key, .number(value))
        })
    }
    let classes = metrics.classes.enumerated().map { index, item in
      (label: "\(item.label)", cases: metrics.measured.map { values($0.classes[index]) })
    }
    let means = classes.map { (label: $0.label, value: mean($0.cases)) }
    let members = means.compactMap { item -> [JSONValue.Member]? in
      if case .object(let members) = item.value { members } else { nil }
    }
    return .object([
      .init("foreground_mean", mean(members)),
      .init("mean", .object(means.map { .init($0.label, $0.value) })),
      .init(
        "metric_per_case",
        .array(
          metrics.measured.enumerated().map { index, item in
            .object([
              .init("metrics", .object(classes.map { .init($0.label, .object($0.cases[index])) })),
              .init("prediction_file", .string(folder.appendingPathComponent("\(item.name).nii.gz").path)),
              .init("reference_file", .string("\(item.name).nii.gz")),
            ])
          })),
    ])
  }
}

extension JSONValue {
  /// The plans with the U-Net that a recipe made in place of the planned one, by which nnU-Net builds its own.
  fileprivate func withArchitecture(of network: UNetConfiguration, in configuration: String) -> JSONValue {
    // What a configuration inherits stands in another.
    var owner = configuration
    while self["configurations"]?[owner]?["architecture"] == nil,
      let parent = self["configurations"]?[owner]?["inherits_from"]?.string, parent != owner
    {
      owner = parent
    }
    func pairs(_ values: [[Int]]) -> JSONValue { .array(values.map { JSONValue($0) }) }
    let arguments: [(String, JSONValue)] = [
      ("n_stages", .integer(network.stages)), ("features_per_stage", JSONValue(network.features)),
      ("kernel_sizes", pairs(network.kernels)), ("strides", pairs(network.strides)),
      ("n_conv_per_stage", JSONValue(network.convolutions)),
      ("n_conv_per_stage_decoder", JSONValue(network.decoderConvolutions)),
    ]
    let planned = self["configurations"]?[owner]?["architecture"] ?? .object([])
    let changed = arguments.reduce(planned["arch_kwargs"] ?? .object([])) { $0.setting($1.0, $1.1) }
    let own = self["configurations"]?[configuration] ?? .object([])
    let architecture = planned.setting("arch_kwargs", changed)
    let configurations = (self["configurations"] ?? .object([])).setting(
      configuration, own.setting("architecture", architecture))
    return setting("configurations", configurations)
  }

  /// An object with another value at a key, in the key's place or at the end.
  private func setting(_ key: String, _ value: JSONValue) -> JSONValue {
    guard case .object(var members) = self else { return .object([.init(key, value)]) }
    if let place = members.firstIndex(where: { $0.key == key }) {
      members[place].value = value
    } else {
      members.append(.init(key, value))
    }
    return .object(members)
  }
}
