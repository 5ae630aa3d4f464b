import Files
import Foundation
import Imaging

/// Checks a dataset in nnU-Net's raw layout as a whole and tells everything that is wrong with it, not the first thing
/// only.
public enum DatasetVerifier {
  /// Everything found, each one sentence that names its file. Problems stop a dataset from being used; warnings do not.
  public struct Report: Sendable, Equatable, Codable {
    public var problems: [String]
    public var remarks: [FileWarning]
    public var warnings: [String] { remarks.map(\.description) }
    public var isSound: Bool { problems.isEmpty }

    public init(problems: [String] = [], remarks: [FileWarning] = []) {
      self.problems = problems
      self.remarks = remarks
    }
  }

  /// Changes whenever a dataset may be judged otherwise than before.
  public static let version = 1

  /// Verifies a dataset: all that nnU-Net's `verify_dataset_integrity` checks, and what SegBench needs beyond it. A dataset
  /// that nnU-Net refuses is not sound here either. Beyond nnU-Net, infinite values, regions that hold the background
  /// and channels that are not numbered from 0 without gaps are problems; a label map without an image is a warning.
  /// - Parameter strictGeometry: whether what is merely odd about the grids is a problem too.
  /// - Throws: `DatasetError` or `JSONError` when there is no dataset to look into: no folder, no `dataset.json` that is
  ///   JSON.
  public static func verify(
    _ directory: URL, strictGeometry: Bool = false, workers: Int = ProcessInfo.processInfo.activeProcessorCount,
    progress: Files.Progress = .silent
  ) throws -> Report {
    guard RawDataset.isDirectory(directory) else {
      throw DatasetError("\(directory.path): there is no such folder; a dataset in nnU-Net's layout is needed.")
    }
    let file = directory.appendingPathComponent("dataset.json")
    let document = try JSONValue.read(file)
    let (parts, problems) = DatasetDescription.parts(of: document, path: file.path)
    var report = Report(problems: problems)
    report.problems += [RawDataset.filesNamedElsewhere(document, path: file.path)].compactMap { $0 }
    // Without the channels and the ending it is unknown which files belong together.
    guard let description = parts.description else { return report }
    // Each a topic of its own: they are of one file.
    report.remarks += (parts.labels?.warnings ?? []).map {
      FileWarning(.content, topic: $0, path: file.path, detail: $0)
    }
    let contents = try RawDataset.contents(of: directory, description)
    report.problems += contents.problems
    report.problems += try miscounted(directory, contents.cases, parts.trainingCount, description.fileEnding)
    let labels = directory.appendingPathComponent("labelsTr")
    let hasLabels = RawDataset.isDirectory(labels)
    if !hasLabels {
      report.problems.append("\(labels.path): there is no such folder; the training cases' label maps belong there.")
    }
    try strayFiles(in: directory, contents.cases, description, &report)
    let counter = ProgressCounter(total: contents.cases.count, progress: progress)
    let cases = try concurrentMap(contents.cases.count, workers: workers) { index in
      var source = contents.cases[index]
      if !hasLabels { source.label = nil }
      let result = try verify(
        source, labelCount: parts.labels == nil ? nil : description.valueCount, ignoring: description.ignoreLabel)
      counter.advance(note: source.name)
      return result
    }
    for result in cases {
      report.problems += result.report.problems
      report.remarks += result.report.remarks
    }
    report.remarks += [GridSurvey.withoutPlace(cases.map(\.grids), in: directory)].compactMap { $0 }
    if strictGeometry {
      report.problems += report.remarks.filter { $0.kind == .geometry }.map(\.description)
      report.remarks.removeAll { $0.kind == .geometry }
    }
    return report
  }

