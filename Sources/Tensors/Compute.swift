import Kernels

#if canImport(Glibc)
  import Glibc
#endif

/// How the engine computes on this machine.
public enum Compute {
  /// The number of threads that compute together; all cores unless set (or OMP_NUM_THREADS says otherwise).
  public static var threadCount: Int {
    get { Int(kernels_thread_count()) }
    set { kernels_set_thread_count(Int32(newValue)) }
  }

  /// The instruction sets that the kernels are compiled for.
  public enum InstructionSet: String, Sendable, CaseIterable {
    case baseline
    case avx2
    case avx512

    var kernels: instruction_set {
      switch self {
      case .baseline: instruction_set_baseline
      case .avx2: instruction_set_avx2
      case .avx512: instruction_set_avx512
      }
    }
  }

  /// The instruction set in use: the best that this processor has, unless chosen otherwise.
  public static var instructionSet: InstructionSet {
    switch kernels_instruction_set() {
    case instruction_set_avx512: .avx512
    case instruction_set_avx2: .avx2
    default: .baseline
    }
  }

  /// Chooses an instruction set; false when this processor lacks it.
  @discardableResult
  public static func choose(_ set: InstructionSet) -> Bool { kernels_choose_instruction_set(set.kernels) != 0 }

  /// Computes `body` with another instruction set or number of threads, on this thread alone; nil when the processor lacks
  /// the instruction set. Not to be nested.
  public static func with<Result>(
    _ set: InstructionSet? = nil, threads: Int? = nil, _ body: () throws -> Result
  ) rethrows -> Result? {
    guard kernels_override(set.map { Int32($0.kernels.rawValue) } ?? -1, Int32(threads ?? 0)) != 0 else { return nil }
    defer { _ = kernels_override(-1, 0) }
    return try body()
  }
}

/// Computes `0 ..< count` in chunks of at least `grain`, which the threads take as they come to it, and waits for all of them. The
/// chunks depend on the two numbers alone, not on the threads.
package func parallel(_ count: Int, grain: Int = 1, _ body: (_ begin: Int, _ end: Int) -> Void) {
  withoutActuallyEscaping(body) { body in
    var body = body
    withUnsafeMutablePointer(to: &body) { pointer in
      kernels_parallel_for(
        count, grain,
        { context, begin, end in
          context!.assumingMemoryBound(to: ((Int, Int) -> Void).self).pointee(begin, end)
        }, pointer)
    }
  }
}

/// Elements that a chunk should at least have: handing out smaller ones costs more than it saves.
let elementGrain = 1 << 14

/// The rows of `columns` elements that a chunk should at least have.
func rowGrain(_ columns: Int) -> Int { max(1, elementGrain / max(1, columns)) }

/// Sums the shares of equal parts of `0 ..< count`, whose number depends on `count` alone and not on the threads, so that the
/// order of the additions is always the same. `body` overwrites `width` elements with the share of its range.
/// - Parameter work: how many elements one of the `count` is; `width` unless given.
func sumOfShares(
  _ count: Int, part: Int, width: Int, work: Int? = nil, into result: Tensor,
  _ body: (_ share: UnsafeMutableRawPointer, Int, Int) -> Void
) {
  let type = result.elementType
  let parts = max(1, min(64, (count + part - 1) / part))
  if count == 0 {
    memset(result.rawPointer, 0, width * type.byteCount)
    return
  }
  let shares = Tensor(uninitialized: [parts, width], type)
  parallel(parts, grain: rowGrain(count / parts * (work ?? width))) { begin, end in
    for index in begin..<end {
      body(
        shares.rawPointer + index * width * type.byteCount, count * index / parts, count * (index + 1) / parts)
    }
  }
  kernel_sum_columns(type.kernel, shares.rawPointer, result.rawPointer, width, 0, parts)
}

extension ElementType {
  /// The kernels' name for it.
  var kernel: kernel_type {
    switch self {
    case .float32: kernel_float32
    case .float64: kernel_float64
    case .int32: preconditionFailure("kernels compute with floating-point numbers")
    }
  }
}
