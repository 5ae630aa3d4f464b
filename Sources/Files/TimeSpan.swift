/// A span of time as people say it.
public enum TimeSpan {
  /// Such as "41 s", "3 min 12 s" or "2 h 5 min"; "?" for what is no time, since records of other machines may hold any number.
  public static func text(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds >= 0, seconds < 1e12 else { return "?" }
    let whole = Int(seconds.rounded())
    if whole < 60 { return "\(whole) s" }
    if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
    return "\(whole / 3600) h \(whole % 3600 / 60) min"
  }
}
