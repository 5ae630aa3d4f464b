import Files
import Networks
import Recipes

/// `network.kind: segformer`: a mix transformer and a decoder of linear maps.
public struct SegFormerSettings: TrainableNetwork {
  public static let name = "segformer"

  @Key("stages", "the encoder's four stages") private var stages: Stages
  @Key("decoder_width", 1...65536, "channels at which the decoder joins the stages") private var decoderWidth: Int
  @Key("input_channels", 1...16, "channels of the first embedding; a single image channel is repeated")
  private var inputChannels: Int
  @Key(
    "mix_skip", "whether feed-forward networks add the depthwise convolution's input and normalise the sum")
  private var mixSkip: Bool
  @Key("upsampling", "how logits at a quarter of the resolution become whole")
  private var upsampling: SegFormerConfiguration.Upsampling
  @Key("drop_path", .from(0, below: 1), "rate of stochastic depth at the last block, rising from 0")
  private var dropPath: Double
  @Key("dropout", .from(0, below: 1), "rate at which the decoder drops whole channels") private var dropout: Double
  @Key("initial_values", "how weights are drawn: Glorot's, or N(0, 0.02²)") private var initialValues: InitialValues

  private struct Stages: RecipeSection {
    @Key("widths", .list(4, of: 1...65536), "channels of a token in each of the four stages") var widths: [Int]
    @Key("depths", .list(4, of: 1...65536), "blocks of each stage") var depths: [Int]
    @Key("heads", .list(4, of: 1...65536), "attention heads of each stage") var heads: [Int]
    @Key("reductions", .list(4, of: 1...65536), "side of the windows of tokens that become one key")
    var reductions: [Int]
  }

  private enum InitialValues: String, KeyChoice {
    case xavier, normal
  }

  public init() {}

  public var configuration: SegFormerConfiguration {
    SegFormerConfiguration(
      widths: stages.widths, depths: stages.depths, heads: stages.heads, reductions: stages.reductions,
      decoderWidth: decoderWidth, channels: inputChannels, skipsMixing: mixSkip, upsampling: upsampling,
      dropPath: dropPath, dropout: dropout, weights: initialValues == .xavier ? .xavier : .normal(deviation: 0.02))
  }

  public func check(_ network: SectionReader) throws {
    for (width, heads) in zip(stages.widths, stages.heads) where width % heads != 0 {
      throw network.contradiction(
        "stages.heads", "has \(heads) heads for a width of \(width), which they do not divide")
    }
  }

  public var patchMultiple: (size: Int, reason: String)? { (4, "SegFormer's first stride of 4") }

  public func build(_ request: NetworkRequest) throws -> any SegmentationNetwork {
    let configuration = configuration
    // Every stage's tokens must fill one window of those that become a key.
    let least = (0..<4).map { configuration.reductions[$0] << ($0 + 2) }.max()!
    guard request.plan.patchSize.allSatisfy({ $0 >= least }) else {
      throw SegFormerPatchMismatch(
        configuration: request.plan.name, patch: request.plan.patchSize, least: least)
    }
    return SegFormer(configuration, classes: request.classes, Initializer(seed: request.seed))
  }

  public func forwardOperations(height: Int, width: Int, classes: Int) -> Double? {
    let configuration = configuration
    let quarter = Double(height * width) / 16
    var sum = 0.0
    var inputs = Double(configuration.channels * 49)
    for stage in 0..<4 {
      let tokens = quarter / Double(1 << (2 * stage))
      let channels = Double(configuration.widths[stage])
      let keys = tokens / Double(configuration.reductions[stage] * configuration.reductions[stage])
      let attention = 2 * tokens * channels * channels + 2 * keys * channels * channels + 2 * tokens * keys * channels
      let reduction = configuration.reductions[stage] > 1 ? tokens * channels * channels : 0
      let feedForward = tokens * channels * (8 * channels + 36)
      sum += tokens * inputs * channels + Double(configuration.depths[stage]) * (attention + reduction + feedForward)
      sum += tokens * Double(configuration.decoderWidth) * (channels + Double(configuration.decoderWidth))
      inputs = channels * 9
    }
    let upsampling = configuration.upsampling == .transposedConvolution ? Double(16 * classes * classes) : 0
    return sum + quarter * (Double(configuration.decoderWidth * classes) + upsampling)
  }
}

extension SegFormerConfiguration.Upsampling: KeyChoice {}

/// A plan's patch that has fewer tokens than become one key.
struct SegFormerPatchMismatch: InputError {
  let configuration: String
  let patch: [Int]
  let least: Int

  var description: String {
    "the patch of the plan's configuration \(configuration) is \(patch[0]) x \(patch[1]), but a SegFormer with these "
      + "`network.stages.reductions` needs \(least) at least; choose another `plan.configuration`, such as 2d_N"
  }
}
