import Dispatch
import Files
import Foundation
import Imaging
import Synchronization

/// A class to evaluate: one label, or several that count as one region.
public struct EvaluationClass: Sendable, Equatable {
  public let name: String
  /// The label values, in order, without repeats.
  public let labels: [Int16]

  public init(name: String, labels: [Int16]) {
    precondition(!labels.isEmpty, "a class has labels")
    self.name = name
    self.labels = Set(labels).sorted()
  }

  /// How reports name the class: its labels joined by commas.
  public var key: String { labels.map(String.init).joined(separator: ",") }
}

/// Everything about a set of predictions that keeps them from being evaluated.
public struct EvaluationError: InputError, Equatable {
  /// One phrase each.
  public let problems: [String]

  public var description: String {
    problems.count == 1
      ? "The predictions cannot be evaluated: \(problems[0])."
      : "The predictions cannot be evaluated for \(problems.count) reasons:\n  " + problems.joined(separator: "\n  ")
  }
}

/// Compares predicted label volumes with reference ones: DSC, NSD and HD95 for each class and case, and the paper's means.
public struct Evaluator: Sendable {
  /// The classes, or nil for every label that occurs, 0 left out.
  public let classes: [EvaluationClass]?
  /// The references' label of voxels that nobody annotated: whatever is predicted there counts as nothing.
  public let ignoreLabel: Int16?
  /// mm.
  public let tolerance: Double
  public let convention: SurfaceConvention
  /// Of a report's means.
  public let averaging: Averaging
  /// Whether a prediction whose header describes another grid than its reference's is refused, and not only told of.
  public let strictGeometry: Bool

  /// - Parameters:
  ///   - classes: nil takes every label that occurs in a reference or prediction as a class; else other labels are refused.
  ///   - tolerance: of NSD, in mm.
  public init(
    classes: [EvaluationClass]?, ignoreLabel: Int16? = nil, tolerance: Double = 1,
    convention: SurfaceConvention = .monai, averaging: Averaging = Averaging(), strictGeometry: Bool = false
  ) {
    precondition(tolerance >= 0 && tolerance.isFinite, "a tolerance of \(tolerance) mm")
    self.classes = classes
    self.ignoreLabel = ignoreLabel
    self.tolerance = tolerance
    self.convention = convention
    self.averaging = averaging
    self.strictGeometry = strictGeometry
  }

  /// The metrics of each class between two volumes of one shape. The classes run in parallel; their results don't depend
  /// on it. Uses the reference's spacing.
  /// - Throws: `CancellationError` once a stop was asked for.
  public func evaluate(
    reference: Volume<Int16>, prediction: Volume<Int16>, classes: [EvaluationClass]
  ) throws -> [ClassMetrics] {
    precondition(reference.shape == prediction.shape, "volumes of \(reference.shape) and \(prediction.shape)")
    let (reference, prediction) = annotated(reference, prediction)
    return try evaluate(
      reference: reference, prediction: prediction, classes: classes,
      boxes: LabelBoxes([reference.voxels, prediction.voxels], shape: reference.shape))
  }

  /// Both volumes with background where the reference has the ignore label.
  private func annotated(_ reference: Volume<Int16>, _ prediction: Volume<Int16>) -> (Volume<Int16>, Volume<Int16>) {
    guard let ignoreLabel, reference.voxels.contains(ignoreLabel) else { return (reference, prediction) }
    var (theirs, ours) = (reference, prediction)
    for voxel in reference.voxels.indices where reference.voxels[voxel] == ignoreLabel {
      theirs.voxels[voxel] = 0
      ours.voxels[voxel] = 0
    }
    return (theirs, ours)
  }

