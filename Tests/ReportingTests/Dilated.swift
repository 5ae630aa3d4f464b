import Experiments
import Files
import Networks
import Recipes
import Tensors

/// `network.kind: dilated`: 3 x 3 convolutions at full resolution, each reaching twice as far as the one before.
public struct DilatedSettings: TrainableNetwork {
  public static let name = "dilated"

  @Key("dilated", "the convolutions") private var own: Convolutions

  private struct Convolutions: RecipeSection {
    @Key("width", 1...1024, "channels of every convolution") var width: Int
    @Key("depth", 1...8, "convolutions") var depth: Int
  }

  public static let weightLayouts: [Recipes.WeightLayout] = [.segbench]

  public init() {}

  public func build(_ request: NetworkRequest) throws -> any SegmentationNetwork {
    let network = DilatedNetwork(
      channels: request.channels, width: own.width, depth: own.depth, classes: request.classes,
      Initializer(seed: request.seed))
    if let weights = request.weights {
      try WeightMapping.own(network.parameters).load(WeightFile(contentsOf: weights.url), into: network.parameters)
    }
    return network
  }

  /// For the estimate of `segbench status`; nil would do.
  public func forwardOperations(height: Int, width: Int, classes: Int) -> Double? {
    Double(height * width * own.width * (9 * own.width * (own.depth - 1) + classes))
  }
}

/// Convolutions with instance norm and leaky ReLU, then a 1 x 1 convolution to the classes' logits.
final class DilatedNetwork: SegmentationNetwork {
  let parameters: [Parameter]
  private let depth: Int

  init(channels: Int, width: Int, depth: Int, classes: Int, _ initializer: Initializer) {
    self.depth = depth
    var parameters: [Parameter] = []
    for index in 0...depth {
      let (inputs, side) = (index == 0 ? channels : width, index == depth ? 1 : 3)
      let outputs = index == depth ? classes : width
      // A name draws its own random numbers: two parameters of one name would start equal.
      parameters.append(
        initializer.normal(
          "\(index).weight", [outputs, inputs, side, side],
          deviation: (2 / Double(inputs * side * side)).squareRoot()))
      parameters.append(initializer.constant("\(index).bias", [outputs], 0))
    }
    for index in 0..<depth {
      parameters.append(initializer.constant("\(index).norm.weight", [width], 1))
      parameters.append(initializer.constant("\(index).norm.bias", [width], 0))
    }
    self.parameters = parameters
  }

  var inputMultiple: (height: Int, width: Int) { (1, 1) }

  func logits(_ images: Tensor, _ context: ForwardContext) -> [Tensor] {
    var x = images
    for index in 0..<depth {
      let reach = 1 << index
      x = convolution(
        x, weight: parameters[2 * index].value, bias: parameters[2 * index + 1].value,
        .init(padding: (reach, reach), dilation: (reach, reach)))
      let norm = 2 * (depth + 1) + 2 * index
      x = instanceNorm(
        x, weight: parameters[norm].value, bias: parameters[norm + 1].value, epsilon: 1e-5, slope: 0.01)
    }
    return [convolution(x, weight: parameters[2 * depth].value, bias: parameters[2 * depth + 1].value)]
  }
}
