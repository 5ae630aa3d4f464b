import Datasets
import Files
import Foundation
import Imaging
import Networks
import Recipes

/// A finished segmentation run's folder, opened to predict new images.
public struct FinishedRun {
  private let settings: SegmentationRecipe
  private let plans: Plans
  private let description: DatasetDescription
  /// With the run's weights, on the device that was current when the run was opened.
  public let network: any SegmentationNetwork

  /// Finds a run by its folder or by the beginning of its identity.
  /// - Throws: `RunError` when there is no such run, or it has not finished, or is no segmentation.
  public static func folder(_ name: String, in workspace: Workspace) throws -> URL {
    let direct = URL(fileURLWithPath: name, isDirectory: true)
    if exists(direct.appendingPathComponent("run.h5")) { return direct }
    let names = try FolderListing.ifReadable(workspace.runs)?.names ?? []
    let found = names.filter { $0.hasPrefix(name) && !name.isEmpty }
    guard found.count == 1 else {
      throw found.isEmpty ? RunError.unknown(name, workspace.runs.path) : RunError.ambiguous(name, found)
    }
    let folder = workspace.runs.appendingPathComponent(found[0], isDirectory: true)
    guard exists(folder.appendingPathComponent("run.h5")) else { throw RunError.unfinished(folder.path) }
    return folder
  }

  /// Opens a finished run's folder.
  /// - Parameter hdf5: who reads its weights should they be HDF5.
  public init(folder: URL, library: RecipeLibrary, hdf5: HDF5WeightReader = .none) throws {
    try self.init(folder: folder, library: library, hdf5: hdf5, given: nil)
  }

  /// - Parameter given: the plan and the description of the dataset, in place of the folder's own, where those of another's
  ///   folder are not to be believed.
  init(
    folder: URL, library: RecipeLibrary, hdf5: HDF5WeightReader = .none,
    given: (plans: Plans, description: DatasetDescription)?
  ) throws {
    let record = try RunRecord.read(folder.appendingPathComponent("run.h5"))
    let recipe = try library.read(resolved: folder.appendingPathComponent("recipe.yaml"))
    guard let settings = recipe.recipe.segmentation else { throw RunError.notSegmentation(folder.path) }
    self.settings = settings
    let plansFile = folder.appendingPathComponent("nnUNetPlans.json")
    plans = try given?.plans ?? Plans(contentsOf: plansFile)
    let file = folder.appendingPathComponent("dataset.json")
    description =
      try given?.description
      ?? DatasetDescription(contentsOf: file).learning(settings.dataset.targets, path: file.path)
    let configuration = try plans.configuration(settings.plan.configuration.name)
    network = try settings.network.build(
      NetworkRequest(
        channels: description.channelNames.count, classes: description.outputCount, plan: configuration,
        seed: UInt64(clamping: record.description.seed), weights: nil))
    let weights = folder.appendingPathComponent("weights.safetensors")
    guard try Digest.sha256(ofFileAt: weights) == record.description.weightsDigest else {
      throw RunError.changedWeights(weights.path)
    }
    try WeightMapping.own(network.parameters).load(
      WeightFile(contentsOf: weights, hdf5: hdf5), into: network.parameters)
  }

  /// What the network sees, in its order.
  public var channelNames: [String] { description.channelNames }

  /// The plan's configuration that it was trained by, such as "2d".
  public var configurationName: String { settings.plan.configuration.name }

  /// Whether predictions are averaged over mirrored images.
  public var mirrors: Bool { settings.evaluation.mirroring }

  /// The fold that was left out.
  public var fold: Int { settings.evaluation.scoring.fold }

  /// The patch that it was trained on: height and width in voxels.
  public var patchSize: [Int] {
    get throws { try plans.configuration(settings.plan.configuration.name).patchSize }
  }

  /// Predicts a case's labels from a file for each of the channels, on the first one's grid.
  public func predict(channels images: [URL]) throws -> Volume<Int16> {
    precondition(images.count == channelNames.count, "a file for each channel")
    let scratch = try ScratchFolder()
    let preprocessor = try Preprocessor(
      plans: plans, configuration: settings.plan.configuration.name, description: description)
    let prepared = scratch.url.appendingPathComponent("case.h5")
    try preprocessor.prepare(RawDataset.Case(name: "case", images: images, label: nil), to: prepared)
    let predictor = CasePredictor(
      network: network, configuration: preprocessor.configuration, description: description,
      evaluation: settings.evaluation)
    return try withExtendedLifetime(scratch) {
      try predictor.predict(CaseFile(prepared), header: NIfTI.readHeader(images[0]))
    }
  }
}

/// What can be wrong with a run that was asked for.
public enum RunError: InputError {
  case unknown(String, String)
  case ambiguous(String, [String])
  case unfinished(String)
  case notSegmentation(String)
  case changedWeights(String)
  case nothingToRun(String)
  case nothingToProbe(String)
  case noPatches(String, Int)
  case precision(String)

  public var description: String {
    switch self {
    case .unknown(let name, let place): "there is no run \"\(name)\" in \(place), nor a run folder of that path"
    case .ambiguous(let name, let found):
      "\"\(name)\" begins \(found.count) runs' identities: \(found.joined(separator: ", "))"
    case .unfinished(let path): "\(path) has no run.h5: the run has not finished; segbench run goes on with it"
    case .notSegmentation(let path):
      "\(path) has no segmentation network: give a run or a recipe of the kind `segmentation`"
    case .changedWeights(let path): "\(path) is not the file that the run wrote (its SHA-256 differs from run.h5's)"
    case .nothingToRun(let path):
      "\(path) brings images together and trains nothing: segbench dataset curate \(path) does that"
    case .nothingToProbe(let path): "\(path) starts from random weights; a probe looks at what pretraining left"
    case .precision(let path):
      "\(path) asks for bf16, which the CPU engine has not: --device cuda (or torch) computes it, "
        + "--set training.precision=float32 does without"
    case .noPatches(let path, let side):
      "\(path) has no labelled patch of \(side) x \(side) pixels in its training cases' slices: a probe has nothing to fit"
    }
  }
}
