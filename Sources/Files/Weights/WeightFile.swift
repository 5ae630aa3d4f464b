import Foundation

/// The named arrays of a file: safetensors, what `torch.save` wrote, or our own HDF5. Files are told apart by their first
/// bytes, not by their names, and none is trusted.
public struct WeightFile: Sendable {
  public enum Format: String, Sendable {
    case safetensors
    case pytorch = "PyTorch"
    case hdf5 = "HDF5"
  }

  public let path: String
  public let format: Format
  /// Every array by its path in the file; containers' names are joined by dots, such as "teacher.backbone.norm.weight".
  public let tensors: [String: StoredTensor]
  /// What else a file holds, as text: what lies beside a PyTorch file's arrays, such as an epoch's number, or the pairs of
  /// another file's metadata.
  public let scalars: [String: String]

  /// The arrays and texts of a file.
  public typealias Content = (tensors: [String: StoredTensor], texts: [String: String])

  /// - Parameter hdf5: who reads HDF5.
  /// - Throws: `WeightFileError`, `FileError`, `SafetensorsError` or `HDF5Error`; what `hdf5` throws.
  public init(contentsOf url: URL, hdf5: HDF5WeightReader = .none) throws {
    path = url.path
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue {
      throw WeightFileError.unreadable(
        path: path, problem: "it is a folder; name the file of weights in it, such as model.safetensors or a .pth")
    }
    let size = try fileSize(url)
    let file = try Data(ofFileAt: url, options: .alwaysMapped)
    guard !file.isEmpty else {
      throw WeightFileError.unreadable(
        path: path, problem: "it is empty: a download or copy that was not finished; \(UnknownFile.again)")
    }
    func begins(_ bytes: [UInt8]) -> Bool { file.prefix(bytes.count).elementsEqual(bytes) }
    if begins([0x50, 0x4b, 0x03, 0x04]) || begins([0x50, 0x4b, 0x05, 0x06]) {
      let content = try PyTorchFile(archive: url, size: size)
      (format, tensors, scalars) = (.pytorch, content.tensors, content.scalars)
    } else if begins([0x80]), file.count > 8, (2...5).contains(file[1]), file[8] != UInt8(ascii: "{") {
      // Safetensors' first eight bytes are a length, which may begin like a pickle; its ninth is a brace.
      let content = try PyTorchFile(chain: file, path: path)
      (format, tensors, scalars) = (.pytorch, content.tensors, content.scalars)
    } else if begins([0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]) || HDF5Seal.begins(file) {
      // libhdf5 can crash on damaged files, so it is given none that doesn't carry its checksum.
      guard HDF5Seal.begins(file) else {
        throw WeightFileError.unreadable(
          path: path,
          problem:
            "it is an HDF5 file that this program did not write, such as Keras's; PyTorch's files (.pth, .bin) or "
            + "safetensors are needed")
      }
      try HDF5Seal.check(url)
      let content = try hdf5.read(url)
      (format, tensors, scalars) = (.hdf5, content.tensors, content.texts)
    } else {
      // Safetensors' ninth byte opens its header.
      if file.count <= 8 || file[file.startIndex + 8] != UInt8(ascii: "{"),
        let problem = UnknownFile.problem(file, path: path)
      {
        throw WeightFileError.unreadable(path: path, problem: problem)
      }
      (format, tensors, scalars) = (.safetensors, try Safetensors.read(url), try Safetensors.readMetadata(url))
    }
  }

  package init(path: String, format: Format, tensors: [String: StoredTensor], scalars: [String: String]) {
    (self.path, self.format, self.tensors, self.scalars) = (path, format, tensors, scalars)
  }
}
