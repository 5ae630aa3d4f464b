import Files
import Foundation
import Pretraining
import Training

/// A run's `metrics.jsonl`: a line of JSON for each epoch, as it ends, for dashboards that watch files. A training that goes on
/// writes its earlier epochs first, so that the file always tells the whole. What is undefined is null. Like the log, it stops
/// nothing where it can't be written; `run.h5` keeps the same values.
final class MetricsLog {
  private let file: URL

  init(folder: URL) {
    file = folder.appendingPathComponent("metrics.jsonl")
    unlink(file.path)
  }

  func add(_ record: EpochRecord) {
    add([
      ("epoch", .whole(record.epoch + 1)), ("training_loss", .one(record.trainingLoss)),
      ("validation_loss", .one(record.validationLoss)), ("mean_pseudo_dice", .one(record.meanPseudoDice)),
      ("smoothed_pseudo_dice", .one(record.movingAverage)), ("pseudo_dice", .several(record.pseudoDice)),
      ("learning_rates", .several(record.learningRates)), ("seconds", .one(record.seconds)),
    ])
  }

  func add(_ record: PretrainingRecord) {
    let names = PretrainingRecord.columns.map { $0.lowercased().replacing(" ", with: "_") }
    add([("iteration", .whole(record.iterations))] + zip(names, record.values).dropFirst().map { ($0, .one($1)) })
  }

  private enum Value {
    case whole(Int)
    case one(Double)
    case several([Double])

    var text: String {
      switch self {
      case .whole(let value): "\(value)"
      case .one(let value): value.isFinite ? "\(value)" : "null"
      case .several(let values): "[" + values.map { Value.one($0).text }.joined(separator: ", ") + "]"
      }
    }
  }

  private func add(_ values: [(name: String, value: Value)]) {
    let line = "{" + values.map { "\"\($0.name)\": \($0.value.text)" }.joined(separator: ", ") + "}\n"
    let descriptor = open(file.path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    _ = Array(line.utf8).withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
  }
}