  private func evaluate(
    reference: Volume<Int16>, prediction: Volume<Int16>, classes: [EvaluationClass], boxes: LabelBoxes
  ) throws -> [ClassMetrics] {
    precondition(reference.shape == prediction.shape, "volumes of \(reference.shape) and \(prediction.shape)")
    let metrics = SegmentationMetrics(
      spacing: reference.spacing, tolerance: tolerance, convention: convention,
      isFlat: reference.header.axisCount == 2)
    var results = [ClassMetrics](repeating: .absent, count: classes.count)
    // The largest first, so that none is left for one thread at the end.
    let classBoxes = classes.map { boxes.box(of: $0.labels) }
    let bytes = classBoxes.map { $0.map(Self.workMemory) ?? 0 }
    let order = bytes.indices.sorted { (bytes[$0], $1) > (bytes[$1], $0) }
    let next = Mutex(0)
    let failure = Mutex<(any Error)?>(nil)
    results.withUnsafeMutableBufferPointer { results in
      // Each class has its own element.
      nonisolated(unsafe) let results = results
      DispatchQueue.concurrentPerform(iterations: Self.classesAtOnce(order.map { bytes[$0] })) { _ in
        while true {
          let place = next.withLock { next in
            next += 1
            return next - 1
          }
          guard place < order.count else { return }
          let index = order[place]
          do {
            results[index] = try metrics.metrics(
              reference: reference.voxels, prediction: prediction.voxels, shape: reference.shape,
              box: classBoxes[index], labels: classes[index].labels)
          } catch { return failure.withLock { $0 = error } }
        }
      }
    }
    if let failure = failure.withLock({ $0 }) { throw failure }
    return results
  }

  /// About what measuring a class takes, at 6 bytes a voxel of its box and the rim around it.
  private static func workMemory(_ box: VoxelBox) -> Int {
    zip(box.lower, box.upper).reduce(6) { $0 * ($1.1 - $1.0 + 2) }
  }

  /// How many classes go at once: one a core, but no more than take 1.5 GiB together.
  /// - Parameter bytes: what each class takes, the largest first.
  private static func classesAtOnce(_ bytes: [Int]) -> Int {
    var total = 0
    let fitting = bytes.prefix {
      total += $0
      return total <= 3 << 29
    }
    return max(1, min(fitting.count, ProcessInfo.processInfo.activeProcessorCount))
  }

  /// Evaluates every case of a folder of references (.nii or .nii.gz) against the files of the same names in a folder of
  /// predictions, voxel by voxel as nnU-Net does: shapes must be equal; of other voxel sizes, directions and origins the
  /// report warns, and distances are measured with the reference's voxel sizes.
  /// - Parameters:
  ///   - cases: the names to take, without extensions; nil takes all and needs both folders to hold the same.
  ///   - subset: take those that both folders hold; the report says which it leaves out.
  /// - Throws: `EvaluationError` with everything that is wrong in both folders, or `FileError`.
  public func evaluate(
    references: URL, predictions: URL, cases: [String]? = nil, subset: Bool = false,
    progress: Files.Progress = .silent
  ) throws -> EvaluationReport {
    let (theirs, ours) = (try Self.volumes(in: references), try Self.volumes(in: predictions))
    var problems: [String] = []
    let all = Set(theirs.keys).union(ours.keys).sorted()
    let common = all.filter { theirs[$0] != nil && ours[$0] != nil }
    let names = cases.map { Set($0).sorted() } ?? (subset ? common : all)
    let unscored = subset ? all.filter { !names.contains($0) } : []
    if names.isEmpty {
      problems.append(
        all.isEmpty
          ? "\(references.path) has no .nii or .nii.gz file"
          : "no file of \(predictions.path) has the name of one of \(references.path)")
    }
    var paired: [(name: String, reference: URL, prediction: URL)] = []
    for name in names {
      if theirs[name] == nil { problems.append("there is no reference for \"\(name)\" in \(references.path)") }
      if ours[name] == nil {
        problems.append(
          "there is no prediction for \"\(name)\" in \(predictions.path), such as \(name).nii.gz"
            + (ours[name + "_0000"] == nil ? "" : "; \(name)_0000 is named like an image's channel"))
      }
      if let reference = theirs[name], let prediction = ours[name] { paired.append((name, reference, prediction)) }
    }
    // Cases are evaluated only while nothing is wrong; what is wrong is collected to the end.
    var measured: [(name: String, diagonal: Double, classes: [EvaluationClass], metrics: [ClassMetrics])] = []
    var warnings: [FileWarning] = []
    if !paired.isEmpty { progress(0, of: paired.count) }
    for (index, (name, reference, prediction)) in paired.enumerated() {
      try Cancellation.check()
      do {
        var volumes = (try NIfTI.readLabels(reference), try NIfTI.readLabels(prediction))
        if let problem = shapeProblem(name, volumes.0, volumes.1, prediction) {
          problems.append(problem)
          continue
        }
        let odd = gridWarnings(volumes.0.header, volumes.1.header, reference, prediction)
        if strictGeometry { problems += odd.map(\.description) } else { warnings += odd }
        volumes = annotated(volumes.0, volumes.1)
        let boxes = LabelBoxes([volumes.0.voxels, volumes.1.voxels], shape: volumes.0.shape)
        problems += labelProblems(name, boxes.labels, volumes.1, prediction)
        guard problems.isEmpty else { continue }
        let classes = self.classes ?? boxes.labels.map { EvaluationClass(name: "\($0)", labels: [$0]) }
        let metrics = try evaluate(reference: volumes.0, prediction: volumes.1, classes: classes, boxes: boxes)
        measured.append((name, volumes.0.diagonal, classes, metrics))
      } catch let error as InputError {
        problems.append(error.description.hasSuffix(".") ? String(error.description.dropLast()) : error.description)
      }
      progress(index + 1, of: paired.count, note: name)
    }
    guard problems.isEmpty else { throw EvaluationError(problems: problems) }
    var report = report(measured, warnings)
    report.withoutPrediction = unscored.filter { theirs[$0] != nil }
    report.withoutReference = unscored.filter { theirs[$0] == nil }
    return report
  }