  /// Refuses a dataset with missing or stray files, without opening any: what keeps a vanished file from going unnoticed.
  /// - Throws: `DatasetError` with every problem.
  public static func requireComplete(_ dataset: RawDataset) throws {
    let needed = dataset.cases.flatMap { $0.images + [$0.label].compactMap { $0 } }
    let missing = needed.filter { !FileManager.default.fileExists(atPath: $0.path) }.map {
      "\($0.path): the file is missing."
    }
    var report = Report(problems: missing)
    try strayFiles(in: dataset.directory, dataset.cases, dataset.description, &report)
    report.problems += try miscounted(
      dataset.directory, dataset.cases, dataset.description.trainingCount, dataset.description.fileEnding)
    guard report.isSound else { throw DatasetError(report.problems.joined(separator: "\n  ")) }
  }

  /// Says when `dataset.json` counts other cases than there are, and names those that have a label map but no image.
  private static func miscounted(
    _ directory: URL, _ cases: [RawDataset.Case], _ count: Int?, _ ending: String
  ) throws -> [String] {
    guard let count, count != cases.count else { return [] }
    let names = Set(cases.map(\.name))
    let labels = directory.appendingPathComponent("labelsTr")
    let orphans = (try FolderListing.ifReadable(labels)?.names ?? [])
      .filter { $0.hasSuffix(ending) }.map { String($0.dropLast(ending.count)) }.filter {
        !names.contains($0)
      }.sorted()
    let shown = orphans.prefix(5).joined(separator: ", ") + (orphans.count > 5 ? " and \(orphans.count - 5) more" : "")
    return [
      "\(directory.appendingPathComponent("dataset.json").path): \"numTraining\" is \(count), but imagesTr holds "
        + "\(cases.count) cases" + (orphans.isEmpty ? "." : "; label maps without an image: \(shown).")
    ]
  }

  /// Images of channels that `dataset.json` does not name, and labels without an image.
  private static func strayFiles(
    in directory: URL, _ cases: [RawDataset.Case], _ description: DatasetDescription, _ report: inout Report
  ) throws {
    let ending = description.fileEnding
    func files(_ folder: String) throws -> [String] {
      let url = directory.appendingPathComponent(folder)
      return (try FolderListing.ifReadable(url)?.names ?? []).filter { $0.hasSuffix(ending) }
    }
    let expected = Set(cases.flatMap { $0.images.map(\.lastPathComponent) })
    let names = Set(cases.map(\.name))
    let channels = description.channelNames.count
    // Images whose names carry no channel have been told of already.
    for file in try files("imagesTr")
    where !expected.contains(file) && names.contains(String(file.dropLast(ending.count + 5))) {
      report.problems.append(
        "\(directory.path)/imagesTr/\(file): dataset.json names \(channels) channels, so files go up to "
          + "_\(String(format: "%04d", channels - 1))\(ending).")
    }
    for file in try files("labelsTr") where !names.contains(String(file.dropLast(ending.count))) {
      report.remarks.append(
        FileWarning(
          .content, topic: "label maps without an image", path: "\(directory.path)/labelsTr/\(file)",
          detail: "the label map has no image in imagesTr."))
    }
  }

  /// What one case shows.
  private struct CaseFindings: Sendable {
    var report = Report()
    var grids = GridSurvey()
  }

