import Foundation

/// Who reads HDF5 files of weights. A seal shows damage, not ill will, and a file made to harm may kill the process in which
/// libhdf5 reads it: whoever takes weights from elsewhere names a reader that may die of them.
public struct HDF5WeightReader: Sendable {
  let read: @Sendable (URL) throws -> WeightFile.Content

  /// - Parameter read: reads a file whose seal fits.
  public init(_ read: @escaping @Sendable (URL) throws -> WeightFile.Content) { self.read = read }

  /// Nobody: such files are refused.
  public static let none = HDF5WeightReader { url in
    throw WeightFileError.unreadable(
      path: url.path,
      problem: "it is an HDF5 file, which is not read here; segbench weights convert makes safetensors of it")
  }

  /// libhdf5 in this process, for files of one's own and for the process that is made for reading others'.
  public static let inThisProcess = HDF5WeightReader { url in
    let file = try HDF5File(readingSealed: url)
    return (try WeightFile.arrays(of: file), try WeightFile.metadata(of: file))
  }
}
