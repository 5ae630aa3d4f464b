import Files
import Foundation
import Imaging

/// Checks a dataset in nnU-Net's raw layout as a whole and tells everything that is wrong with it, not the first thing
/// only.
public enum DatasetVerifier {
  /// Everything found, each one sentence that names its file. Problems stop a dataset from being used; warnings do not.
  public struct Report: Sendable, Equatable {
    public var problems: [String]
    public var warnings: [String]
    public var isSound: Bool { problems.isEmpty }

    public init(problems: [String] = [], warnings: [String] = []) {
      self.problems = problems
      self.warnings = warnings
    }
  }

  /// Verifies a dataset: all that nnU-Net's `verify_dataset_integrity` checks, and what SegBench needs beyond it. A dataset
  /// that nnU-Net refuses is not sound here either. Beyond nnU-Net, infinite values, regions that hold the background
  /// and channels that are not numbered from 0 without gaps are problems; a label map without an image is a warning.
  /// - Throws: `DatasetError` or `JSONError` when there is no dataset to look into: no folder, no `dataset.json` that is
  ///   JSON.
  public static func verify(
    _ directory: URL, workers: Int = ProcessInfo.processInfo.activeProcessorCount, progress: Files.Progress = .silent
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
    report.warnings += (parts.labels?.warnings ?? []).map { "\(file.path): \($0)" }
    let contents = RawDataset.contents(of: directory, description)
    report.problems += contents.problems
    report.problems += miscounted(directory, contents.cases, parts.trainingCount, description.fileEnding)
    let labels = directory.appendingPathComponent("labelsTr")
    let hasLabels = RawDataset.isDirectory(labels)
    if !hasLabels {
      report.problems.append("\(labels.path): there is no such folder; the training cases' label maps belong there.")
    }
    strayFiles(in: directory, contents.cases, description, &report)
    let counter = ProgressCounter(total: contents.cases.count, progress: progress)
    let cases = try concurrentMap(contents.cases.count, workers: workers) { index in
      var source = contents.cases[index]
      if !hasLabels { source.label = nil }
      let result = verify(
        source, labelCount: parts.labels == nil ? nil : description.valueCount, ignoring: description.ignoreLabel)
      counter.advance(note: source.name)
      return result
    }
    for result in cases {
      report.problems += result.problems
      report.warnings += result.warnings
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
    strayFiles(in: dataset.directory, dataset.cases, dataset.description, &report)
    report.problems += miscounted(
      dataset.directory, dataset.cases, dataset.description.trainingCount, dataset.description.fileEnding)
    guard report.isSound else { throw DatasetError(report.problems.joined(separator: "\n  ")) }
  }

  /// Says when `dataset.json` counts other cases than there are, and names those that have a label map but no image.
  private static func miscounted(
    _ directory: URL, _ cases: [RawDataset.Case], _ count: Int?, _ ending: String
  ) -> [String] {
    guard let count, count != cases.count else { return [] }
    let names = Set(cases.map(\.name))
    let labels = directory.appendingPathComponent("labelsTr").path
    let orphans = ((try? FileManager.default.contentsOfDirectory(atPath: labels)) ?? [])
      .filter { $0.hasSuffix(ending) && !$0.hasPrefix(".") }.map { String($0.dropLast(ending.count)) }.filter {
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
  ) {
    let ending = description.fileEnding
    func files(_ folder: String) -> [String] {
      let url = directory.appendingPathComponent(folder)
      return ((try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? [])
        .filter { $0.hasSuffix(ending) && !$0.hasPrefix(".") }.sorted()
    }
    let expected = Set(cases.flatMap { $0.images.map(\.lastPathComponent) })
    let names = Set(cases.map(\.name))
    let channels = description.channelNames.count
    // Images whose names carry no channel have been told of already.
    for file in files("imagesTr")
    where !expected.contains(file) && names.contains(String(file.dropLast(ending.count + 5))) {
      report.problems.append(
        "\(directory.path)/imagesTr/\(file): dataset.json names \(channels) channels, so files go up to "
          + "_\(String(format: "%04d", channels - 1))\(ending).")
    }
    for file in files("labelsTr") where !names.contains(String(file.dropLast(ending.count))) {
      report.warnings.append("\(directory.path)/labelsTr/\(file): the label map has no image in imagesTr.")
    }
  }

  /// - Parameters:
  ///   - labelCount: how many values label maps may have, from 0 on; nil when that is unknown.
  ///   - ignoreLabel: the one among them of voxels that nobody annotated.
  private static func verify(_ source: RawDataset.Case, labelCount: Int?, ignoring ignoreLabel: Int?) -> Report {
    var report = Report()
    func read<V>(_ url: URL, _ body: () throws -> V) -> V? {
      guard FileManager.default.fileExists(atPath: url.path) else {
        report.problems.append("\(url.path): the file is missing.")
        return nil
      }
      do {
        return try body()
      } catch let error as any InputError {
        report.problems.append(error.description)
      } catch {
        report.problems.append("\(url.path): the file cannot be read: \(error).")
      }
      return nil
    }
    /// The geometry that the others must share.
    var reference: (header: NIfTIHeader, url: URL)?
    func compare(_ header: NIfTIHeader, _ url: URL) {
      guard let (other, otherURL) = reference else {
        reference = (header, url)
        return
      }
      let name = otherURL.lastPathComponent
      if header.shape != other.shape {
        report.problems.append(
          "\(url.path): the shape \(CaseVolumes.describe(header.shape)) differs from "
            + "\(CaseVolumes.describe(other.shape)) of \(name)."
        )
      }
      if !CaseVolumes.sameSpacing(header.spacing, other.spacing) {
        report.problems.append(
          "\(url.path): the spacing \(header.spacing) mm differs from \(other.spacing) mm of \(name).")
      }
      if !sameDirection(header.affine, other.affine) {
        report.warnings.append(
          "\(url.path): origin or orientation differ from those of \(name); check that the two lie on one another.")
      }
    }
    // The header first: a file whose voxels are bad is still compared.
    for url in source.images {
      guard let header = read(url, { try NIfTI.readHeader(url) }) else { continue }
      compare(header, url)
      _ = read(url) { _ = try NIfTI.readImage(url) }
    }
    if let url = source.label, let header = read(url, { try NIfTI.readHeader(url) }) {
      compare(header, url)
      guard let label = read(url, { try NIfTI.readLabels(url) }) else { return report }
      let values = label.voxels.withUnsafeBufferPointer { voxels in
        var seen = [Bool](repeating: false, count: 1 << 16)
        for voxel in voxels { seen[Int(voxel) + 32768] = true }
        return seen.indices.filter { seen[$0] }.map { $0 - 32768 }
      }
      let stray = labelCount.map { count in values.filter { $0 < 0 || $0 >= count } } ?? []
      if !stray.isEmpty {
        let list = stray.prefix(8).map(String.init).joined(separator: ", ") + (stray.count > 8 ? ", ..." : "")
        report.problems.append(
          "\(url.path): the label map holds \(list), which dataset.json does not list; its labels are 0 to "
            + "\(labelCount! - 1)."
        )
      }
      if values == [0] { report.warnings.append("\(url.path): the label map is all background.") }
      if let ignoreLabel, values == [ignoreLabel] {
        report.warnings.append("\(url.path): every voxel has the ignore label \(ignoreLabel): nothing is annotated.")
      }
    }
    return report
  }

  /// Whether two affines have one origin to 1 micrometre and one orientation.
  private static func sameDirection(_ a: [[Double]], _ b: [[Double]]) -> Bool {
    (0..<4).allSatisfy { column in
      func length(_ affine: [[Double]]) -> Double {
        column == 3 ? 1 : max((0..<3).reduce(0) { $0 + affine[$1][column] * affine[$1][column] }.squareRoot(), 1e-12)
      }
      let (first, second) = (length(a), length(b))
      return (0..<3).allSatisfy { row in
        let (x, y) = (a[row][column] / first, b[row][column] / second)
        return abs(x - y) <= 1e-6 + 1e-5 * abs(y)
      }
    }
  }
}
