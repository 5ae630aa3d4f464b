import Datasets
import Recipes

extension LabelRemapping {
  /// The classes that a scan's file names.
  public init(_ scan: ScanDataset) {
    self.init(scan.classes.map { Entry(name: $0.name, sources: $0.sources) })
  }
}
