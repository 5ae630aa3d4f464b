import Files
import Foundation
import Tensors
import TestSupport
import Testing
import Training

/// nnU-Net's values for regions and an ignore label: see Benchmarks/peers/fixtures/regions.py.
@Suite struct RegionLossTests {
  private static let kidney = RegionTable(regions: [[1, 2, 3], [2, 3], [2]], labelCount: 4)

  private func value(_ name: String) throws -> Tensor { try peer(name, "regions") }

  private func compare(_ name: String, _ loss: SegmentationLoss, logits key: String = "logits") throws {
    let logits = Parameter("logits", try value(key))
    let labels = try value("\(name).labels")
    let (found, gradients) = Tape.gradients { loss(logits: logits.value, labels: labels) }
    #expect(abs(found.scalarValue - (try value("\(name).value")).scalarValue) < 1e-6, "\(name)")
    let gradient = try #require(gradients[logits])
    let expected = try value("\(name).gradient")
    if expected.values(as: Float.self).allSatisfy({ $0 == 0 }) {
      #expect(gradient.values(as: Float.self).allSatisfy { $0 == 0 }, "\(name)")
    } else {
      #expect(relativeDifference(gradient, expected) < 1e-5, "\(name)")
    }
  }

  @Test(arguments: [("batch", true), ("item", false)])
  func valueAndGradientAreNNUNets(name: String, overBatch: Bool) throws {
    func loss(_ hasIgnoreLabel: Bool) -> SegmentationLoss {
      SegmentationLoss(diceOverBatch: overBatch, regions: Self.kidney, hasIgnoreLabel: hasIgnoreLabel)
    }
    try compare("regions.\(name)", loss(false))
    try compare("ignore.\(name)", loss(true))
    // A dataset's ignore label changes the loss of a batch without it, too.
    try compare("unused.\(name)", loss(true))
    #expect(try value("unused.\(name).value").scalarValue != value("regions.\(name).value").scalarValue)
    try compare(
      "classes.\(name)", SegmentationLoss(diceOverBatch: overBatch, hasIgnoreLabel: true), logits: "classes.logits")
  }

  @Test func aBatchThatNobodyAnnotatedHasNoGradient() throws {
    try compare("nothing.batch", SegmentationLoss(regions: Self.kidney, hasIgnoreLabel: true))
  }

  @Test func deepSupervisionIsNNUNets() throws {
    let half = Parameter("half", try value("deep.half"))
    let (found, gradients) = try Tape.gradients {
      SegmentationLoss(regions: Self.kidney, hasIgnoreLabel: true)(
        outputs: [try value("logits"), half.value, try value("deep.quarter")], labels: try value("ignore.batch.labels"))
    }
    #expect(abs(found.scalarValue - (try value("deep.value")).scalarValue) < 1e-6)
    #expect(relativeDifference(try #require(gradients[half]), try value("deep.gradient")) < 1e-5)
  }

  @Test(arguments: ["regions", "ignore"]) func pseudoDiceCountsAsNNUNets(name: String) throws {
    var dice = PseudoDice(regions: Self.kidney)
    dice.add(logits: try value("logits"), labels: try value("\(name).batch.labels"))
    let counts = try value("pseudo.\(name)").values(as: Int32.self).map(Int.init)
    #expect(dice.truePositives == Array(counts[0..<3]))
    #expect(dice.falsePositives == Array(counts[3..<6]))
    #expect(dice.falseNegatives == Array(counts[6..<9]))
    #expect(dice.perClass.count == 3)
  }
}
