import Foundation

/// How much memory this process can have: the machine's, or less within a container's or the process's own limit.
public struct MachineMemory: Sendable {
  /// Bytes that there are in all, those of swap included.
  public let total: Int
  /// Bytes that are free now, or would be if files were no longer kept in memory.
  public let available: Int

  public static func current() -> MachineMemory {
    let machine = machine()
    var total = machine["MemTotal"].map { $0 + (machine["SwapTotal"] ?? 0) } ?? Int.max
    var available = machine["MemAvailable"].map { $0 + (machine["SwapFree"] ?? 0) } ?? Int.max
    if let bound = containerBound(swap: machine["SwapTotal"] ?? 0) {
      total = min(total, bound)
      available = min(available, bound)
    }
    var limit = rlimit()
    if getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0, limit.rlim_cur != rlim_t.max {
      available = min(available, max(0, Int(clamping: limit.rlim_cur) - mappedBytes))
    }
    return MachineMemory(total: total, available: available)
  }

  /// Bytes of addresses that the process has mapped.
  public static var mappedBytes: Int {
    guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8),
      let pages = text.split(separator: " ").first.flatMap({ Int($0) })
    else { return 0 }
    return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
  }

  /// /proc/meminfo in bytes; empty where there is none.
  private static func machine() -> [String: Int] {
    guard let text = try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8) else { return [:] }
    var values: [String: Int] = [:]
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ")
      guard words.count >= 2, let value = Int(words[1]) else { continue }
      values[String(words[0].dropLast())] = value << 10
    }
    return values
  }

  /// The least bound of the control groups that hold the process, with the swap that they leave it; nil without one.
  private static func containerBound(swap: Int) -> Int? {
    func number(_ path: String) -> Int? {
      (try? String(contentsOfFile: path, encoding: .utf8)).flatMap {
        Int($0.trimmingCharacters(in: .whitespacesAndNewlines))
      }
    }
    var bounds: [Int] = []
    let groups = (try? String(contentsOfFile: "/proc/self/cgroup", encoding: .utf8)) ?? ""
    for line in groups.split(separator: "\n") {
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3 else { continue }
      let isFirstVersion = parts[1].split(separator: ",").contains("memory")
      guard isFirstVersion || parts[1].isEmpty else { continue }
      let root = isFirstVersion ? "/sys/fs/cgroup/memory" : "/sys/fs/cgroup"
      var steps = parts[2].split(separator: "/").filter { $0 != ".." }
      // The groups above bound it too.
      while true {
        let folder = ([root] + steps.map(String.init)).joined(separator: "/")
        if isFirstVersion {
          // Version 1 writes a number near to the greatest for no bound.
          if let bound = number(folder + "/memory.limit_in_bytes"), bound < 1 << 60 { bounds.append(bound + swap) }
        } else if let bound = number(folder + "/memory.max") {
          bounds.append(bound + min(swap, number(folder + "/memory.swap.max") ?? swap))
        }
        if steps.isEmpty { break }
        steps.removeLast()
      }
    }
    return bounds.min()
  }
}
