import Files
import Datasets
import Evaluation
import Foundation
import Imaging
import Networks
import Recipes
import Tensors

/// Predicts prepared cases and brings the labels back to the images' own grids.
struct CasePredictor {
  let decision: LabelDecision
  private let predictor: SlidingWindowPredictor

  init(
    network: any SegmentationNetwork, configuration: Plans.Configuration, description: DatasetDescription,
    evaluation: EvaluationSettings
  ) {
    decision = LabelDecision(description)
    predictor = SlidingWindowPredictor(
      network: network,
      configuration: SlidingWindowConfiguration(
        tileHeight: configuration.patchSize[0], tileWidth: configuration.patchSize[1], step: evaluation.tileStep,
        mirrors: evaluation.mirroring, gaussian: evaluation.gaussian))
  }

  /// The label map of a prepared case, with the geometry of the image it came from.
  func predict(_ file: CaseFile, header: NIfTIHeader) throws -> Volume<Int16> {
    let properties = file.properties
    let shape = [properties.channelCount] + properties.shape.dropFirst()
    return try Exporter(properties: properties, decision: decision).labels(header: header) { z in
      try Cancellation.check()
      return try predictor.logits(Tensor(try file.imageSlice(z), shape: shape)).values()
    }
  }
}
