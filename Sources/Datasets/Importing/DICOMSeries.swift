import Files
import Foundation

/// A folder with a DICOM series, which dcm2niix makes a volume of: their library, not ours.
package enum DICOMSeries {
  /// dcm2niix is there and cannot be started: the machine's failure, exit code 1.
  struct StartFailure: Error, CustomStringConvertible {
    let description: String
  }

  /// Whether a folder holds files that begin as DICOM's do.
  /// - Throws: `FileError` when it cannot be read.
  package static func isThere(in folder: URL) throws -> Bool {
    try FolderListing.names(in: folder).contains { name in
      guard let file = try? FileHandle(forReadingFrom: folder.appendingPathComponent(name)) else { return false }
      defer { try? file.close() }
      let beginning = (try? file.read(upToCount: 132)) ?? Data()
      return beginning.count == 132 && beginning.suffix(4) == Data("DICM".utf8)
    }
  }

  /// Writes the folder's series as NIfTI, in the folder's name.
  /// - Parameter scratch: an empty folder for what dcm2niix makes.
  /// - Returns: the volume, and what has to be said about it.
  /// - Throws: `DatasetError` where dcm2niix is not installed, cannot read the files, or finds several series.
  package static func volume(of folder: URL, in scratch: URL) throws -> (volume: URL, warning: String?) {
    guard let program else { throw withoutConverter(folder) }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = ["-b", "n", "-z", "i", "-f", "series%s", "-o", scratch.path, folder.path]
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    try Cancellation.check()
    do { try process.run() } catch {
      throw StartFailure(description: "\(program) cannot be started: \(error.localizedDescription)")
    }
    Cancellation.child.store(process.processIdentifier, ordering: .relaxed)
    let said = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    Cancellation.child.store(0, ordering: .relaxed)
    try Cancellation.check()
    let made = try FolderListing.names(in: scratch).filter { $0.hasSuffix(".nii.gz") }
    guard process.terminationStatus == 0, !made.isEmpty else {
      let last = said.split(separator: "\n").last.map { ": \($0)" } ?? ""
      throw DatasetError("\(folder.path): dcm2niix makes no volume of its DICOM files\(last)")
    }
    // Slices at uneven places, or a tilted gantry, are resampled into a second volume beside the first.
    let corrected = made.filter { $0.contains("_Eq") || $0.contains("_Tilt") }
    let chosen = made.count == 1 ? made : corrected.count == 1 && made.count == 2 ? corrected : []
    guard let name = chosen.first else {
      throw DatasetError(
        "\(folder.path) holds \(made.count) DICOM series or parts of series (\(made.joined(separator: ", "))): give each a folder of its own"
      )
    }
    let target = scratch.appendingPathComponent(folder.lastPathComponent + ".nii.gz")
    try FileManager.default.moveItem(at: scratch.appendingPathComponent(name), to: target)
    let isResampled = made.count == 2
    return (
      target,
      isResampled ? "\(folder.path): its slices are unevenly placed or tilted; dcm2niix resampled them" : nil
    )
  }

  /// What to say of a folder where dcm2niix is missing.
  static func withoutConverter(_ folder: URL) -> DatasetError {
    DatasetError(
      "\(folder.path) holds DICOM files, of which dcm2niix makes a volume, and dcm2niix is not there (Debian: apt-get "
        + "install dcm2niix)")
  }

  /// Where dcm2niix is; nil where it isn't.
  static var program: String? {
    (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin").split(separator: ":")
      .map { "\($0)/dcm2niix" }.first { FileManager.default.isExecutableFile(atPath: $0) }
  }
}
