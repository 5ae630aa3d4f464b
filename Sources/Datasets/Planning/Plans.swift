import Files
import Foundation

/// How a channel's intensities are normalised.
public enum Normalization: String, Sendable, CaseIterable {
  /// Clipped to the fingerprint's percentiles, less its mean, divided by its standard deviation.
  case ct = "CTNormalization"
  /// Less the case's own mean, divided by its standard deviation.
  case zScore = "ZScoreNormalization"
  /// Left as it is.
  case none = "NoNormalization"
  /// The case's smallest value to 0, its greatest to 1.
  case rescale = "RescaleTo01Normalization"
  /// Divided by 255.
  case rgb = "RGBTo01Normalization"

  /// nnU-Net's choice for a channel's name.
  public init(channelName: String) {
    switch channelName.lowercased() {
    case "ct": self = .ct
    case "nonorm": self = .none
    case "rescale_to_0_1": self = .rescale
    case "rgb_to_0_1": self = .rgb
    default: self = .zScore
    }
  }
}

/// nnU-Net's `nnUNetPlans.json`: how a dataset is cropped, resampled and normalised, and the network and batch that
/// fit it.
///
/// The document is kept whole, so that configurations this program has no use for (3d) survive being read and written.
public struct Plans: Sendable, Equatable {
  /// One two-dimensional configuration, with what it inherits filled in.
  public struct Configuration: Sendable, Equatable {
    public var name: String
    /// What nnU-Net calls the folder of the data prepared for it.
    public var dataIdentifier: String
    public var batchSize: Int
    /// Height and width in voxels.
    public var patchSize: [Int]
    /// Height and width in mm.
    public var spacing: [Double]
    /// Per channel.
    public var normalizations: [Normalization]
    public var usesMaskForNormalization: [Bool]
    /// Whether the Dice loss counts over the whole batch.
    public var batchDice: Bool
    /// nnU-Net's own U-Net for this patch; nil when the file describes another network.
    public var network: UNet?
  }

  /// The plain U-Net of a configuration.
  public struct UNet: Sendable, Equatable {
    public var featuresPerStage: [Int]
    public var kernelSizes: [[Int]]
    public var strides: [[Int]]
    public var convolutionsPerStage: [Int]
    public var convolutionsPerDecoderStage: [Int]
  }

  public private(set) var document: JSONValue
  public let datasetName: String
  /// Axis k of prepared data is axis `transposeForward[k]` of the file's [z, y, x]; backward leads from prepared to
  /// file.
  public let transposeForward: [Int]
  public let transposeBackward: [Int]
  public let intensities: [IntensityProperties]
  private let path: String

  /// Reads a plans file, ours or nnU-Net's.
  /// - Throws: `DatasetError` or `JSONError`.
  public init(contentsOf url: URL) throws {
    try self.init(document: JSONValue.read(url), path: url.path)
  }

  init(document: JSONValue, path: String) throws {
    guard document.object != nil, let name = document["dataset_name"]?.string else {
      throw DatasetError("\(path): a plans file needs the key \"dataset_name\" with a text.")
    }
    guard let forward = document["transpose_forward"]?.ints, let backward = document["transpose_backward"]?.ints,
      forward.sorted() == [0, 1, 2], backward.count == 3,
      (0..<3).allSatisfy({ forward.indices.contains(backward[$0]) && forward[backward[$0]] == $0 })
    else {
      throw DatasetError(
        "\(path): \"transpose_forward\" and \"transpose_backward\" must be orders of 0, 1, 2, each the other's inverse."
      )
    }
    guard document["configurations"]?.object != nil else {
      throw DatasetError("\(path): a plans file needs the key \"configurations\" with an object.")
    }
    intensities = try IntensityProperties.all(in: document, path: path)
    datasetName = name
    transposeForward = forward
    transposeBackward = backward
    self.document = document
    self.path = path
  }

  /// Writes the plans file.
  public func write(to url: URL) throws {
    try AtomicFile.write(Data(document.text().utf8), to: url)
  }

  /// The names of the configurations in the file.
  public var configurationNames: [String] { document["configurations"]?.object?.map(\.key) ?? [] }

  /// A two-dimensional configuration by name. `2d_<N>`, when the file lacks it, is derived from `2d`: a patch of N x N
  /// whose field of view is that of the 2d patch, hence spacing x patch / N.
  /// - Throws: `DatasetError` when there is no such configuration, or it asks for what this program does not do.
  public func configuration(_ name: String) throws -> Configuration {
    if document["configurations"]?[name] == nil, let size = Self.derivedSize(name) {
      return try adding(size: size).configuration(name)
    }
    return try read(resolved(name, depth: 0), name: name)
  }

  /// The N of `2d_<N>`.
  static func derivedSize(_ name: String) -> Int? {
    guard name.hasPrefix("2d_"), let size = Int(name.dropFirst(3)), (1...greatestPatch).contains(size),
      name == "2d_\(size)"
    else { return nil }
    return size
  }

