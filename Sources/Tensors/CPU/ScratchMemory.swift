import Synchronization

/// Memory for what an operation needs while it computes: one block that grows to the largest request and stays, so that requests of
/// many sizes neither cost fresh pages nor fill the pool.
enum ScratchMemory {
  private static let kept = Mutex<Storage?>(nil)

  /// Calls `body` with a block of at least `byteCount` bytes, undefined, aligned to 64; another call meanwhile gets another block.
  static func with<Result>(byteCount: Int, _ body: (UnsafeMutableRawPointer) -> Result) -> Result {
    let found = kept.withLock { kept in
      defer { kept = nil }
      return kept
    }
    let storage = found.flatMap { $0.byteCount >= byteCount ? $0 : nil } ?? Storage(byteCount: byteCount, on: .cpu)
    defer {
      kept.withLock { kept in
        if (kept?.byteCount ?? 0) < storage.byteCount { kept = storage }
      }
    }
    return body(storage.handle)
  }

  static func release() { kept.withLock { $0 = nil } }
}
