/// Where a batch source finds its cases: prepared volumes that are read slice by slice. Any thread may call it.
public protocol SliceProvider: Sendable {
  /// How many cases there are; at least one.
  var caseCount: Int { get }
  /// How many channels every case has.
  var channelCount: Int { get }
  /// The size [Z, Y, X] of a case.
  func shape(ofCase index: Int) throws -> [Int]
  /// The classes that have places listed in a case, ascending, without the background.
  func classes(ofCase index: Int) throws -> [Int]
  /// Places of a class in a case: z, y, x after one another.
  func locations(ofCase index: Int, class label: Int) throws -> [Int32]
  /// Reads a rectangle of slice `z` whose corner (`y`, `x`) may lie beyond the slice on any side: out there the image is 0
  /// and the label -1.
  /// - Parameters:
  ///   - image: receives [channels, height, width].
  ///   - labels: receives [height, width].
  func readPatch(
    ofCase index: Int, z: Int, y: Int, x: Int, height: Int, width: Int, image: UnsafeMutablePointer<Float>,
    labels: UnsafeMutablePointer<Int16>
  ) throws
}
