import Dispatch
import Files
import Foundation
import Synchronization

/// What the threads of `concurrentMap` share.
private struct Shared<Result: Sendable>: Sendable {
  var next = 0
  var results: [Result?]
  var failure: (index: Int, error: any Error)?
}

/// Results of `body(0)` to `body(count - 1)` in that order, worked out by several threads. An error stops the handing out
/// of further work; of several errors the one of the lowest index is thrown. A stop
/// that was asked for is such an error: `CancellationError`.
func concurrentMap<Result: Sendable>(
  _ count: Int, workers: Int = ProcessInfo.processInfo.activeProcessorCount,
  _ body: @Sendable (Int) throws -> Result
) throws -> [Result] {
  let state = Mutex(Shared(results: [Result?](repeating: nil, count: count)))
  DispatchQueue.concurrentPerform(iterations: max(1, min(workers, count))) { _ in
    while true {
      let index = state.withLock { state -> Int? in
        guard state.failure == nil, state.next < count else { return nil }
        state.next += 1
        return state.next - 1
      }
      guard let index else { return }
      do {
        try Cancellation.check()
        let result = try body(index)
        state.withLock { $0.results[index] = result }
      } catch {
        state.withLock { if $0.failure.map({ index < $0.index }) ?? true { $0.failure = (index, error) } }
      }
    }
  }
  let (results, failure) = state.withLock { ($0.results, $0.failure?.error) }
  if let failure { throw failure }
  return results.map { $0! }
}

/// A pointer that several threads use for disjoint elements.
struct SharedPointer<Element>: @unchecked Sendable {
  let base: UnsafeMutablePointer<Element>
  init(_ base: UnsafeMutablePointer<Element>) { self.base = base }
}
