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

  /// Verifies a dataset.
  /// - Throws: `DatasetError` or `JSONError` when there is no dataset to look into: no folder, no readable
  ///   `dataset.json`.
  public static func verify(
    _ directory: URL, workers: Int = ProcessInfo.processInfo.activeProcessorCount, progress: Files.Progress = .silent
  ) throws -> Report {
    let dataset = try RawDataset(directory: directory)
    var report = Report()
    report.problems = miscounted(dataset) + strayFiles(dataset)
    let counter = ProgressCounter(total: dataset.cases.count, progress: progress)
    let cases = try concurrentMap(dataset.cases.count, workers: workers) { index in
      let result = verify(dataset.cases[index], dataset.description)
      counter.advance(note: dataset.cases[index].name)
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
    let problems = missing + strayFiles(dataset) + miscounted(dataset)
    guard problems.isEmpty else { throw DatasetError(problems.joined(separator: "\n  ")) }
  }

  private static func miscounted(_ dataset: RawDataset) -> [String] {
    guard dataset.description.trainingCount != dataset.cases.count else { return [] }
    return [
      "\(dataset.directory.appendingPathComponent("dataset.json").path): \"numTraining\" is "
        + "\(dataset.description.trainingCount), but imagesTr holds \(dataset.cases.count) cases."
    ]
  }

  /// Images of channels that `dataset.json` does not name, and labels without an image.
  private static func strayFiles(_ dataset: RawDataset) -> [String] {
    let ending = dataset.description.fileEnding
    func files(_ folder: String) -> [String] {
      let url = dataset.directory.appendingPathComponent(folder)
      return ((try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? [])
        .filter { $0.hasSuffix(ending) && !$0.hasPrefix(".") }.sorted()
    }
    let expected = Set(dataset.cases.flatMap { $0.images.map(\.lastPathComponent) })
    let labels = Set(dataset.cases.compactMap { $0.label?.lastPathComponent })
    let channels = dataset.description.channelNames.count
    return files("imagesTr").filter { !expected.contains($0) }.map {
      "\(dataset.directory.path)/imagesTr/\($0): dataset.json names \(channels) channels, so files go up to "
        + "_\(String(format: "%04d", channels - 1))\(ending)."
    }
      + files("labelsTr").filter { !labels.contains($0) }.map {
        "\(dataset.directory.path)/labelsTr/\($0): the label map has no image in imagesTr."
      }
  }

  private static func verify(_ source: RawDataset.Case, _ description: DatasetDescription) -> Report {
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
      let same = zip(header.affine.joined(), other.affine.joined()).allSatisfy { abs($0 - $1) <= 1e-3 + 1e-5 * abs($1) }
      if !same {
        report.warnings.append(
          "\(url.path): origin or orientation differ from those of \(name); check that the two lie on one another.")
      }
    }
    for url in source.images {
      guard let image = read(url, { try NIfTI.readImage(url) }) else { continue }
      if !image.voxels.withUnsafeBufferPointer(allFinite) {
        report.problems.append("\(url.path): the image holds NaN or infinite values.")
      }
      compare(image.header, url)
    }
    if let url = source.label, let label = read(url, { try NIfTI.readLabels(url) }) {
      compare(label.header, url)
      let values = label.voxels.withUnsafeBufferPointer { voxels in
        var seen = [Bool](repeating: false, count: 1 << 16)
        for voxel in voxels { seen[Int(voxel) + 32768] = true }
        return seen.indices.filter { seen[$0] }.map { $0 - 32768 }
      }
      let stray = values.filter { $0 < 0 || $0 >= description.classCount }
      if !stray.isEmpty {
        let list = stray.prefix(8).map(String.init).joined(separator: ", ") + (stray.count > 8 ? ", ..." : "")
        report.problems.append(
          "\(url.path): the label map holds \(list), which dataset.json does not list; its labels are 0 to "
            + "\(description.classCount - 1)."
        )
      }
      if values == [0] { report.warnings.append("\(url.path): the label map is all background.") }
    }
    return report
  }
}
