import Networks
import Tensors

/// DINO's projection head: three linear layers with GELU between them, their output scaled to length 1, then a linear map
/// without bias to the prototypes' logits (Caron et al., "Emerging properties in self-supervised vision transformers", ICCV
/// 2021), whose rows DINOv2 and DINOv3 no longer hold to length 1.
public final class ProjectionHead: Module {
  /// The sizes of a head's layers.
  public struct Configuration: Sendable, Equatable {
    public var hiddenWidth: Int
    public var bottleneckWidth: Int
    public var prototypes: Int
    /// The standard deviation of all weights at the start, about 0.
    public var initialDeviation: Double

    public init(
      hiddenWidth: Int = 2048, bottleneckWidth: Int = 256, prototypes: Int = 65536, initialDeviation: Double = 0.02
    ) {
      self.hiddenWidth = hiddenWidth
      self.bottleneckWidth = bottleneckWidth
      self.prototypes = prototypes
      self.initialDeviation = initialDeviation
    }
  }

  public let configuration: Configuration
  private let layers: [Layer]
  /// `[prototypes, bottleneck]`
  public let prototypes: Parameter

  private struct Layer: Module {
    let weight: Parameter
    let bias: Parameter
  }

  /// - Parameters:
  ///   - name: what the parameters' names begin with.
  ///   - width: of the tokens that come in.
  public init(_ configuration: Configuration, name: String, width: Int, _ initializer: Initializer) {
    self.configuration = configuration
    let widths = [width, configuration.hiddenWidth, configuration.hiddenWidth, configuration.bottleneckWidth]
    func matrix(_ layer: String, _ outputs: Int, _ inputs: Int) -> Parameter {
      initializer.normal(
        "\(name).\(layer).weight", [outputs, inputs], deviation: configuration.initialDeviation)
    }
    layers = (1...3).map { index in
      Layer(
        weight: matrix("mlp\(index)", widths[index], widths[index - 1]),
        bias: initializer.bias("\(name).mlp\(index).bias", [widths[index]]))
    }
    prototypes = matrix("prototypes", configuration.prototypes, configuration.bottleneckWidth)
  }

  /// Tokens `[R, width]` → logits `[R, prototypes]`.
  public func callAsFunction(_ tokens: Tensor) -> Tensor { logits(bottleneck(tokens)) }

  /// Tokens `[R, width]` → `[R, bottleneck]`, each row of length 1.
  public func bottleneck(_ tokens: Tensor) -> Tensor {
    var x = tokens
    for (index, layer) in layers.enumerated() {
      x = linear(x, weight: layer.weight.value, bias: layer.bias.value)
      if index < 2 { x = x.activated(.gelu) }
    }
    return x.normalized()
  }

  /// What `bottleneck` gives → logits `[R, prototypes]`.
  public func logits(_ bottleneck: Tensor) -> Tensor { linear(bottleneck, weight: prototypes.value) }
}
