import Kernels
import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// Keeps freed blocks for the next tensor of about the same size: a training step asks for the same sizes again and
/// again, and fresh pages from the system cost a page fault each. What it keeps and what is in use together stay below
/// one and a half times the most that was ever in use.
final class BufferPool: Sendable {
  static let shared = BufferPool()

  private struct State {
    var free: [Int: [UInt]] = [:]
    var freeBytes = 0
    var usedBytes = 0
    var peakBytes = 0

    mutating func takeAll() -> [UInt] {
      defer {
        free = [:]
        freeBytes = 0
      }
      return free.values.flatMap { $0 }
    }
  }
  private let state = Mutex(State())

  /// Blocks from this size on begin at a multiple of it and ask for the system's huge pages.
  private static let hugePage = 1 << 21

  /// Sizes are rounded up to an eighth of their power of two, so that a block serves again for nearly equal sizes.
  static func roundedCapacity(_ byteCount: Int) -> Int {
    if byteCount <= 256 { return 256 }
    let power = Int.bitWidth - (byteCount - 1).leadingZeroBitCount
    let step = max(64, 1 << max(0, power - 4))
    return (byteCount + step - 1) / step * step
  }

  func take(_ byteCount: Int) -> UnsafeMutableRawPointer {
    let capacity = Self.roundedCapacity(byteCount)
    let (reused, idle): (UInt?, [UInt]) = state.withLock { state in
      state.usedBytes += capacity
      state.peakBytes = max(state.peakBytes, state.usedBytes)
      if let address = state.free[capacity]?.popLast() {
        state.freeBytes -= capacity
        return (address, [])
      }
      let isTooMuch = state.usedBytes + state.freeBytes > state.peakBytes + state.peakBytes / 2
      return (nil, isTooMuch ? state.takeAll() : [])
    }
    for address in idle { free(UnsafeMutableRawPointer(bitPattern: address)) }
    if let reused { return UnsafeMutableRawPointer(bitPattern: reused)! }
    // Where the system promises more than there is, it kills later, without a word.
    let isWithinLimit = state.withLock { $0.usedBytes <= limit.load(ordering: .relaxed) }
    if isWithinLimit {
      if let fresh = Self.allocate(capacity) { return fresh }
      ScratchMemory.release()
      drain()
      if let fresh = Self.allocate(capacity) { return fresh }
    }
    kernels_out_of_memory(UInt(byteCount))
  }

  /// The most bytes that tensors may hold at once.
  let limit = Atomic(Int.max)

  private init() {}

  private static func allocate(_ capacity: Int) -> UnsafeMutableRawPointer? {
    var pointer: UnsafeMutableRawPointer?
    let isHuge = capacity >= hugePage
    guard posix_memalign(&pointer, isHuge ? hugePage : 64, capacity) == 0 else { return nil }
    #if os(Linux)
      if isHuge { madvise(pointer, capacity, MADV_HUGEPAGE) }
    #endif
    return pointer
  }

  /// Takes back a block of `take(byteCount)`.
  func give(_ pointer: UnsafeMutableRawPointer, _ byteCount: Int) {
    let capacity = Self.roundedCapacity(byteCount)
    state.withLock { state in
      state.usedBytes -= capacity
      state.freeBytes += capacity
      state.free[capacity, default: []].append(UInt(bitPattern: pointer))
    }
  }

  /// Gives every unused block back to the system.
  func drain() {
    for address in state.withLock({ $0.takeAll() }) { free(UnsafeMutableRawPointer(bitPattern: address)) }
  }

  var peakBytes: Int { state.withLock { $0.peakBytes } }
}

/// What the engine's memory has been used for.
public enum EngineMemory {
  /// The most bytes that tensors held at once since the process began.
  public static var peakBytes: Int { BufferPool.shared.peakBytes }

  /// Bounds what tensors may hold at once: what the machine has in all. What is asked for beyond it ends the process, with a
  /// sentence and exit code 1, as memory does that the system refuses.
  public static func limit(toBytes bytes: Int) { BufferPool.shared.limit.store(bytes, ordering: .relaxed) }

  /// What the user may do when memory is short, such as which keys of the recipe make the work smaller; part of the sentence
  /// with which the process then ends.
  public static func advise(_ text: String) { kernels_set_memory_advice(text) }

  /// Gives the blocks that no tensor uses back to the system, for instance between training and prediction.
  public static func releaseUnused() {
    ScratchMemory.release()
    BufferPool.shared.drain()
  }
}
