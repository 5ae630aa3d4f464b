import Tensors
import TestSupport
import Testing
import Training

@Suite struct SegmentationLossTests {
  @Test(arguments: [("batch", true), ("item", false)])
  func valueAndGradientAreNNUNets(name: String, overBatch: Bool) throws {
    let logits = Parameter("logits", try peer("loss.logits"))
    let loss = SegmentationLoss(diceOverBatch: overBatch)
    let (value, gradients) = try Tape.gradients { loss(logits: logits.value, labels: try peer("loss.labels")) }
    #expect(abs(value.scalarValue - (try peer("loss.\(name).value")).scalarValue) < 1e-6)
    let gradient = try #require(gradients[logits])
    #expect(relativeDifference(gradient, try peer("loss.\(name).gradient")) < 1e-5)
  }

  @Test func deepSupervisionIsNNUNets() throws {
    let half = Parameter("half", try peer("deep.half"))
    let (value, gradients) = try Tape.gradients {
      let outputs = [try peer("loss.logits"), half.value, try peer("deep.quarter")]
      return SegmentationLoss()(outputs: outputs, labels: try peer("loss.labels"))
    }
    #expect(abs(value.scalarValue - (try peer("deep.value")).scalarValue) < 1e-6)
    let gradient = try #require(gradients[half])
    #expect(relativeDifference(gradient, try peer("deep.gradient")) < 1e-5)
    #expect(SegmentationLoss.deepSupervisionWeights(count: 1) == [1])
  }

  @Test func pseudoDiceCountsAllBatchesTogether() {
    // Predictions 0 1 2 1 / 3 3 0 0 against labels 0 1 1 1 / 2 -1 2 0 of five classes.
    func logits(_ predictions: [Int]) -> Tensor {
      Tensor(shape: [1, 5, 2, 2], of: Float.self) { values in
        for (pixel, prediction) in predictions.enumerated() {
          for index in 0..<5 { values[index * 4 + pixel] = index == prediction ? 1 : index < prediction ? -1 : -2 }
        }
      }
    }
    var dice = PseudoDice(classCount: 5)
    dice.add(logits: logits([0, 1, 2, 1]), labels: Tensor([0, 1, 1, 1] as [Int32], shape: [1, 2, 2]))
    dice.add(logits: logits([3, 3, 0, 0]), labels: Tensor([2, -1, 2, 0] as [Int32], shape: [1, 2, 2]))
    #expect(dice.truePositives == [2, 2, 0, 0, 0])
    #expect(dice.falsePositives == [1, 0, 1, 1, 0])
    #expect(dice.falseNegatives == [0, 1, 2, 0, 0])
    #expect(dice.perClass.prefix(3) == [0.8, 0, 0])
    #expect(dice.perClass[3].isNaN)
    #expect(abs(dice.mean - 0.8 / 3) < 1e-12)
    #expect(PseudoDice(classCount: 3).mean.isNaN)
  }
}
