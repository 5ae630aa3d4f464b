/// One scan with a label map, of which a dataset is made: which files, and which of the map's values make which classes.
public struct ScanDataset: Sendable, Equatable {
  public struct ScanClass: Sendable, Equatable {
    public let name: String
    /// The values that become this class.
    public let sources: [Int16]

    public init(name: String, sources: [Int16]) {
      self.name = name
      self.sources = sources
    }
  }

  /// The files' names in the folder that holds them.
  public let image: String
  public let labelMap: String
  /// Into how many cases the slices are cut.
  public let slabs: Int
  /// From label 1 on; what none of them takes becomes background.
  public let classes: [ScanClass]

  static let section = Section([
    Field("image", .text(.relativePath), "the volume's file"),
    Field("label_map", .text(.relativePath), "the label map's file"),
    Field("slabs", .integer(1...1000), "into how many cases the slices are cut"),
    Field(
      "classes",
      .list(
        of: .section(
          Section([
            Field("name", .text(.any), "the class's name"),
            Field(
              "from", .list(of: .integer(-32768...32767), count: 1...1023), "the label map's values that make it"),
          ])), count: 1...1023), "the classes, from label 1 on"),
  ])
}

extension RecipeLibrary {
  /// Reads what dataset is made of a scan.
  /// - Throws: `RecipeError`, `YAMLError`.
  public func scan(_ path: String) throws -> ScanDataset {
    let (_, reader) = try open(locate(path, from: nil, at: nil), as: ScanDataset.section)
    var names: Set = ["background"]
    var taken: [Int: String] = [:]
    let classes = try reader.sections("classes").map { item in
      let name = item.text("name")
      guard names.insert(name).inserted else {
        throw item.contradiction("name", "is \"\(name)\", which another class or the background is called")
      }
      let sources = item.integers("from")
      for source in sources {
        if source == 0 { throw item.contradiction("from", "takes the value 0, which is background") }
        if let other = taken.updateValue(name, forKey: source) {
          throw item.contradiction("from", "takes the value \(source), of which \"\(other)\" is made")
        }
      }
      return ScanDataset.ScanClass(name: name, sources: sources.map { Int16($0) })
    }
    return ScanDataset(
      image: reader.text("image"), labelMap: reader.text("label_map"), slabs: reader.integer("slabs"),
      classes: classes)
  }
}
