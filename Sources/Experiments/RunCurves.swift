import Pretraining
import Training

/// One epoch of a supervised training.
public struct CurvePoint: Sendable, Equatable {
  /// Counted from 0.
  public var epoch: Int
  public var trainingLoss: Double
  /// Nil without validation.
  public var validationLoss: Double?
  /// The mean foreground Dice over the validation batches, in [0, 1].
  public var pseudoDice: Double?
  /// Its exponential moving average.
  public var smoothedPseudoDice: Double?
  /// The pseudo-Dice of each class; nil for a class that did not occur.
  public var classDice: [Double?]
  /// Wall time, validation included.
  public var seconds: Double

  public init(
    epoch: Int, trainingLoss: Double, validationLoss: Double? = nil, pseudoDice: Double? = nil,
    smoothedPseudoDice: Double? = nil, classDice: [Double?] = [], seconds: Double = 0
  ) {
    self.epoch = epoch
    self.trainingLoss = trainingLoss
    self.validationLoss = validationLoss
    self.pseudoDice = pseudoDice
    self.smoothedPseudoDice = smoothedPseudoDice
    self.classDice = classDice
    self.seconds = seconds
  }

  /// From the trainer's record, whose undefined values are NaN.
  init(_ record: EpochRecord) {
    self.init(
      epoch: record.epoch, trainingLoss: record.trainingLoss, validationLoss: record.validationLoss.ifDefined,
      pseudoDice: record.meanPseudoDice.ifDefined, smoothedPseudoDice: record.movingAverage.ifDefined,
      classDice: record.pseudoDice.map(\.ifDefined), seconds: record.seconds)
  }
}

/// How a run went while it trained.
public enum RunCurves: Sendable, Equatable {
  /// Of a run that trained nothing.
  case none
  /// By epoch; the classes whose pseudo-Dice was taken, such as "label 1" or "region 2": their names may hold anything.
  case training([CurvePoint], classes: [String])
  /// By iterations.
  case pretraining([PretrainingRecord])

  /// The epochs of a supervised training; none for another run.
  public var epochs: [CurvePoint] { if case .training(let points, _) = self { points } else { [] } }

  /// The records of a pretraining; none for another run.
  public var records: [PretrainingRecord] { if case .pretraining(let records) = self { records } else { [] } }

  // MARK: - Columns of a file

  /// The curves that every supervised training has, before those of its classes.
  private static let names = [
    "training loss", "validation loss", "mean pseudo-Dice", "smoothed pseudo-Dice", "seconds",
  ]
  private static let classPrefix = "pseudo-Dice of "

  /// Each curve by its name as `run.h5` holds it, NaN where it is undefined.
  public var columns: [(name: String, values: [Double])] {
    switch self {
    case .none: return []
    case .training(let points, let classes):
      func column(_ value: (CurvePoint) -> Double?) -> [Double] { points.map { value($0) ?? .nan } }
      let common = [
        column(\.trainingLoss), column(\.validationLoss), column(\.pseudoDice), column(\.smoothedPseudoDice),
        column(\.seconds),
      ]
      return zip(Self.names, common).map { ($0, $1) }
        + classes.enumerated().map { index, name in (Self.classPrefix + name, column { $0.classDice[index] }) }
    case .pretraining(let records):
      return PretrainingRecord.columns.enumerated().map { index, name in (name, records.map { $0.values[index] }) }
    }
  }

  /// From `columns`; nil when they are no run's: of other names or different lengths.
  public init?(columns: [(name: String, values: [Double])]) {
    guard let length = columns.first?.values.count else {
      self = .none
      return
    }
    guard columns.allSatisfy({ $0.values.count == length }) else { return nil }
    let names = columns.map(\.name)
    if names == PretrainingRecord.columns {
      self = .pretraining((0..<length).map { row in PretrainingRecord(columns.map { $0.values[row] }) })
      return
    }
    let classes = names.dropFirst(Self.names.count).map { $0.dropFirst(Self.classPrefix.count) }
    guard Array(names.prefix(Self.names.count)) == Self.names,
      names.dropFirst(Self.names.count).allSatisfy({ $0.hasPrefix(Self.classPrefix) }),
      classes.allSatisfy({ $0.wholeMatch(of: /(label|region) [0-9]{1,5}/) != nil }), Set(classes).count == classes.count
    else { return nil }
    self = .training(
      (0..<length).map { epoch in
        let values = columns.map { $0.values[epoch] }
        return CurvePoint(
          epoch: epoch, trainingLoss: values[0], validationLoss: values[1].ifDefined, pseudoDice: values[2].ifDefined,
          smoothedPseudoDice: values[3].ifDefined, classDice: values.dropFirst(Self.names.count).map(\.ifDefined),
          seconds: values[4])
      }, classes: classes.map(String.init))
  }
}

extension Double {
  /// Nil for NaN, by which files and the trainer mark what is undefined.
  var ifDefined: Double? { isNaN ? nil : self }
}
