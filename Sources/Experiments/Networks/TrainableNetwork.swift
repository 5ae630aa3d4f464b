import Datasets
import Files
import Foundation
import Networks
import Recipes

/// A kind of network that recipes can name and this program can build. A new one is a type that conforms to this, with its
/// keys and its construction in one file, and a line in `NetworkRegistry`.
public protocol TrainableNetwork: NetworkKind {
  /// The network with its parameters drawn from the seed, and the initial weights, if there are any, in their places.
  /// - Throws: `InputError`s about the weights or about a plan that does not suit.
  func build(_ request: NetworkRequest) throws -> any SegmentationNetwork

  /// Multiplications and additions of one image's forward pass; nil where only the plan tells.
  func forwardOperations(height: Int, width: Int, classes: Int) -> Double?

  /// What a training certainly holds in memory, from below; nothing, the default, where only the plan tells.
  func leastMemory(height: Int, width: Int) -> NetworkMemory
}

extension TrainableNetwork {
  public func leastMemory(height: Int, width: Int) -> NetworkMemory { NetworkMemory() }
}

/// What a network is built for.
public struct NetworkRequest {
  /// The images' channels.
  public let channels: Int
  /// Background included.
  public let classes: Int
  /// nnU-Net's plan for the dataset, with the patch and the topology of its own U-Net.
  public let plan: Plans.Configuration
  public let seed: UInt64
  public let weights: InitialWeightsFile?
}

/// The kinds of networks that there are.
public enum NetworkRegistry {
  public static let kinds: [any TrainableNetwork.Type] = [
    PrimusSettings.self,
    UNetSettings.self,
    SegFormerSettings.self,
    DINOUNetSettings.self,
  ]
}

extension RecipeLibrary {
  /// The recipes below `root`, which may name every network of `NetworkRegistry`.
  public init(root: URL) { self.init(root: root, networks: NetworkRegistry.kinds) }
}

extension NetworkSettings {
  var trainable: any TrainableNetwork {
    guard let kind = kind as? any TrainableNetwork else {
      preconditionFailure("\(type(of: kind)) came from a library without the registry's kinds")
    }
    return kind
  }

  /// Builds the network and checks that the plan's patch suits it.
  /// - Throws: `PatchMismatch`, and what the kind's `build` throws.
  func build(_ request: NetworkRequest) throws -> any SegmentationNetwork {
    let network = try trainable.build(request)
    let (patch, multiple) = (request.plan.patchSize, network.inputMultiple)
    guard patch[0] % multiple.height == 0, patch[1] % multiple.width == 0 else {
      throw PatchMismatch(
        network: name, configuration: request.plan.name, patch: patch, multiple: multiple)
    }
    return network
  }
}

/// A plan's patch that a network cannot take.
public struct PatchMismatch: InputError {
  let network: String
  let configuration: String
  let patch: [Int]
  let multiple: (height: Int, width: Int)

  public var description: String {
    "the patch of the plan's configuration \(configuration) is \(patch[0]) x \(patch[1]), but `network.kind: \(network)` "
      + "needs multiples of \(multiple.height) and \(multiple.width); choose another `plan.configuration`, such as 2d_N"
  }
}

/// A file of weights that a run starts from.
public struct InitialWeightsFile {
  public let url: URL
  public let layout: Recipes.WeightLayout
  /// Which of a self-distillation's networks, where the recipe says so.
  var model: EncoderModel?
  /// SHA-256 of the file.
  let digest: String
  /// Who reads it where it is HDF5.
  let hdf5: HDF5WeightReader
}
