import Foundation
import Synchronization

/// The files that this process is writing beside their final names, so that a process that has to end at once, without
/// unwinding, leaves none of them.
public enum UnfinishedFiles {
  private static let capacity = 256
  private static let longestPath = Int(PATH_MAX)
  /// Paths that end with a zero byte, one every `longestPath` bytes; and which of them are of files at work. A signal's
  /// handler may read both: they are never freed.
  nonisolated(unsafe) private static let paths = UnsafeMutablePointer<CChar>.allocate(capacity: capacity * longestPath)
  nonisolated(unsafe) private static let isAtWork = {
    let flags = UnsafeMutablePointer<Atomic<Bool>>.allocate(capacity: capacity)
    for index in 0..<capacity { (flags + index).initialize(to: Atomic(false)) }
    return flags
  }()
  private static let free = Mutex(Array(0..<capacity))
  private static let isEnding = Atomic(false)

  /// Makes ready what the handler reads.
  public static func prepare() { _ = (paths, isAtWork, isEnding.load(ordering: .relaxed)) }

  /// Notes a file that is about to be made.
  /// - Returns: what `remove` takes; nil for a path too long, or when as many are at work as are noted.
  static func add(_ url: URL) -> Int? {
    let path = url.path
    guard path.utf8.count < longestPath, let place = free.withLock({ $0.popLast() }) else { return nil }
    _ = path.withCString { strcpy(paths + place * longestPath, $0) }
    isAtWork[place].store(true, ordering: .sequentiallyConsistent)
    // The process is gone in a moment, and its list has been read.
    while isEnding.load(ordering: .sequentiallyConsistent) { pause() }
    return place
  }

  /// Forgets a file, which has its final name or is gone.
  static func remove(_ place: Int?) {
    guard let place else { return }
    isAtWork[place].store(false, ordering: .sequentiallyConsistent)
    free.withLock { $0.append(place) }
  }

  /// Removes them all, for a process that ends now. Only does what a signal's handler may.
  public static func removeAll() {
    isEnding.store(true, ordering: .sequentiallyConsistent)
    for place in 0..<capacity where isAtWork[place].load(ordering: .sequentiallyConsistent) {
      unlink(paths + place * longestPath)
    }
  }
}
