import Files
import Networks
import Recipes

/// `network.kind: segformer`: a mix transformer and a decoder of linear maps.
public struct SegFormerSettings: TrainableNetwork {
  public static let name = "segformer"

  private static let four = Shape.list(of: .integer(1...65536), count: 4...4)

  public static let fields = [
    Field(
      "stages",
      .section(
        Section([
          Field("widths", four, "channels of a token in each of the four stages"),
          Field("depths", four, "blocks of each stage"),
          Field("heads", four, "attention heads of each stage"),
          Field("reductions", four, "side of the windows of tokens that become one key"),
        ])), "the encoder's four stages"),
    Field("decoder_width", .integer(1...65536), "channels at which the decoder joins the stages"),
    Field("input_channels", .integer(1...16), "channels of the first embedding; a single image channel is repeated"),
    Field(
      "mix_skip", .boolean, "whether feed-forward networks add the depthwise convolution's input and normalise the sum"),
    Field(
      "enlargement", .choice(SegFormerConfiguration.Enlargement.self),
      "how logits at a quarter of the resolution become whole"),
    Field("drop_path", .number(.from(0, below: 1)), "rate of stochastic depth at the last block, rising from 0"),
    Field("dropout", .number(.from(0, below: 1)), "rate at which the decoder drops whole channels"),
    Field("initial_values", .choice(["xavier", "normal"]), "how weights are drawn: Glorot's, or N(0, 0.02²)"),
  ]

  public let form: SegFormerConfiguration

  public init(_ network: SectionReader) throws {
    let stages = network.section("stages")
    form = SegFormerConfiguration(
      widths: stages.integers("widths"), depths: stages.integers("depths"), heads: stages.integers("heads"),
      reductions: stages.integers("reductions"), decoderWidth: network.integer("decoder_width"),
      channels: network.integer("input_channels"), skipsMixing: network.boolean("mix_skip"),
      enlargement: network.choice("enlargement", SegFormerConfiguration.Enlargement.self),
      dropPath: network.number("drop_path"), dropout: network.number("dropout"),
      weights: network.text("initial_values") == "xavier" ? .xavier : .normal(deviation: 0.02))
    for (width, heads) in zip(form.widths, form.heads) where width % heads != 0 {
      throw stages.contradiction("heads", "has \(heads) heads for a width of \(width), which they do not divide")
    }
  }

  public var patchMultiple: (size: Int, reason: String)? { (4, "SegFormer's first stride of 4") }

  public func build(_ request: NetworkRequest) throws -> any SegmentationNetwork {
    // Every stage's tokens must fill one window of those that become a key.
    let least = (0..<4).map { form.reductions[$0] << ($0 + 2) }.max()!
    guard request.plan.patchSize.allSatisfy({ $0 >= least }) else {
      throw SegFormerPatchMismatch(
        configuration: request.plan.name, patch: request.plan.patchSize, least: least)
    }
    return SegFormer(form, classes: request.classes, Initializer(seed: request.seed))
  }

  public func forwardOperations(height: Int, width: Int, classes: Int) -> Double? {
    let quarter = Double(height * width) / 16
    var sum = 0.0
    var inputs = Double(form.channels * 49)
    for stage in 0..<4 {
      let tokens = quarter / Double(1 << (2 * stage))
      let channels = Double(form.widths[stage])
      let keys = tokens / Double(form.reductions[stage] * form.reductions[stage])
      let attention = 2 * tokens * channels * channels + 2 * keys * channels * channels + 2 * tokens * keys * channels
      let reduction = form.reductions[stage] > 1 ? tokens * channels * channels : 0
      let feedForward = tokens * channels * (8 * channels + 36)
      sum += tokens * inputs * channels + Double(form.depths[stage]) * (attention + reduction + feedForward)
      sum += tokens * Double(form.decoderWidth) * (channels + Double(form.decoderWidth))
      inputs = channels * 9
    }
    let enlargement = form.enlargement == .learned ? Double(16 * classes * classes) : 0
    return sum + quarter * (Double(form.decoderWidth * classes) + enlargement)
  }
}

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
