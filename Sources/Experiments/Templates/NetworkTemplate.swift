import Foundation
import Recipes

extension Template {
  /// A network that trains: `Sources/Experiments/Networks/<Name>.swift`, with its keys, its construction and its forward pass.
  /// - Parameter name: the value of `network.kind`, such as `dilated`.
  /// - Throws: `TemplateError`.
  public static func network(_ name: String, in workspace: Workspace, library: RecipeLibrary) throws -> Template {
    try requireName(name, "segbench new network NAME", ", the first a letter, such as dilated")
    let (key, type) = (name.replacing("-", with: "_"), typeName(name))
    guard name.first!.isLetter else {
      throw TemplateError("segbench new network NAME: a name begins with a letter, such as dilated, not \"\(name)\"")
    }
    let sources = workspace.root.appendingPathComponent("Sources")
    let folder = "Sources/Experiments/Networks"
    guard FileManager.default.fileExists(atPath: workspace.root.appendingPathComponent(folder).path) else {
      throw TemplateError(
        "there is no \(folder) in \(workspace.root.path): a network is a file of the program itself, so that this needs a "
          + "checkout of the repository")
    }
    let keys = library.reference.map(\.key).filter { $0.hasPrefix("network.") }
    guard !(NetworkRegistry.kinds.map { $0.name } + [BareEncoder.name]).contains(name) else {
      throw TemplateError("`network.kind: \(name)` is there already; choose another name")
    }
    guard !keys.contains("network.\(key)") else {
      throw TemplateError("`network.\(key)` is another network's key; choose another name")
    }
    let names = ["\(type)Settings", "\(type)Network"]
    let files = (FileManager.default.enumerator(atPath: sources.path)?.allObjects ?? []).compactMap { $0 as? String }
    for path in files.sorted() where path.hasSuffix(".swift") {
      // Files of one target have different names.
      guard !path.hasPrefix("Experiments/") || !path.hasSuffix("/\(type).swift") else {
        throw TemplateError("Sources/\(path) is there already; choose another name")
      }
      let text = (try? String(contentsOf: sources.appendingPathComponent(path), encoding: .utf8)) ?? ""
      for match in text.matches(of: #/\b(?:struct|class|enum|protocol|actor|typealias) (\w+)/#)
      where names.contains(String(match.1)) {
        throw TemplateError("Sources/\(path) declares the type \(match.1) already; choose another name")
      }
    }
    return Template(
      files: [("\(folder)/\(type).swift", networkText(name: name, key: key, type: type))],
      next: [
        "add the line `    \(type)Settings.self,` to NetworkRegistry.kinds in \(folder)/TrainableNetwork.swift",
        "make build",
        "name it in a recipe: `network: {kind: \(name), \(key): {width: 16, depth: 5}}` (Docs/adding-a-baseline.md)",
      ])
  }

  /// `dino-u-net` as `DinoUNet`.
  private static func typeName(_ name: String) -> String {
    name.split(separator: "-").map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
  }

  private static func networkText(name: String, key: String, type: String) -> String {
    """
    import Files
    import Networks
    import Recipes
    import Tensors

    /// `network.kind: \(name)`: 3 x 3 convolutions at full resolution, each reaching twice as far as the one before.
    public struct \(type)Settings: TrainableNetwork {
      public static let name = "\(name)"

      @Key("\(key)", "the convolutions") private var own: Convolutions

      private struct Convolutions: RecipeSection {
        @Key("width", 1...1024, "channels of every convolution") var width: Int
        @Key("depth", 1...8, "convolutions") var depth: Int
      }

      public static let weightLayouts: [Recipes.WeightLayout] = [.segbench]

      public init() {}

      public func build(_ request: NetworkRequest) throws -> any SegmentationNetwork {
        let network = \(type)Network(
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
    final class \(type)Network: SegmentationNetwork {
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
              "\\(index).weight", [outputs, inputs, side, side],
              deviation: (2 / Double(inputs * side * side)).squareRoot()))
          parameters.append(initializer.constant("\\(index).bias", [outputs], 0))
        }
        for index in 0..<depth {
          parameters.append(initializer.constant("\\(index).norm.weight", [width], 1))
          parameters.append(initializer.constant("\\(index).norm.bias", [width], 0))
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

    """
  }
}
