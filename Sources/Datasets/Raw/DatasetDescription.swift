import Files
import Foundation

/// Why a dataset's folder or its `dataset.json` cannot be used.
public struct DatasetError: InputError, Equatable {
  public let description: String
  public init(_ description: String) { self.description = description }
}

/// What nnU-Net's `dataset.json` says of a dataset.
public struct DatasetDescription: Sendable, Equatable {
  /// One class of the label maps.
  public struct Label: Sendable, Equatable {
    public var name: String
    public var value: Int
    public init(name: String, value: Int) {
      self.name = name
      self.value = value
    }
  }

  /// The channels' names in their order; `CT` and a few others choose the normalisation.
  public var channelNames: [String]
  /// The classes 0, 1, 2, ... in order; the first is the background. With regions they are all labels that a region has.
  public var labels: [Label]
  /// Regions made of labels, in the order of `dataset.json`; empty where there are only labels.
  public var regions: [Region]
  /// The label of voxels that nobody annotated, which are no part of training and evaluation: the highest one, equal to the
  /// number of classes.
  public var ignoreLabel: Int?
  /// What networks learn: regions where there are any, unless a recipe chooses otherwise.
  public internal(set) var targetKind: TargetKind
  /// The number of training cases the owner says there are.
  public var trainingCount: Int
  /// `.nii.gz` or `.nii`.
  public var fileEnding: String

  public init(
    channelNames: [String], labels: [Label], regions: [Region] = [], ignoreLabel: Int? = nil, trainingCount: Int,
    fileEnding: String = ".nii.gz"
  ) {
    self.channelNames = channelNames
    self.labels = labels
    self.regions = regions
    self.ignoreLabel = ignoreLabel
    targetKind = regions.isEmpty ? .labels : .regions
    self.trainingCount = trainingCount
    self.fileEnding = fileEnding
  }

  /// The number of classes with the background.
  public var classCount: Int { labels.count }

  static let greatestChannelCount = 64
  static let greatestClassCount = 1024

  /// Reads a `dataset.json`.
  /// - Throws: `DatasetError` or `JSONError`: the file, the key, what it holds and what would be right; one sentence for
  ///   each thing that is wrong.
  public init(contentsOf url: URL) throws {
    try self.init(JSONValue.read(url), path: url.path)
  }

  init(_ document: JSONValue, path: String) throws {
    let (parts, problems) = Self.parts(of: document, path: path)
    guard problems.isEmpty, let description = parts.description else {
      throw DatasetError(problems.joined(separator: "\n"))
    }
    self = description
  }

  /// What a `dataset.json` says as far as it can be used.
  struct Parts {
    var channelNames: [String]?
    var labels: DatasetLabels?
    var trainingCount: Int?
    var fileEnding: String?

    /// Enough to find the cases' files; labels and the number of cases may be missing, then empty and 0.
    var description: DatasetDescription? {
      guard let channelNames, let fileEnding else { return nil }
      return DatasetDescription(
        channelNames: channelNames, labels: labels?.labels ?? [], regions: labels?.regions ?? [],
        ignoreLabel: labels?.ignoreLabel, trainingCount: trainingCount ?? 0, fileEnding: fileEnding)
    }
  }

  /// Reads all keys, whatever is wrong with some of them.
  /// - Returns: what could be read, and everything that is wrong, each one sentence.
  static func parts(of document: JSONValue, path: String) -> (parts: Parts, problems: [String]) {
    guard document.object != nil else {
      return (
        Parts(),
        [
          "\(path): an object with channel_names, labels, numTraining and file_ending is needed; found \(document.kind)."
        ]
      )
    }
    if DecathlonLayout.isForm(of: document) {
      return (
        Parts(),
        [
          "\(path): names and numbers are exchanged in \"labels\" ({\"0\": \"background\"}): this is the form of the Decathlon and of "
            + "nnU-Net's first version; `segbench dataset import decathlon` brings such a dataset into the second version's."
        ]
      )
    }
    var problems: [String] = []
    func part<Value>(_ read: (JSONValue) throws(DatasetError) -> Value, _ key: String, or other: String? = nil)
      -> Value?
    {
      guard let value = document[key] ?? other.flatMap({ document[$0] }) else {
        problems.append("\(path): the key \"\(key)\" is missing.")
        return nil
      }
      do {
        return try read(value)
      } catch {
        problems.append("\(path): \(error.description)")
        return nil
      }
    }
    let parts = Parts(
      channelNames: part(channelNames, "channel_names", or: "modality"),
      labels: part({ value throws(DatasetError) in try DatasetLabels(document, value) }, "labels"),
      trainingCount: part(trainingCount, "numTraining"), fileEnding: part(fileEnding, "file_ending"))
    return (parts, problems)
  }

  private static func channelNames(_ value: JSONValue) throws(DatasetError) -> [String] {
    guard let channels = value.object, !channels.isEmpty else {
      throw DatasetError("\"channel_names\" must be an object such as {\"0\": \"CT\"}.")
    }
    guard channels.count <= greatestChannelCount else {
      throw DatasetError(
        "\"channel_names\" has \(channels.count) channels; up to \(greatestChannelCount) are supported.")
    }
    var names: [String] = []
    for index in channels.indices {
      guard let name = channels.first(where: { Int($0.key) == index })?.value.string else {
        throw DatasetError(
          "\"channel_names\" must number its channels \"0\" to \"\(channels.count - 1)\", each with a name; "
            + "\"\(index)\" is missing or no text.")
      }
      names.append(name)
    }
    return names
  }

  private static func trainingCount(_ value: JSONValue) throws(DatasetError) -> Int {
    guard let count = value.int, count >= 0 else {
      throw DatasetError("\"numTraining\" must be the number of training cases; found \(value.kind).")
    }
    return count
  }

  private static func fileEnding(_ value: JSONValue) throws(DatasetError) -> String {
    guard let ending = value.string, [".nii.gz", ".nii"].contains(ending) else {
      throw DatasetError("\"file_ending\" must be \".nii.gz\" or \".nii\"; found \(value.kind).")
    }
    return ending
  }

  /// The text of a `dataset.json` with this content.
  public var json: JSONValue {
    var document: JSONValue = [
      "channel_names": .object(channelNames.enumerated().map { .init(String($0.offset), .string($0.element)) }),
      "labels": labelsJSON,
      "numTraining": .integer(trainingCount),
      "file_ending": .string(fileEnding),
    ]
    if !regions.isEmpty {
      document["regions_class_order"] = JSONValue(regions.map(\.predictedLabel))
      document["label_names"] = .object(labels.dropFirst().map { .init(String($0.value), .string($0.name)) })
    }
    return document
  }

  private var labelsJSON: JSONValue {
    var members =
      regions.isEmpty
      ? labels.map { JSONValue.Member($0.name, .integer($0.value)) }
      : [JSONValue.Member("background", .integer(0))]
        + regions.map { .init($0.name, $0.labels.count == 1 ? .integer($0.labels[0]) : JSONValue($0.labels)) }
    if let ignoreLabel { members.append(.init("ignore", .integer(ignoreLabel))) }
    return .object(members)
  }
}
