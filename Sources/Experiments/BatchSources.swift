import Datasets
import Foundation
import Recipes
import Training

/// A fold's training and validation batches.
struct BatchSources {
  let training: BatchProvider
  let validation: BatchProvider

  /// Threads that make batches while the compute threads train; on a single core a batch is made when it is asked for. How
  /// many changes no batch.
  private static var workers: Int { min(4, ProcessInfo.processInfo.activeProcessorCount / 2) }

  init(
    _ prepared: PreparedDataset, batchSize: Int, training settings: TrainingSettings, seed: UInt64, ignoreLabel: Int?
  )
    throws
  {
    let patch = prepared.configuration.patchSize
    func source(_ cases: [String], _ treatment: BatchSource.Treatment, _ purpose: String) throws -> BatchSource {
      BatchSource(
        provider: try PreparedCases(store: prepared.store, names: cases), batchSize: batchSize, patchSize: patch,
        treatment: treatment, seed: seed, purpose: purpose, foregroundShare: settings.foregroundOversampling,
        ignoreLabel: ignoreLabel)
    }
    // Channels that were normalised inside of the nonzero mask stay 0 outside of it.
    let usesMask = prepared.configuration.usesMaskForNormalization
    let masked = usesMask.indices.filter { usesMask[$0] }
    let treatment: BatchSource.Treatment =
      switch settings.augmentation {
      case .nnUNetDefault: .augmented(Augmentation(patchSize: patch, maskedChannels: masked))
      case .nnUNetNoMirroring: .augmented(Augmentation(patchSize: patch, maskedChannels: masked, mirrors: false))
      case .none: .plain
      }
    let trainingBatches = BatchPrefetcher(
      try source(prepared.fold.train, treatment, "training"), stepsPerEpoch: settings.stepsPerEpoch,
      workers: Self.workers)
    let validationSource = try source(prepared.fold.validation, .plain, "validation")
    training = { try trainingBatches.batch(epoch: $0, step: $1) }
    validation = { try validationSource.batch(epoch: $0, step: $1) }
  }
}
