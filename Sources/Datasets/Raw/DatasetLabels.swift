import Files

/// What networks learn of a dataset: its labels, of which a voxel has one, or regions that may overlap.
public enum TargetKind: String, Sendable, CaseIterable {
  case labels, regions
}

/// The labels, regions and ignore label that a `dataset.json` names under "labels", "regions_class_order" and
/// "label_names".
struct DatasetLabels: Sendable, Equatable {
  var labels: [DatasetDescription.Label]
  var regions: [DatasetDescription.Region] = []
  var ignoreLabel: Int?
  /// What may be meant otherwise; whole sentences.
  var warnings: [String] = []

  /// One entry of "labels".
  private struct Entry {
    var name: String
    /// In the file's order, without repeats.
    var labels: [Int]
    /// Whether it is a list of several labels, which makes the dataset one of regions.
    var isList: Bool
  }

  init(_ document: JSONValue, _ value: JSONValue) throws(DatasetError) {
    var entries = try Self.entries(value)
    ignoreLabel = try Self.takeIgnoreLabel(from: &entries)
    if entries.contains(where: \.isList) {
      let order = document["regions_class_order"]
      (labels, regions) = try Self.regions(entries, order: order, names: document["label_names"])
      warnings = Self.oddities(of: regions)
    } else {
      labels = try Self.plainLabels(entries)
    }
    guard ignoreLabel == nil || labels.count > 1 else {
      throw DatasetError("\"labels\" names no label beside \"background\" and \"ignore\"; nothing could be learnt.")
    }
    if let ignoreLabel, ignoreLabel != labels.count {
      throw DatasetError(
        "the label \"ignore\" is \(ignoreLabel); it must be the highest label, one above the others: \(labels.count).")
    }
  }

  private static func entries(_ value: JSONValue) throws(DatasetError) -> [Entry] {
    guard let members = value.object, !members.isEmpty else {
      throw DatasetError("\"labels\" must be an object such as {\"background\": 0, \"liver\": 1}.")
    }
    let most = DatasetDescription.greatestClassCount
    guard members.count <= most else {
      throw DatasetError("\"labels\" has \(members.count) classes; up to \(most) are supported.")
    }
    var entries: [Entry] = []
    for member in members {
      let list = member.value.array
      guard list.map({ !$0.isEmpty && $0.count <= most }) ?? true else {
        throw DatasetError(
          "the label \"\(member.key)\" is a list of \(list!.count) labels; a region has 1 to \(most) of them.")
      }
      var labels: [Int] = []
      for item in list ?? [member.value] {
        guard let label = item.int ?? item.string.flatMap({ Int($0) }) else {
          throw DatasetError(
            "the label \"\(member.key)\" must be an integer"
              + (list == nil ? "; found \(item.kind)." : ", or a list of integers; the list holds \(item.kind)."))
        }
        if !labels.contains(label) { labels.append(label) }
      }
      entries.append(Entry(name: member.key, labels: labels, isList: (list?.count ?? 1) > 1))
    }
    return entries
  }

  private static func takeIgnoreLabel(from entries: inout [Entry]) throws(DatasetError) -> Int? {
    guard let index = entries.firstIndex(where: { $0.name == "ignore" }) else { return nil }
    let entry = entries.remove(at: index)
    guard !entry.isList else {
      throw DatasetError("the label \"ignore\" is a list of labels; it must be one integer, the highest label.")
    }
    return entry.labels[0]
  }

  private static func plainLabels(_ entries: [Entry]) throws(DatasetError) -> [DatasetDescription.Label] {
    let labels = entries.map { DatasetDescription.Label(name: $0.name, value: $0.labels[0]) }.sorted {
      $0.value < $1.value
    }
    for (index, label) in labels.enumerated() where label.value != index {
      throw DatasetError(
        "\"labels\" must be 0, 1, 2, ... without gaps; \"\(label.name)\" is \(label.value) where \(index) should be.")
    }
    guard let first = labels.first, first.name == "background" else {
      throw DatasetError(
        labels.isEmpty
          ? "\"labels\" names no label beside \"ignore\"; \"background\" must be 0."
          : "the label 0 is \"\(labels[0].name)\"; it must be named \"background\".")
    }
    return labels
  }

