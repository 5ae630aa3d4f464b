import Tensors

/// What a plain convolutional U-Net is built from.
public struct UNetConfiguration: Sendable, Equatable {
  /// The images' channels.
  public var channels: Int
  /// The width of every stage, the finest first.
  public var features: [Int]
  /// Height and width of every stage's kernels, odd.
  public var kernels: [[Int]]
  /// By what every stage's first convolution reduces height and width.
  public var strides: [[Int]]
  /// Convolutions of every stage on the way down, and of all but the coarsest on the way up.
  public var convolutions: [Int]
  public var decoderConvolutions: [Int]
  /// Whether every stage on the way up has an output, or the finest alone.
  public var deepSupervision: Bool

  public init(
    channels: Int, features: [Int], kernels: [[Int]], strides: [[Int]], convolutions: [Int],
    decoderConvolutions: [Int], deepSupervision: Bool
  ) {
    self.channels = channels
    self.features = features
    self.kernels = kernels
    self.strides = strides
    self.convolutions = convolutions
    self.decoderConvolutions = decoderConvolutions
    self.deepSupervision = deepSupervision
  }

  public var stages: Int { features.count }

  /// What does not go together; nil when all does.
  public var problem: String? {
    if stages < 2 { return "\(stages) stages, but there must be two at least" }
    if kernels.count != stages || strides.count != stages || convolutions.count != stages
      || decoderConvolutions.count != stages - 1
    {
      return "kernels, strides or convolutions that are not as many as the \(stages) stages"
    }
    if (kernels + strides).contains(where: { $0.count != 2 || $0.contains { $0 < 1 } }) {
      return "kernels or strides that are not pairs of positive numbers"
    }
    if let kernel = kernels.first(where: { $0.contains { $0 % 2 == 0 } }) {
      return "a kernel of \(kernel[0]) x \(kernel[1]), but only odd ones keep an image's size"
    }
    if channels < 1 || (features + convolutions + decoderConvolutions).contains(where: { $0 < 1 }) {
      return "a width or a number of convolutions below 1"
    }
    return nil
  }
}

/// nnU-Net's plain convolutional U-Net (Isensee et al. 2021, after Ronneberger et al. 2015) in two dimensions.
///
/// Every convolution has a bias and is followed by instance norm and leaky ReLU. On the way down a stage's first
/// convolution has its stride; on the way up a transposed convolution whose kernel is the stride enlarges the coarser
/// stage's result, the finer stage's skip connection is joined behind it, and convolutions follow. A 1 x 1 convolution
/// maps a stage's features to the classes.
///
/// Images lie with their channels last, from the first convolution to the logits.
public final class UNet: SegmentationNetwork {
  public let configuration: UNetConfiguration
  public let classes: Int

  private let contracting: [[ConvolutionBlock]]
  /// The coarsest first.
  private let expanding: [DecoderStage]

  /// A stage on the way up.
  private struct DecoderStage: Module {
    let upsample: TransposedConvolutionBlock
    let blocks: [ConvolutionBlock]
    /// `[classes, finer, 1, 1]`
    let headWeight: Parameter
    let headBias: Parameter

    func callAsFunction(_ x: Tensor, skip: Tensor) -> Tensor {
      blocks.reduce(concatenate([upsample(x), skip], axis: 3)) { $1($0) }
    }

    func logits(_ x: Tensor) -> Tensor {
      convolution(x, weight: headWeight.value, bias: headBias.value, .init(layout: .channelsLast))
        .permuted([0, 3, 1, 2])
    }
  }

