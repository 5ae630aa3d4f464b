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

  /// The keys of the file.
  struct File: RecipeSection {
    @Key("image", .relativePath, "the volume's file") var image: String
    @Key("label_map", .relativePath, "the label map's file") var labelMap: String
    @Key("slabs", 1...1000, "into how many cases the slices are cut") var slabs: Int
    @Key("classes", .list(1...1023), "the classes, from label 1 on") var classes: [Located<Class>]

    struct Class: RecipeSection {
      @Key("name", .any, "the class's name") var name: String
      @Key("from", .list(1...1023, of: -32768...32767), "the label map's values that make it") var sources: [Int]
    }
  }
}

extension RecipeLibrary {
  /// Reads what dataset is made of a scan.
  /// - Throws: `RecipeError`, `YAMLError`.
  public func scan(_ path: String) throws -> ScanDataset {
    let file = try open(locate(path, from: nil, at: nil), as: ScanDataset.File.self).value
    var names: Set = ["background"]
    var taken: [Int: String] = [:]
    let classes = try file.classes.map { item in
      let (name, sources) = (item.value.name, item.value.sources)
      guard names.insert(name).inserted else {
        throw item.contradiction("name", "is \"\(name)\", which another class or the background is called")
      }
      for source in sources {
        if source == 0 { throw item.contradiction("from", "takes the value 0, which is background") }
        if let other = taken.updateValue(name, forKey: source) {
          throw item.contradiction("from", "takes the value \(source), of which \"\(other)\" is made")
        }
      }
      return ScanDataset.ScanClass(name: name, sources: sources.map { Int16($0) })
    }
    return ScanDataset(image: file.image, labelMap: file.labelMap, slabs: file.slabs, classes: classes)
  }
}
