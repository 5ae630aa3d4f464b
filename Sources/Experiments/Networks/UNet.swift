import Datasets
import Files
import Networks
import Recipes

/// `network.kind: unet`: nnU-Net's plain convolutional U-Net with the topology of the dataset's plan, but for what the
/// recipe says otherwise.
public struct UNetSettings: TrainableNetwork {
  public static let name = "unet"

  @Key("unet", "what differs from the plan's U-Net") private var keys: Difference

  private struct Difference: RecipeSection {
    @Key("deep_supervision", "whether coarser stages are compared with the labels too") var deepSupervision: Bool
    @Key("stages", 2...16, "the plan's first so many stages, the finest among them, in place of all")
    var stages: Int?
    @Key(
      "features", .list(2...16, of: 1...8192),
      "the width of each stage, the finest first, in place of the plan's; a plan of fewer stages takes the first")
    var features: [Int]?
    @Key("convolutions_per_stage", 1...64, "convolutions of each stage in place of the plan's numbers")
    var convolutionsPerStage: Int?
  }

  public static let weightLayouts: [Recipes.WeightLayout] = [.segbench, .nnUNet]

  public init() {}

  public var deepSupervision: Bool { keys.deepSupervision }
  public var stages: Int? { keys.stages }
  public var features: [Int]? { keys.features }
  public var convolutionsPerStage: Int? { keys.convolutionsPerStage }

  public func check(_ network: SectionReader) throws {
    if let stages, let features, stages != features.count {
      throw network.contradiction("unet.features", "gives \(features.count) widths, but `stages` is \(stages)")
    }
  }

  public func build(_ request: NetworkRequest) throws -> any SegmentationNetwork {
    let network = UNet(try configuration(request), classes: request.classes, Initializer(seed: request.seed))
    guard let weights = request.weights else { return network }
    let file = try WeightFile(contentsOf: weights.url, hdf5: weights.hdf5).unwrapped
    switch weights.layout {
    case .nnUNet:
      // A checkpoint keeps the network below a name ("network_weights."); the expanding half names the contracting one again.
      let prefixes = file.tensors.keys.filter { $0.hasSuffix(Self.firstKey) }.map { $0.dropLast(Self.firstKey.count) }
      let prefix =
        prefixes.filter { $0.contains("network_weights.") }.min { $0.count < $1.count }
        ?? prefixes.min { $0.count < $1.count } ?? ""
      try WeightMapping.nnUNet(network, prefix: String(prefix)).load(file, into: network.parameters)
    default: try WeightMapping.own(network.parameters).load(file, into: network.parameters)
    }
    return network
  }

  /// A key that every U-Net of nnU-Net's has.
  private static let firstKey = "encoder.stages.0.0.convs.0.conv.weight"

  private func configuration(_ request: NetworkRequest) throws -> UNetConfiguration {
    guard let plan = request.plan.network else { throw UnsuitablePlan(request.plan.name, "describes another network") }
    let planned = plan.featuresPerStage.count
    guard stages ?? 0 <= planned else {
      throw UnsuitablePlan(
        request.plan.name,
        "has \(planned) stages for this dataset's images, fewer than the \(stages!) of `network.unet.stages`; set that to "
          + "\(planned) or leave it out")
    }
    let stages = min(stages ?? features?.count ?? planned, planned)
    func first(_ numbers: [Int]) -> [Int] {
      convolutionsPerStage.map { Array(repeating: $0, count: stages) } ?? Array(numbers.prefix(stages))
    }
    // The plan lists the decoder's stages from the coarsest on.
    let decoder = convolutionsPerStage.map { Array(repeating: $0, count: stages - 1) }
    let configuration = UNetConfiguration(
      channels: request.channels, features: Array((features ?? plan.featuresPerStage).prefix(stages)),
      kernels: Array(plan.kernelSizes.prefix(stages)), strides: Array(plan.strides.prefix(stages)),
      convolutions: first(plan.convolutionsPerStage),
      decoderConvolutions: decoder ?? plan.convolutionsPerDecoderStage.suffix(stages - 1),
      deepSupervision: deepSupervision)
    if let problem = configuration.problem {
      throw UnsuitablePlan(
        request.plan.name,
        "describes a U-Net of \(problem); `plan.configuration: 2d_N` gives it a patch of N x N pixels")
    }
    return configuration
  }

  /// Only the plan tells the topology.
  public func forwardOperations(height: Int, width: Int, classes: Int) -> Double? { nil }
}

/// A plan from which the recipe's network cannot be built.
struct UnsuitablePlan: InputError {
  let description: String

  init(_ configuration: String, _ problem: String) {
    description =
      "the plan's configuration \(configuration) \(problem); `network.kind: unet` takes its topology from it"
  }
}