  private static func regions(_ entries: [Entry], order: JSONValue?, names: JSONValue?) throws(DatasetError)
    -> ([DatasetDescription.Label], [DatasetDescription.Region])
  {
    guard let background = entries.first(where: { $0.name == "background" }) else {
      throw DatasetError("\"labels\" lacks \"background\", which must be 0.")
    }
    guard !background.isList, background.labels == [0] else {
      throw DatasetError("the label \"background\" must be 0, one integer and no region.")
    }
    let regions = entries.filter { $0.name != "background" }
    if let entry = regions.first(where: { $0.labels.contains(0) }) {
      throw DatasetError("the region \"\(entry.name)\" holds the label 0, which is the background and in no region.")
    }
    let values = Set(regions.flatMap(\.labels)).sorted()
    if let gap = values.enumerated().first(where: { $0.offset + 1 != $0.element }) {
      throw DatasetError(
        "the regions' labels must be 1, 2, 3, ... without gaps; found \(gap.element) where \(gap.offset + 1) should be."
      )
    }
    guard let order else {
      throw DatasetError(
        "the key \"regions_class_order\" is missing: with regions it lists, for each region in the order of \"labels\", "
          + "the label that its voxels get in a prediction.")
    }
    guard let order = order.ints else {
      throw DatasetError("\"regions_class_order\" must be a list of integers; found \(order.kind).")
    }
    guard order.count == regions.count else {
      throw DatasetError(
        "\"regions_class_order\" has \(order.count) labels, but \"labels\" has \(regions.count) regions "
          + "(\(regions.prefix(8).map(\.name).joined(separator: ", "))); it must have one for each.")
    }
    if let stray = order.first(where: { !values.contains($0) }) {
      throw DatasetError(
        "\"regions_class_order\" holds \(stray), which no region has; the regions' labels are 1 to \(values.count).")
    }
    let given = try labelNames(names, count: values.count)
    let labels =
      [DatasetDescription.Label(name: "background", value: 0)]
      + values.map { value in
        let own = regions.first { $0.labels == [value] }?.name
        return DatasetDescription.Label(name: given[value] ?? own ?? "label \(value)", value: value)
      }
    return (
      labels,
      zip(regions, order).map { DatasetDescription.Region(name: $0.name, labels: $0.labels, predictedLabel: $1) }
    )
  }

  /// The names of labels that are no region of their own: a key that nnU-Net does not read.
  private static func labelNames(_ value: JSONValue?, count: Int) throws(DatasetError) -> [Int: String] {
    guard let value else { return [:] }
    var names: [Int: String] = [:]
    for member in value.object ?? [] {
      guard let label = Int(member.key), (1...count).contains(label), let name = member.value.string else {
        throw DatasetError(
          "\"label_names\" must name labels from 1 to \(count), such as {\"1\": \"kidney\"}; found \"\(member.key)\": "
            + "\(member.value.kind).")
      }
      names[label] = name
    }
    guard value.object != nil else {
      throw DatasetError("\"label_names\" must be an object such as {\"1\": \"kidney\"}; found \(value.kind).")
    }
    return names
  }

  private static func oddities(of regions: [DatasetDescription.Region]) -> [String] {
    regions.filter { !$0.labels.contains($0.predictedLabel) }.map {
      "\"regions_class_order\" gives voxels of the region \"\($0.name)\" the label \($0.predictedLabel), which is not one of "
        + "the region's (\($0.labels.map(String.init).joined(separator: ", "))); check its order."
    }
  }
}

extension DatasetDescription {
  /// A set of labels that a network learns to find as one, whatever other regions hold them too.
  public struct Region: Sendable, Equatable {
    public var name: String
    /// In the order of `dataset.json`.
    public var labels: [Int]
    /// What voxels of the region get in a predicted label map, unless a later region claims them: its place in
    /// `regions_class_order`.
    public var predictedLabel: Int

    public init(name: String, labels: [Int], predictedLabel: Int) {
      self.name = name
      self.labels = labels
      self.predictedLabel = predictedLabel
    }
  }

  /// What a network has one output for beside the background, or scores are taken of: a label, or a region.
  public struct Target: Sendable, Equatable {
    public var name: String
    public var labels: [Int]
    /// The label that stands for it in a predicted label map.
    public var predictedLabel: Int
  }

  /// Whether networks learn the regions; else they learn the labels.
  public var learnsRegions: Bool { targetKind == .regions }

  /// What networks learn, without the background.
  public var targets: [Target] { targets(targetKind) }

  /// The labels without the background, or the regions.
  public func targets(_ kind: TargetKind) -> [Target] {
    switch kind {
    case .labels: labels.dropFirst().map { Target(name: $0.name, labels: [$0.value], predictedLabel: $0.value) }
    case .regions: regions.map { Target(name: $0.name, labels: $0.labels, predictedLabel: $0.predictedLabel) }
    }
  }

  /// The number of channels that a network gives: a region each, or a label each with the background.
  public var outputCount: Int { learnsRegions ? regions.count : classCount }

  /// How many entries "labels" has: labels or regions, the background and the ignore label.
  var labelEntryCount: Int { (regions.isEmpty ? classCount : 1 + regions.count) + (ignoreLabel == nil ? 0 : 1) }

  /// How many values label maps may have, from 0 on: the labels, and behind them the ignore label where there is one.
  public var valueCount: Int { classCount + (ignoreLabel == nil ? 0 : 1) }

  /// The same with another kind of targets; nil leaves what `dataset.json` has.
  /// - Throws: `DatasetError` when it has no regions and they are asked for.
  public func learning(_ kind: TargetKind?, key: String = "dataset.targets", path: String) throws -> DatasetDescription
  {
    guard let kind else { return self }
    guard kind == .labels || !regions.isEmpty else {
      throw DatasetError(
        "\(path): \(key) asks for regions, but \"labels\" names none; give it lists of labels and \"regions_class_order\" "
          + "as nnU-Net does, or choose labels.")
    }
    var copy = self
    copy.targetKind = kind
    return copy
  }
}
