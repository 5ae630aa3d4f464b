import Foundation
import Kernels

/// Makes batches ahead of their use on threads of its own, and hands them out in order.
///
/// Neither the number of threads nor their pace changes a batch: each is a function of its epoch and step. Threads without
/// work sleep; while one works, the engine's loops leave it a core.
public final class BatchPrefetcher: Sendable {
  private let queue: Queue

  /// - Parameters:
  ///   - source: makes the batches.
  ///   - stepsPerEpoch: after so many steps the next epoch begins.
  ///   - workers: how many threads; with 0 each batch is made when it is asked for.
  ///   - ahead: how many batches may wait; at least one for each worker.
  public init(_ source: BatchSource, stepsPerEpoch: Int, workers: Int, ahead: Int = 3) {
    precondition(stepsPerEpoch > 0 && workers >= 0, "\(stepsPerEpoch) steps an epoch, \(workers) workers")
    queue = Queue(source: source, stepsPerEpoch: stepsPerEpoch, workers: workers, ahead: max(ahead, workers))
    for index in 0..<workers {
      let queue = queue
      let thread = Thread { queue.work() }
      thread.name = "batches \(index)"
      thread.stackSize = 1 << 21
      thread.start()
    }
  }

  deinit { queue.stop() }

  /// The batch of one step. Steps are best asked for in order; any other order works and discards what was made ahead.
  /// - Throws: what making the batch threw.
  public func batch(epoch: Int, step: Int) throws -> Batch {
    try queue.take(epoch: epoch, step: step)
  }

  private final class Queue: @unchecked Sendable {
    private let source: BatchSource
    private let stepsPerEpoch: Int
    private let workers: Int
    private let ahead: Int
    // Everything below is guarded by the condition.
    private let condition = NSCondition()
    /// The next batch to hand out, counted from epoch 0; nil before the first is asked for.
    private var nextOut: Int?
    private var nextToMake = 0
    /// Grows when the order is broken: work begun before is then of no use.
    private var generation = 0
    private var ready: [Int: Result<Batch, any Error>] = [:]
    private var isStopped = false

    init(source: BatchSource, stepsPerEpoch: Int, workers: Int, ahead: Int) {
      self.source = source
      self.stepsPerEpoch = stepsPerEpoch
      self.workers = workers
      self.ahead = ahead
    }

    private func make(_ index: Int) throws -> Batch {
      try source.batch(epoch: index / stepsPerEpoch, step: index % stepsPerEpoch)
    }

    func take(epoch: Int, step: Int) throws -> Batch {
      precondition(epoch >= 0 && step >= 0 && step < stepsPerEpoch, "step \(step) of epoch \(epoch)")
      let index = epoch * stepsPerEpoch + step
      if workers == 0 { return try make(index) }
      condition.lock()
      defer { condition.unlock() }
      if nextOut != index {
        generation += 1
        ready.removeAll()
        nextOut = index
        nextToMake = index
        condition.broadcast()
      }
      while true {
        if let result = ready.removeValue(forKey: index) {
          nextOut = index + 1
          condition.broadcast()
          return try result.get()
        }
        condition.wait()
      }
    }

    func work() {
      condition.lock()
      while true {
        while !isStopped, nextOut.map({ nextToMake >= $0 + ahead }) ?? true { condition.wait() }
        if isStopped { break }
        let index = nextToMake
        let begun = generation
        nextToMake += 1
        condition.unlock()
        kernels_begin_other_work()
        let result = Result { try make(index) }
        kernels_end_other_work()
        condition.lock()
        if begun == generation {
          ready[index] = result
          condition.broadcast()
        }
      }
      condition.unlock()
    }

    func stop() {
      condition.lock()
      isStopped = true
      ready.removeAll()
      condition.broadcast()
      condition.unlock()
    }
  }
}