  private func report(
    _ measured: [(name: String, diagonal: Double, classes: [EvaluationClass], metrics: [ClassMetrics])],
    _ warnings: [FileWarning]
  ) -> EvaluationReport {
    let all =
      classes
      ?? Set(measured.flatMap { $0.classes.flatMap(\.labels) }).sorted()
      .map { EvaluationClass(name: "\($0)", labels: [$0]) }
    let cases = measured.map { name, diagonal, classes, metrics in
      CaseMetrics(
        name: name, classes: all.map { wanted in classes.firstIndex(of: wanted).map { metrics[$0] } ?? .absent },
        diagonal: diagonal)
    }
    return EvaluationReport(classes: all, cases: cases, averaging: averaging, warnings: warnings)
  }

  private func shapeProblem(
    _ name: String, _ reference: Volume<Int16>, _ prediction: Volume<Int16>, _ file: URL
  ) -> String? {
    guard reference.shape != prediction.shape else { return nil }
    func text(_ values: [Int]) -> String { values.reversed().map { "\($0)" }.joined(separator: " x ") }
    return "\"\(name)\" has \(text(prediction.shape)) voxels in the prediction and \(text(reference.shape)) in the "
      + "reference (\(file.path))"
  }

  /// What is odd about the headers of a case whose two label maps have one shape.
  private func gridWarnings(
    _ reference: NIfTIHeader, _ prediction: NIfTIHeader, _ referenceFile: URL, _ file: URL
  ) -> [FileWarning] {
    let use = strictGeometry ? "they must agree" : "scored voxel by voxel, with the reference's voxel sizes"
    let sheared = [(reference, referenceFile), (prediction, file)].filter { $0.0.orientation == .sheared }.map {
      FileWarning(
        .geometry, topic: "label maps whose axes are not at right angles", path: $1.path,
        detail: "its axes are not at right angles; \(use)")
    }
    guard sheared.isEmpty else { return sheared }
    return prediction.warnings(
      of: prediction.differences(from: reference), from: reference,
      paths: (file.path, "the reference"), use: use)
  }

  private func labelProblems(
    _ name: String, _ found: [Int16], _ prediction: Volume<Int16>, _ file: URL
  ) -> [String] {
    guard let classes else { return [] }
    let known = Set(classes.flatMap(\.labels))
    let unknown = found.filter { !known.contains($0) }
    guard !unknown.isEmpty else { return [] }
    let list = unknown.prefix(8).map(String.init).joined(separator: ", ") + (unknown.count > 8 ? ", ..." : "")
    return [
      "\"\(name)\" has the labels \(list), which no class has, "
        + "in \(prediction.voxels.contains(unknown[0]) ? file.path : "its reference"); the classes have "
        + known.sorted().map(String.init).joined(separator: ", ")
    ]
  }

  /// The volumes of a folder by their names without extensions.
  private static func volumes(in folder: URL) throws -> [String: URL] {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: folder.path, isDirectory: &isFolder) else {
      throw FileError.notFound(path: folder.path)
    }
    guard isFolder.boolValue, let listing = try FolderListing.ifReadable(folder) else {
      throw FileError.unreadable(path: folder.path, reason: "a folder of .nii or .nii.gz files was expected")
    }
    if let problem = listing.problems.first { throw problem }
    var volumes: [String: URL] = [:]
    for file in listing.names {
      for suffix in [".nii.gz", ".nii"] where file.hasSuffix(suffix) {
        volumes[String(file.dropLast(suffix.count))] = folder.appendingPathComponent(file)
        break
      }
    }
    return volumes
  }
}
