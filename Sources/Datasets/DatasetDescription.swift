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
  /// The classes 0, 1, 2, ... in order; the first is the background.
  public var labels: [Label]
  /// The number of training cases the owner says there are.
  public var trainingCount: Int
  /// `.nii.gz` or `.nii`.
  public var fileEnding: String

  public init(channelNames: [String], labels: [Label], trainingCount: Int, fileEnding: String = ".nii.gz") {
    self.channelNames = channelNames
    self.labels = labels
    self.trainingCount = trainingCount
    self.fileEnding = fileEnding
  }

  /// The number of classes with the background.
  public var classCount: Int { labels.count }

  static let greatestChannelCount = 64
  static let greatestClassCount = 1024

  /// Reads a `dataset.json`.
  /// - Throws: `DatasetError` or `JSONError`: one sentence with the file, the key, what it holds and what would be
  ///   right.
  public init(contentsOf url: URL) throws {
    let document = try JSONValue.read(url)
    try self.init(document, path: url.path)
  }

  init(_ document: JSONValue, path: String) throws {
    func fail(_ what: String) -> DatasetError { DatasetError("\(path): \(what)") }
    guard document.object != nil else {
      throw fail("an object with channel_names, labels, numTraining and file_ending is needed; found \(document.kind).")
    }
    func need(_ key: String) throws -> JSONValue {
      guard let value = document[key] else { throw fail("the key \"\(key)\" is missing.") }
      return value
    }

    guard let channels = try (document["channel_names"] ?? document["modality"] ?? need("channel_names")).object,
      !channels.isEmpty
    else {
      throw fail("\"channel_names\" must be an object such as {\"0\": \"CT\"}.")
    }
    guard channels.count <= Self.greatestChannelCount else {
      throw fail("\"channel_names\" has \(channels.count) channels; up to \(Self.greatestChannelCount) are supported.")
    }
    channelNames = try channels.indices.map { index in
      guard let name = channels.first(where: { Int($0.key) == index })?.value.string else {
        throw fail(
          "\"channel_names\" must number its channels \"0\" to \"\(channels.count - 1)\", each with a name; "
            + "\"\(index)\" is missing or no text."
        )
      }
      return name
    }

    guard let entries = try need("labels").object, !entries.isEmpty else {
      throw fail("\"labels\" must be an object such as {\"background\": 0, \"liver\": 1}.")
    }
    guard entries.count <= Self.greatestClassCount else {
      throw fail("\"labels\" has \(entries.count) classes; up to \(Self.greatestClassCount) are supported.")
    }
    labels = try entries.map { entry in
      if entry.value.array != nil {
        throw fail(
          "the label \"\(entry.key)\" is a region made of several labels; only plain labels, one integer each, "
            + "are supported."
        )
      }
      guard let value = entry.value.int ?? entry.value.string.flatMap({ Int($0) }) else {
        throw fail("the label \"\(entry.key)\" must be an integer; found \(entry.value.kind).")
      }
      return Label(name: entry.key, value: value)
    }
    labels.sort { $0.value < $1.value }
    if let ignore = labels.first(where: { $0.name == "ignore" }) {
      throw fail(
        "the label \"ignore\" (\(ignore.value)) asks for partial annotation, which is not supported; remove it "
          + "from \"labels\" and from the label maps."
      )
    }
    for (index, label) in labels.enumerated() where label.value != index {
      throw fail(
        "\"labels\" must be 0, 1, 2, ... without gaps; \"\(label.name)\" is \(label.value) where \(index) should be.")
    }

    guard labels[0].name == "background" else {
      throw fail("the label 0 is \"\(labels[0].name)\"; it must be named \"background\".")
    }

    guard let count = try need("numTraining").int, count >= 0 else {
      throw fail("\"numTraining\" must be the number of training cases; found \(try need("numTraining").kind).")
    }
    trainingCount = count
    guard let ending = try need("file_ending").string, [".nii.gz", ".nii"].contains(ending) else {
      throw fail("\"file_ending\" must be \".nii.gz\" or \".nii\"; found \(try need("file_ending").kind).")
    }
    fileEnding = ending
  }

  /// The text of a `dataset.json` with this content.
  public var json: JSONValue {
    [
      "channel_names": .object(channelNames.enumerated().map { .init(String($0.offset), .string($0.element)) }),
      "labels": .object(labels.map { .init($0.name, .integer($0.value)) }),
      "numTraining": .integer(trainingCount),
      "file_ending": .string(fileEnding),
    ]
  }
}
