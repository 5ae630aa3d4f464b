import Datasets
import Foundation
import TestSupport
import Networks
import Tensors
import Testing
import Training

@Suite struct GuardedDeviceTests {
  /// A step's batch goes to the device, and of what it computes the loss and the gradients' norm come back.
  @Test(arguments: [
    OptimizerKind.adamW(beta1: 0.9, beta2: 0.98, epsilon: 1e-8), .sgd(momentum: 0.99, nesterov: true),
  ])
  func aStepBringsABatchInAndTwoScalarsOut(optimizer: OptimizerKind) throws {
    let guarded = GuardedBackend()
    let device = Device(guarded)
    func transfers(steps: Int) throws -> GuardedBackend.Transfers {
      try withTemporaryFolder { folder in
        let network = device {
          PrimusNetwork(
            VisionTransformerConfiguration(width: 16, depth: 2, heads: 2, patch: 4, channels: 1), classes: 3,
            Initializer(seed: 1))
        }
        let trainer = SupervisedTrainer(
          network: network,
          training: { _, step in
            Batch(
              images: Tensor(repeating: Double(step), shape: [2, 1, 16, 16]),
              labels: Tensor(repeating: 1, shape: [2, 16, 16], .int32))
          }, validation: nil,
          configuration: SupervisedTrainingConfiguration(
            epochs: 1, stepsPerEpoch: steps, validationSteps: 0, seed: 1, optimizer: optimizer, learningRate: 1e-3,
            encoderLearningRate: 1e-3, epochsPerCheckpoint: 1, identity: "a"),
          checkpoint: folder.appendingPathComponent("checkpoint.h5"))
        _ = guarded.takeTransfers()
        _ = try trainer.run()
        return guarded.takeTransfers()
      }
    }
    let (two, three) = (try transfers(steps: 2), try transfers(steps: 3))
    #expect(three.inCount - two.inCount == 2)
    #expect(three.inBytes - two.inBytes == 2 * 2 * 16 * 16 * 4)
    #expect(three.outCount - two.outCount == 2)
    #expect(three.outBytes - two.outBytes == 4 + 8)
  }
}
