import Files
import Foundation
import Imaging

extension Plans {
  /// The spacing ratio from which nnU-Net calls a volume anisotropic.
  static let anisotropyThreshold = 3.0

  /// nnU-Net's plan for a dataset, the `2d` configuration, for its default of 8 GB of GPU memory.
  /// - Throws: `DatasetError` when fingerprint and dataset do not fit together.
  public init(fingerprint: Fingerprint, dataset: RawDataset) throws {
    try self.init(fingerprint: fingerprint, description: dataset.description, datasetName: dataset.name)
  }

  /// As above, from what `dataset.json` says.
  public init(fingerprint: Fingerprint, description: DatasetDescription, datasetName: String) throws {
    guard fingerprint.intensities.count == description.channelNames.count else {
      throw DatasetError(
        "\(datasetName): the fingerprint has \(fingerprint.intensities.count) channels, dataset.json "
          + "\(description.channelNames.count); make the fingerprint anew."
      )
    }
    let spacing = Self.targetSpacing(fingerprint)
    try Self.requireSizes(fingerprint, at: spacing, datasetName)
    let slowest = SlicePlane.axis(ofGreatest: spacing)
    let forward = [slowest] + (0..<3).filter { $0 != slowest }
    let backward = (0..<3).map { forward.firstIndex(of: $0)! }

    let shapes = zip(fingerprint.shapesAfterCrop, fingerprint.spacings).map {
      Self.resampledShape($0, from: $1, to: spacing)
    }
    let medianShape = (0..<3).map { axis in NumPyStatistics.median(shapes.map { Double($0[axis]) }) }
    let plannedShape = forward.map { medianShape[$0] }
    guard plannedShape[1...].allSatisfy({ $0 >= 1 }) else {
      throw DatasetError(
        "\(datasetName): most of its slices have less than a voxel at the median spacing \(spacing) mm.")
    }
    let plannedSpacing = forward.map { spacing[$0] }
    let voxels = plannedShape.reduce(1, *) * Double(description.trainingCount)

    func median(_ values: [[Double]]) -> [Double] {
      forward.map { axis in NumPyStatistics.median(values.map { $0[axis] }) }
    }
    let document: JSONValue = [
      "dataset_name": .string(datasetName),
      "plans_name": "nnUNetPlans",
      "original_median_spacing_after_transp": JSONValue(median(fingerprint.spacings)),
      "original_median_shape_after_transp": JSONValue(
        median(fingerprint.shapesAfterCrop.map { $0.map(Double.init) }).map { Int($0.rounded(.toNearestOrEven)) }),
      "image_reader_writer": "SimpleITKIO",
      "transpose_forward": JSONValue(forward),
      "transpose_backward": JSONValue(backward),
      "configurations": [
        "2d": Self.configuration(
          spacing: Array(plannedSpacing[1...]), medianShape: Array(plannedShape[1...]), datasetVoxels: voxels,
          fingerprint: fingerprint, description: description)
      ],
      "experiment_planner_used": "ExperimentPlanner",
      "label_manager": "LabelManager",
      "foreground_intensity_properties_per_channel": IntensityProperties.json(fingerprint.intensities),
    ]
    try self.init(document: document, path: "the plan of \(datasetName)")
  }

  /// The median spacing; along an axis of much coarser spacing and fewer voxels than the others, its tenth percentile.
  static func targetSpacing(_ fingerprint: Fingerprint) -> [Double] {
    func percentile(_ values: [[Double]], _ axis: Int, _ percentage: Double) -> Double {
      NumPyStatistics.percentile(values.map { $0[axis] }, percentage)
    }
    let shapes = fingerprint.shapesAfterCrop.map { $0.map(Double.init) }
    var target = (0..<3).map { percentile(fingerprint.spacings, $0, 50) }
    let size = (0..<3).map { percentile(shapes, $0, 50) }
    let worst = SlicePlane.axis(ofGreatest: target)
    let others = (0..<3).filter { $0 != worst }
    let greatestOther = others.map { target[$0] }.max()!
    let coarse = target[worst] > anisotropyThreshold * greatestOther
    let few = size[worst] * anisotropyThreshold < others.map { size[$0] }.min()!
    if coarse && few {
      let finer = percentile(fingerprint.spacings, worst, 10)
      target[worst] = finer < greatestOther ? greatestOther + 1e-5 : finer
    }
    return target
  }

  /// Voxels along an axis beyond which no plan is made; a header may state any size of its voxels.
  private static let greatestExtent = Double(NIfTIHeader.maximumVoxels)

  /// - Throws: `DatasetError` for voxel sizes between which no image can be resampled.
  private static func requireSizes(_ fingerprint: Fingerprint, at spacing: [Double], _ dataset: String) throws {
    guard spacing.allSatisfy({ $0 > 1e-6 && $0 < 1e9 }) else {
      throw DatasetError(
        "\(dataset): its images' spacing is \(spacing) mm (median, along z, y, x); "
          + "a plan needs more than 0.000001 and less than 1000000000 mm.")
    }
    for (shape, own) in zip(fingerprint.shapesAfterCrop, fingerprint.spacings) {
      let sizes = (0..<3).map { own[$0] / spacing[$0] * Double(shape[$0]) }
      guard sizes.allSatisfy({ $0 <= greatestExtent }) else {
        throw DatasetError(
          "\(dataset): an image of \(shape) voxels of \(own) mm (z, y, x) would have \(sizes) voxels at the dataset's "
            + "\(spacing) mm; check the voxel sizes in its files.")
      }
    }
  }

