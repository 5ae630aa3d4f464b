import Evaluation
import Testing

@Test func positionPriorPredictsTheMajorityAtEachRelativePosition() {
  var prior = PositionPrior(labelCount: 3, grid: [1, 2, 2])
  // Two cases agree on the upper left quarter, disagree on the lower right one, where label 1 comes before label 2.
  prior.learn([1, 0, 0, 2], shape: [1, 2, 2])
  prior.learn([1, 0, 0, 1], shape: [1, 2, 2])
  prior.learn([1, 2, 0, 0], shape: [1, 2, 2])
  #expect(prior.prediction(shape: [1, 2, 2]) == [1, 0, 0, 0])
  // A larger volume is covered by the same cells.
  #expect(prior.prediction(shape: [2, 4, 2]) == [1, 0, 1, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0])
}