  /// - Parameters:
  ///   - labelCount: how many values label maps may have, from 0 on; nil when that is unknown.
  ///   - ignoreLabel: the one among them of voxels that nobody annotated.
  private static func verify(
    _ source: RawDataset.Case, labelCount: Int?, ignoring ignoreLabel: Int?
  ) throws -> CaseFindings {
    var findings = CaseFindings()
    // What is no error of the input, a disk that fails or a stop that was asked for, is no finding about the file.
    func read<V>(_ url: URL, _ body: () throws -> V) throws -> V? {
      guard FileManager.default.fileExists(atPath: url.path) else {
        findings.report.problems.append("\(url.path): the file is missing.")
        return nil
      }
      do {
        return try body()
      } catch let error as any InputError {
        findings.report.problems.append(error.description)
        return nil
      }
    }
    /// The geometry that the others must share.
    var reference: (header: NIfTIHeader, url: URL)?
    func examine(_ header: NIfTIHeader, _ url: URL) throws {
      findings.report.remarks += header.geometryWarnings(path: url.path)
      // A sheared grid is told of once, and compared with nothing.
      guard try read(url, { try header.requireOrthogonalAxes(path: url.path) }) != nil else { return }
      guard let (other, otherURL) = reference else {
        reference = (header, url)
        findings.grids.note(header, url)
        return
      }
      let differences = header.differences(from: other)
      let name = otherURL.lastPathComponent
      if differences.contains(.shape) {
        findings.report.problems.append(
          "\(url.path): the shape \(CaseVolumes.describe(header.shape)) differs from "
            + "\(CaseVolumes.describe(other.shape)) of \(name)."
        )
      }
      if differences.contains(.spacing) {
        findings.report.problems.append(
          "\(url.path): the spacing \(header.spacing) mm differs from \(other.spacing) mm of \(name).")
      }
      findings.report.remarks += header.warnings(
        of: differences.filter { $0 != .spacing }, from: other, paths: (url.path, name),
        use: "they are used voxel by voxel all the same; check that the two lie on one another.")
    }
    // The header first: a file whose voxels are bad is still compared.
    for url in source.images {
      guard let header = try read(url, { try NIfTI.readHeader(url) }) else { continue }
      try examine(header, url)
      guard let image = try read(url, { try NIfTI.readImage(url) }), let first = image.voxels.first,
        image.voxels.allSatisfy({ $0 == first })
      else { continue }
      findings.report.remarks.append(
        FileWarning(
          .content, topic: "images of a single value", path: url.path,
          detail: "every voxel is \(first)\(first == 0 ? ", the image is black" : ""); nothing can be seen in it."))
    }
    if let url = source.label, let header = try read(url, { try NIfTI.readHeader(url) }) {
      try examine(header, url)
      guard let label = try read(url, { try NIfTI.readLabels(url) }) else { return findings }
      let values = label.voxels.withUnsafeBufferPointer { voxels in
        var seen = [Bool](repeating: false, count: 1 << 16)
        for voxel in voxels { seen[Int(voxel) + 32768] = true }
        return seen.indices.filter { seen[$0] }.map { $0 - 32768 }
      }
      let stray = labelCount.map { count in values.filter { $0 < 0 || $0 >= count } } ?? []
      if !stray.isEmpty {
        let list = stray.prefix(8).map(String.init).joined(separator: ", ") + (stray.count > 8 ? ", ..." : "")
        findings.report.problems.append(
          "\(url.path): the label map holds \(list), which dataset.json does not list; its labels are 0 to "
            + "\(labelCount! - 1)."
        )
      }
      if values == [0] {
        findings.report.remarks.append(
          FileWarning(
            .content, topic: "label maps that are all background", path: url.path,
            detail: "the label map is all background."))
      }
      if let ignoreLabel, values == [ignoreLabel] {
        findings.report.remarks.append(
          FileWarning(
            .content, topic: "label maps without an annotated voxel", path: url.path,
            detail: "every voxel has the ignore label \(ignoreLabel): nothing is annotated."))
      }
    }
    return findings
  }
}

/// Which of a dataset's images have lost their place in the patient: no orientation, or the identity for an affine.
private struct GridSurvey: Sendable {
  private var placed = 0
  private var unplaced: URL?

  mutating func note(_ header: NIfTIHeader, _ url: URL) {
    let identity: [[Double]] = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]]
    if header.orientation == .unstated || header.affine == identity { unplaced = url } else { placed += 1 }
  }

  /// A warning when some images have a place and others have none.
  static func withoutPlace(_ surveys: [GridSurvey], in directory: URL) -> FileWarning? {
    let unplaced = surveys.compactMap(\.unplaced)
    guard let first = unplaced.first, surveys.contains(where: { $0.placed > 0 }) else { return nil }
    return FileWarning(
      .geometry, topic: "datasets in which some images have no place in the patient", path: directory.path,
      detail:
        "\(unplaced.count) of \(surveys.count) cases have an image with the identity for an affine, or with none, "
        + "such as \(first.lastPathComponent), while the others have one; its voxel sizes may be lost too.")
  }
}