  /// These plans with the configuration `2d_<size>` written out.
  public func adding(size: Int) throws -> Plans {
    let base = try configuration("2d")
    var plans = self
    guard var configurations = document["configurations"] else { return self }
    let identifier = (document["plans_name"]?.string ?? "nnUNetPlans") + "_2d_\(size)"
    configurations["2d_\(size)"] = [
      "inherits_from": "2d",
      "data_identifier": .string(identifier),
      "patch_size": JSONValue([size, size]),
      "spacing": JSONValue(zip(base.spacing, base.patchSize).map { $0 * (Double($1) / Double(size)) }),
    ]
    plans.document["configurations"] = configurations
    return plans
  }

  static let greatestPatch = 16384

  private func resolved(_ name: String, depth: Int) throws -> JSONValue {
    guard let own = document["configurations"]?[name], let members = own.object else {
      let known = configurationNames.joined(separator: ", ")
      throw DatasetError(
        "\(path): there is no configuration \"\(name)\"; the file has \(known), and 2d_<N> derives from 2d.")
    }
    guard let parent = own["inherits_from"]?.string else { return own }
    guard depth < 16 else {
      throw DatasetError("\(path): the configurations inherit from one another in a circle, at \"\(name)\".")
    }
    var whole = try resolved(parent, depth: depth + 1)
    for member in members { whole[member.key] = member.value }
    return whole
  }

  private func read(_ json: JSONValue, name: String) throws -> Configuration {
    func fail(_ what: String) -> DatasetError { DatasetError("\(path): configuration \"\(name)\": \(what)") }
    guard let patch = json["patch_size"]?.ints, let spacing = json["spacing"]?.doubles else {
      throw fail("\"patch_size\" and \"spacing\" must be lists of numbers.")
    }
    guard patch.count == 2, spacing.count == 2 else {
      throw fail("only two-dimensional configurations are supported; this one has \(patch.count) axes.")
    }
    guard patch.allSatisfy({ (1...Self.greatestPatch).contains($0) }) else {
      throw fail("\"patch_size\" must lie in 1...\(Self.greatestPatch).")
    }
    guard spacing.allSatisfy({ $0 > 1e-6 && $0 < 1e6 }) else {
      throw fail("\"spacing\" must be positive numbers of mm.")
    }
    guard let batch = json["batch_size"]?.int, (1...65536).contains(batch) else {
      throw fail("\"batch_size\" must be a positive integer.")
    }
    guard let schemes = json["normalization_schemes"]?.strings, schemes.count == intensities.count else {
      throw fail("\"normalization_schemes\" must name one scheme for each of the \(intensities.count) channels.")
    }
    let normalizations = try schemes.map { scheme in
      guard let normalization = Normalization(rawValue: scheme) else {
        throw fail(
          "the normalisation \"\(scheme)\" is unknown; known are "
            + "\(Normalization.allCases.map(\.rawValue).joined(separator: ", "))."
        )
      }
      return normalization
    }
    guard let masks = json["use_mask_for_norm"]?.array?.compactMap(\.bool), masks.count == schemes.count else {
      throw fail("\"use_mask_for_norm\" must hold true or false for each of the \(schemes.count) channels.")
    }
    for (kind, order) in [("data", 3), ("seg", 1), ("probabilities", 1)] {
      let function = json["resampling_fn_\(kind)"]?.string
      guard function == "resample_data_or_seg_to_shape" else {
        throw fail(
          "resampling_fn_\(kind) \"\(function ?? "missing")\" is not supported; resample_data_or_seg_to_shape is.")
      }
      let options = json["resampling_fn_\(kind)_kwargs"]
      guard options?["order"]?.int == order, options?["order_z"]?.int == 0, options?["force_separate_z"] == .null else {
        throw fail(
          "resampling_fn_\(kind)_kwargs must be order \(order), order_z 0 and force_separate_z null; others are "
            + "not supported."
        )
      }
    }
    return Configuration(
      name: name, dataIdentifier: json["data_identifier"]?.string ?? name, batchSize: batch, patchSize: patch,
      spacing: spacing, normalizations: normalizations, usesMaskForNormalization: masks,
      batchDice: json["batch_dice"]?.bool ?? true, network: Self.network(json["architecture"]))
  }

  private static func network(_ json: JSONValue?) -> UNet? {
    guard let json, json["network_class_name"]?.string == plainUNet, let options = json["arch_kwargs"],
      let features = options["features_per_stage"]?.ints,
      let kernels = options["kernel_sizes"]?.array?.compactMap(\.ints),
      let strides = options["strides"]?.array?.compactMap(\.ints), let encoder = options["n_conv_per_stage"]?.ints,
      let decoder = options["n_conv_per_stage_decoder"]?.ints
    else { return nil }
    let stages = features.count
    guard (1...16).contains(stages), kernels.count == stages, strides.count == stages, encoder.count == stages,
      decoder.count == stages - 1,
      (kernels + strides).allSatisfy({ $0.count == 2 && $0.allSatisfy { (1...15).contains($0) } }),
      features.allSatisfy({ (1...65536).contains($0) }), (encoder + decoder).allSatisfy({ (1...64).contains($0) })
    else { return nil }
    return UNet(
      featuresPerStage: features, kernelSizes: kernels, strides: strides, convolutionsPerStage: encoder,
      convolutionsPerDecoderStage: decoder)
  }

  static let plainUNet = "dynamic_network_architectures.architectures.unet.PlainConvUNet"
}
