import Experiments
import Foundation
import Pretraining
import Testing

/// Curves as `run.h5` holds them: a column each. What no run can have written is refused.
@Suite struct RunCurvesTests {
  private typealias Columns = [(name: String, values: [Double])]

  private static let training = RunCurves.training(
    [
      CurvePoint(epoch: 0, trainingLoss: 2, validationLoss: 1.5, pseudoDice: 0.2, classDice: [0.2, nil], seconds: 3),
      CurvePoint(epoch: 1, trainingLoss: 1, smoothedPseudoDice: 0.3, classDice: [nil, 0.4], seconds: 4),
    ], classes: ["label 1", "region 2"])
  private static let pretraining = RunCurves.pretraining([
    PretrainingRecord(PretrainingRecord.columns.indices.map { Double($0) })
  ])

  @Test(arguments: [training, pretraining, .none]) func columnsGiveTheCurvesBack(curves: RunCurves) {
    #expect(RunCurves(columns: curves.columns) == curves)
  }

  @Test func columnsThatNoRunHasAreRefused() {
    func isRefused(_ curves: RunCurves, _ change: (inout Columns) -> Void) -> Bool {
      var columns = curves.columns
      change(&columns)
      return RunCurves(columns: columns) == nil
    }
    for curves in [Self.training, Self.pretraining] {
      for index in curves.columns.indices {
        #expect(isRefused(curves) { $0[index].values.append(1) }, "longer: \(curves.columns[index].name)")
        #expect(isRefused(curves) { $0[index].values.removeLast() }, "shorter: \(curves.columns[index].name)")
        #expect(isRefused(curves) { $0[index].name += "s" }, "misnamed: \(curves.columns[index].name)")
      }
      #expect(isRefused(curves) { $0.swapAt(0, 1) })
      #expect(isRefused(curves) { $0.removeFirst() })
      #expect(isRefused(curves) { $0.append($0[$0.count - 1]) }, "twice")
    }
    #expect(isRefused(Self.training) { $0[5].name = "pseudo-Dice of label 123456" })
    #expect(isRefused(Self.pretraining) { $0 = [("loss", [1])] })
  }
}
