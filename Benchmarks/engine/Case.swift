import Files
import Foundation
import Networks
import Tensors
import Training

/// One case of the comparison: a network with a peer's weights, a batch, and how a step changes the weights.
///
/// To add a case, write a function that makes one of these from the peer's file, and give it a name in `cases`.
final class Case {
  private let network: any SegmentationNetwork
  private let images: Tensor
  private let labels: Tensor
  private let loss = SegmentationLoss()
  private let update: (Gradients) -> Void

  /// - Parameters:
  ///   - network: its parameters' values are replaced by the file's, of the same names; it drops nothing in training.
  ///   - file: besides the weights `batch.images` `[N, C, H, W]` and `batch.labels` `[N, H, W]`, as floats.
  ///   - update: what a step does with the gradients by the parameters it is given here.
  convenience init(
    _ network: any SegmentationNetwork, _ file: PeerFile, update: ([Parameter]) -> (Gradients) -> Void
  ) throws {
    let truth = try file.tensor("batch.labels")
    for parameter in network.parameters { parameter.set(try file.tensor(parameter.name, shape: parameter.shape)) }
    self.init(
      network, images: try file.tensor("batch.images"),
      labels: Tensor(truth.values(as: Float.self).map { Int32($0) }, shape: truth.shape), update: update)
  }

  /// - Parameters:
  ///   - images: `[N, C, H, W]`.
  ///   - labels: `[N, H, W]`.
  init(
    _ network: any SegmentationNetwork, images: Tensor, labels: Tensor,
    update: ([Parameter]) -> (Gradients) -> Void
  ) {
    self.network = network
    self.images = images
    self.labels = labels
    self.update = update(network.parameters.filter(\.isTrainable))
  }

  /// One step of training; the loss before it.
  func train() -> Double {
    let (loss, gradients) = Tape.gradients {
      self.loss(outputs: network.logits(images, .training(seed: 0, epoch: 0, step: 0)), labels: labels)
    }
    update(gradients)
    return loss.scalarValue
  }

  /// The mean of the finest logits.
  func predict() -> Double { network.logits(images, .evaluation)[0].mean().scalarValue }
}

/// The weights and the batch that a peer wrote.
struct PeerFile {
  private let file: WeightFile

  init(_ path: String) throws { file = try WeightFile(contentsOf: URL(fileURLWithPath: path)) }

  var names: Dictionary<String, StoredTensor>.Keys { file.tensors.keys }

  /// - Parameter shape: the shape it must have.
  func tensor(_ name: String, shape: [Int]? = nil) throws -> Tensor {
    guard let stored = file.tensors[name], let values = stored.floats() else {
      throw PeerFileError(path: file.path, problem: "has no tensor \(name)")
    }
    if let shape, shape != stored.shape {
      throw PeerFileError(path: file.path, problem: "has \(name) of the shape \(stored.shape), not \(shape)")
    }
    return Tensor(values, shape: stored.shape)
  }
}

struct PeerFileError: Error, CustomStringConvertible {
  let path: String
  let problem: String
  var description: String { "\(path) \(problem)." }
}