  /// - Parameter classes: background included.
  public init(_ configuration: UNetConfiguration, classes: Int, _ initializer: Initializer) {
    if let problem = configuration.problem { preconditionFailure("a U-Net cannot have \(problem)") }
    self.configuration = configuration
    self.classes = classes
    let stages = configuration.stages
    func blocks(_ name: String, _ inputs: Int, stage: Int, stride: [Int], count: Int) -> [ConvolutionBlock] {
      (0..<count).map { index in
        ConvolutionBlock(
          "\(name).\(index)", inputs: index == 0 ? inputs : configuration.features[stage],
          outputs: configuration.features[stage], kernel: configuration.kernels[stage],
          stride: index == 0 ? stride : [1, 1], initializer)
      }
    }
    contracting = (0..<stages).map { stage in
      blocks(
        "contracting.\(stage)", stage == 0 ? configuration.channels : configuration.features[stage - 1], stage: stage,
        stride: configuration.strides[stage], count: configuration.convolutions[stage])
    }
    expanding = (0..<(stages - 1)).map { index in
      let stage = stages - 2 - index
      let (coarser, finer) = (configuration.features[stage + 1], configuration.features[stage])
      let name = "expanding.\(stage)"
      return DecoderStage(
        upsample: TransposedConvolutionBlock(
          "\(name).upsample", inputs: coarser, outputs: finer, stride: configuration.strides[stage + 1],
          initializer),
        blocks: blocks(
          name, 2 * finer, stage: stage, stride: [1, 1], count: configuration.decoderConvolutions[index]),
        headWeight: initializer.he(
          "\(name).head.weight", [classes, finer, 1, 1], fanIn: finer, slope: ConvolutionBlock.slope),
        headBias: initializer.bias("\(name).head.bias", [classes]))
    }
  }

  public var inputMultiple: (height: Int, width: Int) {
    (
      configuration.strides.reduce(1) { $0 * $1[0] }, configuration.strides.reduce(1) { $0 * $1[1] }
    )
  }

  public func logits(_ images: Tensor, _ context: ForwardContext) -> [Tensor] {
    var skips: [Tensor] = []
    for stage in contracting {
      let before = skips.last ?? channelsLast(images)
      skips.append(Tape.recomputable { stage.reduce(before) { $1($0) } })
    }
    var x = skips.removeLast()
    var outputs: [Tensor] = []
    for step in expanding {
      let (before, skip) = (x, skips.removeLast())
      x = Tape.recomputable { step(before, skip: skip) }
      if configuration.deepSupervision || skips.isEmpty { outputs.append(step.logits(x)) }
    }
    return outputs.reversed()
  }
}

extension WeightMapping {
  /// A U-Net's weights under the names of nnU-Net's `PlainConvUNet`, whose modules name each convolution and norm twice and
  /// the contracting half once more as a part of the expanding one.
  /// - Parameter prefix: what all keys begin with; a checkpoint of nnU-Net's has them under `network_weights.`.
  public static func nnUNet(_ network: UNet, prefix: String = "") -> WeightMapping {
    let form = network.configuration
    var entries: [Entry] = []
    let shapes = Dictionary(uniqueKeysWithValues: network.parameters.map { ($0.name, $0.shape) })
    func add(_ key: String, _ parameter: String) {
      for kind in ["weight", "bias"] {
        let name = "\(parameter).\(kind)"
        entries.append(Entry(key: "\(prefix)\(key).\(kind)", shape: shapes[name]!, content: .parameter(name)))
      }
    }
    func addBlock(_ key: String, _ parameter: String) {
      add("\(key).conv", "\(parameter).convolution")
      add("\(key).all_modules.0", "\(parameter).convolution")
      add("\(key).norm", "\(parameter).norm")
      add("\(key).all_modules.1", "\(parameter).norm")
    }
    for stage in 0..<form.stages {
      for index in 0..<form.convolutions[stage] {
        for owner in ["encoder", "decoder.encoder"] {
          addBlock("\(owner).stages.\(stage).0.convs.\(index)", "contracting.\(stage).\(index)")
        }
      }
    }
    for step in 0..<(form.stages - 1) {
      let own = "expanding.\(form.stages - 2 - step)"
      add("decoder.transpconvs.\(step)", "\(own).upsample")
      add("decoder.seg_layers.\(step)", "\(own).head")
      for index in 0..<form.decoderConvolutions[step] {
        addBlock("decoder.stages.\(step).convs.\(index)", "\(own).\(index)")
      }
    }
    return WeightMapping(name: "nnu-net", entries: entries, scope: prefix)
  }
}
