import Files
import Foundation
import Networks
import Random
import Tensors

/// A segmentation network as an ONNX model: `image` `[1, C, H, W]` as the network sees it (resampled and normalised), `logits`
/// `[1, classes, H, W]` at full resolution.
public enum ONNXModel {
  /// What stands in a model's way.
  public enum Failure: InputError {
    case unsupported([String])
    case tooLarge(bytes: Int)

    public var description: String {
      switch self {
      case .unsupported(let operations):
        "ONNX has no operator for \(operations.joined(separator: ", ")), which this network computes in evaluation"
      case .tooLarge(let bytes):
        "the network's weights take \(bytes >> 20) MiB, and an ONNX file holds less than 2 GiB"
      }
    }
  }

  /// Records one forward pass and gives the model's file.
  /// - Parameters:
  ///   - size: the image's height and width, which the model then asks for.
  ///   - channels: the image's channels.
  ///   - metadata: what a reader finds beside the graph.
  ///   - network: makes the network with its weights, on the device that is current when it is called.
  /// - Throws: `Failure`, and whatever `network` throws.
  public static func data(
    channels: Int, size: (height: Int, width: Int), name: String, metadata: [(key: String, value: String)],
    network: () throws -> any SegmentationNetwork
  ) throws -> Data {
    let tracer = ONNXTracer()
    let network = try Device(tracer) { try network() }
    let recorded = tracer.record(shape: [1, channels, size.height, size.width]) { image in
      network.logits(image, .evaluation)[0]
    }
    guard recorded.unsupported.isEmpty else { throw Failure.unsupported(Set(recorded.unsupported).sorted()) }
    guard recorded.graph.byteCount < (1 << 31) - (16 << 20) else {
      throw Failure.tooLarge(bytes: recorded.graph.byteCount)
    }
    return recorded.graph.model(
      name: name, input: recorded.input, output: recorded.output, metadata: metadata)
  }

  /// An image of standard normal noise and the logits that the engine gives for it, to compare with another runtime's.
  public static func sample(
    of network: any SegmentationNetwork, channels: Int, size: (height: Int, width: Int)
  ) -> (image: Tensor, logits: Tensor) {
    var random = CounterRandom(seed: 0, purpose: "sample of an ONNX model")
    let image = Tensor(shape: [1, channels, size.height, size.width], of: Float.self) { values in
      for index in values.indices { values[index] = Float(random.normal()) }
    }
    return (image, network.logits(image, .evaluation)[0])
  }
}