  /// The shape of a volume brought to another spacing.
  static func resampledShape(_ shape: [Int], from old: [Double], to new: [Double]) -> [Int] {
    shape.indices.map { Int((old[$0] / new[$0] * Double(shape[$0])).rounded(.toNearestOrEven)) }
  }

  private static func configuration(
    spacing: [Double], medianShape: [Double], datasetVoxels: Double, fingerprint: Fingerprint,
    description: DatasetDescription
  ) -> JSONValue {
    // A field of 2048 x 2048 voxels at the spacing's aspect ratio, no larger than the median image, then smaller until
    // two patches fit the memory of reference: a U-Net of 85 million feature map values at batch size 12 in 8 GB.
    let referenceSize = 85_000_000.0
    let referenceBatch = 12.0
    let inverse = spacing.map { 1 / $0 }
    let scale = (2048 * 2048 / inverse.reduce(1, *)).squareRoot()
    let start = zip(inverse, medianShape).map { min(($0 * scale).rounded(.toNearestOrEven), $1) }
    // nnU-Net counts what `dataset.json` lists, whatever networks learn of it.
    let classCount = description.labelEntryCount
    var topology = NetworkTopology(spacing: spacing, patchSize: start)
    while Double(topology.featureMapSize(classCount: classCount)) / referenceBatch * 2 > referenceSize {
      let ratios = zip(topology.patchSize, medianShape).map { Double($0) / $1 }
      let axis = ratios[1] >= ratios[0] ? 1 : 0
      var patch = topology.patchSize.map(Double.init)
      var smaller = patch
      smaller[axis] -= Double(topology.divisors[axis])
      // The smaller patch may pool less often and then allows a finer step.
      patch[axis] -= Double(NetworkTopology(spacing: spacing, patchSize: smaller).divisors[axis])
      topology = NetworkTopology(spacing: spacing, patchSize: patch)
    }
    let estimate = Double(topology.featureMapSize(classCount: classCount))
    let fits = (referenceSize / estimate * referenceBatch).rounded(.toNearestOrEven)
    let patchVoxels = topology.patchSize.map(Double.init).reduce(1, *)
    let fivePercent = (datasetVoxels * 0.05 / patchVoxels).rounded(.toNearestOrEven)
    let batch = Int(max(min(fits, fivePercent), 2))

    let schemes = description.channelNames.map { Normalization(channelName: $0) }
    let masked = fingerprint.medianRelativeSizeAfterCropping < 0.75
    func resampling(isLabel: Bool, order: Int) -> JSONValue {
      ["is_seg": .bool(isLabel), "order": .integer(order), "order_z": 0, "force_separate_z": nil]
    }
    let function: JSONValue = "resample_data_or_seg_to_shape"
    return [
      "data_identifier": "nnUNetPlans_2d",
      "preprocessor_name": "DefaultPreprocessor",
      "batch_size": .integer(batch),
      "patch_size": JSONValue(topology.patchSize),
      "median_image_size_in_voxels": JSONValue(medianShape),
      "spacing": JSONValue(spacing),
      "normalization_schemes": JSONValue(schemes.map(\.rawValue)),
      "use_mask_for_norm": .array(schemes.map { .bool(masked && $0 == .zScore) }),
      "resampling_fn_data": function,
      "resampling_fn_seg": function,
      "resampling_fn_data_kwargs": resampling(isLabel: false, order: 3),
      "resampling_fn_seg_kwargs": resampling(isLabel: true, order: 1),
      "resampling_fn_probabilities": function,
      "resampling_fn_probabilities_kwargs": resampling(isLabel: false, order: 1),
      "architecture": architecture(topology),
      "batch_dice": true,
    ]
  }

  private static func architecture(_ topology: NetworkTopology) -> JSONValue {
    let convolutions = [Int](repeating: NetworkTopology.convolutionsPerStage, count: topology.stages)
    return [
      "network_class_name": .string(plainUNet),
      "arch_kwargs": [
        "n_stages": .integer(topology.stages),
        "features_per_stage": JSONValue(topology.features),
        "conv_op": "torch.nn.modules.conv.Conv2d",
        "kernel_sizes": .array(topology.kernelSizes.map { JSONValue($0) }),
        "strides": .array(topology.strides.map { JSONValue($0) }),
        "n_conv_per_stage": JSONValue(convolutions),
        "n_conv_per_stage_decoder": JSONValue(Array(convolutions.dropLast())),
        "conv_bias": true,
        "norm_op": "torch.nn.modules.instancenorm.InstanceNorm2d",
        "norm_op_kwargs": ["eps": 1e-5, "affine": true],
        "dropout_op": nil,
        "dropout_op_kwargs": nil,
        "nonlin": "torch.nn.LeakyReLU",
        "nonlin_kwargs": ["inplace": true],
      ],
      "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
    ]
  }
}
