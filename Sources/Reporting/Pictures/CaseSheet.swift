import Datasets
import Evaluation
import Experiments
import Files
import Foundation
import Imaging

/// The best, the median and the worst case of a run, one under the other, each as an `Overlay` of its fullest slice.
public enum CaseSheet {
  /// The cases of a run by their mean DSC: the best, the median (the lower of two) and the worst, each once.
  public static func cases(of scores: ScoreTable) -> [(rank: String, name: String, dsc: Double)] {
    let ranked = zip(scores.cases, scores.caseMeans(.dsc)).compactMap { item, mean in mean.map { (item.name, $0) } }
      .sorted { $0.1 != $1.1 ? $0.1 > $1.1 : $0.0 < $1.0 }
    guard !ranked.isEmpty else { return [] }
    let places = [("best", 0), ("median", ranked.count / 2), ("worst", ranked.count - 1)]
    var shown: Set<Int> = []
    return places.filter { shown.insert($0.1).inserted }.map { ($0.0, ranked[$0.1].0, ranked[$0.1].1) }
  }

  /// Draws the sheet of a finished run.
  /// - Parameters:
  ///   - folder: the run's folder, with its predictions.
  ///   - dataset: what the run was evaluated on.
  ///   - title: what the sheet says at its top, before each case's rank.
  /// - Throws: what reading the volumes throws; `ReportError` when their shapes differ.
  public static func picture(
    of summary: RunSummary, in folder: URL, labels: [PictureLabel], dataset: RawDataset, title: String
  ) throws -> PNGImage? {
    var pictures: [PNGImage] = []
    let axis = try sliceAxis(run: folder, dataset: dataset)
    for (rank, name, dsc) in cases(of: summary.scores) {
      guard let source = dataset.cases.first(where: { $0.name == name }), let label = source.label else { continue }
      let image = try NIfTI.readImage(source.images[0])
      let reference = try NIfTI.readLabels(label)
      let prediction = try NIfTI.readLabels(folder.appendingPathComponent("predictions/\(name).nii.gz"))
      let isCT = dataset.description.channelNames.first.map { $0.uppercased() == "CT" } ?? false
      // Hounsfield values fall below -160 in air and fat; MR's intensities don't.
      let window = isCT && (image.voxels.min() ?? 0) < -160 ? .softTissue : IntensityWindow.percentiles(of: image)
      pictures.append(
        try Overlay.picture(
          image: image, reference: reference, prediction: prediction,
          slice: Overlay.fullestSlice(of: reference, across: axis), across: axis,
          labels: labels, window: window, title: "\(title): \(rank), \(name), DSC \(NumberText.percent(dsc))",
          panelWidth: 240))
    }
    return stacked(pictures)
  }

  /// The axis [Z, Y, X] across which a run's slices lie: its plan's, or for a run without a plan the dataset's.
  static func sliceAxis(run folder: URL, dataset: @autoclosure () throws -> RawDataset) throws -> Int {
    let plans = folder.appendingPathComponent("nnUNetPlans.json")
    guard FileManager.default.fileExists(atPath: plans.path) else { return try dataset().sliceAxis() }
    return try Plans(contentsOf: plans).transposeForward[0]
  }

  /// Pictures of three channels one under the other, on white.
  static func stacked(_ pictures: [PNGImage]) -> PNGImage? {
    guard let width = pictures.map(\.width).max() else { return nil }
    var pixels: [UInt8] = []
    for picture in pictures {
      for row in 0..<picture.height {
        pixels += picture.pixels[row * 3 * picture.width..<(row + 1) * 3 * picture.width]
        pixels += [UInt8](repeating: 255, count: 3 * (width - picture.width))
      }
    }
    return PNGImage(width: width, height: pictures.reduce(0) { $0 + $1.height }, channels: 3, pixels: pixels)
  }
}
