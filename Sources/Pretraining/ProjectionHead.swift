import Networks
import Tensors

/// DINO's projection head: three linear layers with GELU between them, then the cosines between their output and learned
/// prototypes (Caron et al., "Emerging properties in self-supervised vision transformers", ICCV 2021).
public final class ProjectionHead {
  /// The sizes of a head's layers.
  public struct Configuration: Sendable, Equatable {
    public var hiddenWidth: Int
    public var bottleneckWidth: Int
    public var prototypes: Int

    public init(hiddenWidth: Int = 2048, bottleneckWidth: Int = 256, prototypes: Int = 65536) {
      self.hiddenWidth = hiddenWidth
      self.bottleneckWidth = bottleneckWidth
      self.prototypes = prototypes
    }
  }

  public let parameters: [Parameter]
  /// `[prototypes, bottleneck]`; a row's direction alone counts.
  public let prototypes: Parameter
  private let layers: [(weight: Parameter, bias: Parameter)]

  /// - Parameters:
  ///   - name: what the parameters' names begin with.
  ///   - width: of the tokens that come in.
  public init(_ configuration: Configuration, name: String, width: Int, _ initializer: Initializer) {
    let widths = [width, configuration.hiddenWidth, configuration.hiddenWidth, configuration.bottleneckWidth]
    layers = (1...3).map { index in
      (
        initializer.normal("\(name).mlp\(index).weight", [widths[index], widths[index - 1]], deviation: 0.02),
        initializer.constant("\(name).mlp\(index).bias", [widths[index]], 0)
      )
    }
    prototypes = initializer.normal(
      "\(name).prototypes.weight", [configuration.prototypes, configuration.bottleneckWidth], deviation: 0.02)
    parameters = layers.flatMap { [$0.weight, $0.bias] } + [prototypes]
  }

  /// Tokens `[R, width]` → logits `[R, prototypes]` in [-1, 1].
  public func callAsFunction(_ tokens: Tensor) -> Tensor {
    var x = tokens
    for (index, layer) in layers.enumerated() {
      x = linear(x, weight: layer.weight.value, bias: layer.bias.value)
      if index < 2 { x = x.activated(.gelu) }
    }
    return linear(x.normalized(), weight: prototypes.value.normalized())
  }
}
