/// A span of time as people say it: "47 s", "3 min 20 s", "5 h 7 min", "2 days 3 h".
public func timeText(_ seconds: Double) -> String {
  // Records of other machines may hold any number.
  guard seconds.isFinite, seconds >= 0, seconds < 1e12 else { return "?" }
  let whole = Int(seconds.rounded())
  if whole < 60 { return "\(whole) s" }
  if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
  if whole < 86400 { return "\(whole / 3600) h \(whole % 3600 / 60) min" }
  let days = whole / 86400
  return "\(days) day\(days == 1 ? "" : "s")" + (days < 30 ? " \(whole % 86400 / 3600) h" : "")
}
