import Files
import Foundation
import Tensors

/// Whose names a file of weights is written with.
public enum WeightNaming: String, Sendable, CaseIterable {
  /// The names that the file has.
  case keep
  case segbench, dinov3
  case huggingFace = "hugging-face"
  case medDINOv3 = "meddinov3"
  /// A whole network as MedDINOv3's published trainers have it.
  case primus
  case dinoUNet = "dino-u-net"
}

/// A network read from a file of weights.
public enum StoredNetwork {
  case encoder(VisionTransformer)
  case primus(PrimusNetwork)
  case dinoUNet(DINOUNet)
}

extension EncoderFile {
  private static let publishedEncoder = "dino_encoder."
  private static let ownEncoder = "encoder."

  /// Loads the whole network: the encoder, and what is built on it if that is Primus or a DINO U-Net.
  /// - Throws: `WeightFileError`.
  public func loadNetwork() throws -> StoredNetwork {
    if let network = try loadDINOUNet() { return .dinoUNet(network) }
    let name = layout == .segbench ? Self.ownEncoder : Self.publishedEncoder
    guard layout == .segbench || layout == .dinov3, prefix.hasSuffix(name) else { return .encoder(try load()) }
    let outer = String(prefix.dropLast(name.count))
    let steps = configuration.patch.trailingZeroBitCount
    let (first, head) =
      layout == .segbench
      ? ("decoder.steps.0.upsample.weight", "decoder.head.weight")
      : ("up_projection.decode.0.0.weight", "up_projection.decode.\(steps).weight")
    guard let inputs = file.tensors[outer + first]?.shape.first else { return .encoder(try load()) }
    func refuse(_ problem: String) -> WeightFileError { .unreadable(path: file.path, problem: problem) }
    guard let classes = file.tensors[outer + head]?.shape.first, classes > 0 else {
      throw refuse("its Primus decoder has no \"\(outer + head)\"")
    }
    let (width, patch) = (configuration.width, configuration.patch)
    let count = inputs / width
    guard inputs % width == 0, (1...configuration.depth).contains(count), patch >= 2, patch & (patch - 1) == 0,
      inputs % patch == 0
    else {
      throw refuse("its Primus decoder takes \(inputs) channels, which its encoder of width \(width) cannot give")
    }
    // Which blocks the decoder sees, the weights don't tell; how many is all that their shapes depend on.
    let network = PrimusNetwork(
      configuration, blocks: Array((configuration.depth - count)..<configuration.depth), classes: classes, .zeros)
    let mapping = layout == .segbench ? WeightMapping.own(network.parameters) : .primus(network)
    try mapping.below(outer).load(file, into: network.parameters)
    return .primus(network)
  }
}

extension EncoderFile {
  /// The DINO U-Net around the encoder; nil where there is none.
  private func loadDINOUNet() throws -> DINOUNet? {
    let name = layout == .segbench ? Self.ownEncoder : DINOUNetKeys.backbone
    guard layout == .segbench || layout == .dinov3, prefix.hasSuffix(name) else { return nil }
    let outer = String(prefix.dropLast(name.count))
    func shape(_ parameter: String) -> [Int]? {
      let key = layout == .segbench ? parameter : DINOUNetKeys.published(parameter)[0]
      return file.tensors[outer + key]?.shape
    }
    guard shape("adapter.levels") != nil else { return nil }
    guard let dinoUNet = DINOUNetConfiguration(encoder: configuration, shape: shape),
      let classes = shape("decoder.classifier.bias")?.first, (1...65536).contains(classes)
    else {
      throw WeightFileError.unreadable(
        path: file.path, problem: "what it has around its encoder is no whole DINO U-Net")
    }
    let network = DINOUNet(dinoUNet, classes: classes, .zeros)
    let mapping = layout == .segbench ? WeightMapping.own(network.parameters) : .dinoUNet(network)
    try mapping.below(outer).load(file, into: network.parameters)
    return network
  }
}

/// Rewrites files of weights.
public enum WeightConversion {
  /// The arrays and texts of a file under other names.
  public struct Result {
    public var tensors: [String: StoredTensor]
    public var metadata: [String: String]
    /// What the user should know, each one sentence.
    public var notes: [String] = []
  }

  /// - Parameters:
  ///   - naming: nil for `segbench` where the file holds a network that is known here, else `keep`.
  ///   - model: which of a self-distillation's networks is meant (`EncoderFile`).
  /// - Throws: `WeightFileError`.
  public static func convert(_ file: WeightFile, to naming: WeightNaming? = nil, model: EncoderModel? = nil)
    throws -> Result
  {
    if naming == .keep { return Result(tensors: file.tensors, metadata: file.scalars) }
    let found: EncoderFile
    do {
      found = try EncoderFile(file, model: model)
    } catch let error as WeightFileError where naming == nil && model == nil {
      return Result(
        tensors: file.tensors, metadata: file.scalars,
        notes: ["The names are kept, since the network is not one of those known here: \(error.description)"])
    }
    switch (try found.loadNetwork(), naming ?? .segbench) {
    case (.primus(let network), .segbench):
      return result(.own(network.parameters), network.parameters, network.weightMetadata)
    case (.primus(let network), .primus):
      return result(.primus(network), network.parameters, network.weightMetadata)
    case (.dinoUNet(let network), .segbench):
      return result(.own(network.parameters), network.parameters, network.encoder.configuration.metadata)
    case (.dinoUNet(let network), .dinoUNet):
      return result(.dinoUNet(network), network.parameters, network.encoder.configuration.metadata)
    case (let found, let naming) where naming == .primus || naming == .dinoUNet:
      let held =
        switch found {
        case .encoder: "an encoder alone"
        case .primus: "MedDINOv3's Primus"
        case .dinoUNet: "a DINO U-Net"
        }
      throw WeightFileError.unreadable(
        path: file.path, problem: "it holds \(held), and \(naming.rawValue)'s names are those of another whole network")
    case (.encoder(let encoder), let naming): return self.encoder(encoder, naming)
    case (.primus(let network), let naming): return encoderAlone(network.encoder, naming)
    case (.dinoUNet(let network), let naming): return encoderAlone(network.encoder, naming)
    }
  }

  private static func encoderAlone(_ encoder: VisionTransformer, _ naming: WeightNaming) -> Result {
    var result = self.encoder(encoder, naming)
    result.notes.append("The decoder is left out: \(naming.rawValue)'s names are those of an encoder alone.")
    return result
  }

  private static func encoder(_ encoder: VisionTransformer, _ naming: WeightNaming) -> Result {
    guard let layout = WeightLayout(rawValue: naming.rawValue) else {
      preconditionFailure("\(naming) names no encoder")
    }
    return result(layout.mapping(for: encoder), encoder.parameters, encoder.configuration.metadata)
  }

  private static func result(
    _ mapping: WeightMapping, _ parameters: [Parameter], _ metadata: [String: String]
  ) -> Result {
    Result(tensors: mapping.arrays(of: parameters), metadata: metadata)
  }
}
