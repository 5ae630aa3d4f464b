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

  /// Weights start with the deviation 1 / √inputs. At the published widths that is about the 0.02 of DINO's code; where a head
  /// is narrow, 0.02 would leave the output so small that the first steps' biases outweigh the image.
  /// - Parameters:
  ///   - name: what the parameters' names begin with.
  ///   - width: of the tokens that come in.
  public init(_ configuration: Configuration, name: String, width: Int, _ initializer: Initializer) {
    let widths = [width, configuration.hiddenWidth, configuration.hiddenWidth, configuration.bottleneckWidth]
    func matrix(_ layer: String, _ outputs: Int, _ inputs: Int) -> Parameter {
      initializer.normal("\(name).\(layer).weight", [outputs, inputs], deviation: (1 / Double(inputs)).squareRoot())
    }
    layers = (1...3).map { index in
      (
        matrix("mlp\(index)", widths[index], widths[index - 1]),
        initializer.constant("\(name).mlp\(index).bias", [widths[index]], 0)
      )
    }
    prototypes = matrix("prototypes", configuration.prototypes, configuration.bottleneckWidth)
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
