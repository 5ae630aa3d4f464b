import Foundation

/// Starts a command, sends it a signal a while after a line with the marker, and returns how it ended; code -1 when it was
/// killed by the signal itself, nil seconds when it had ended before.
func interrupt(
  _ words: [String], home: URL, after marker: String, by signal: Int32 = SIGTERM, settings: [String: String] = [:]
) throws -> (code: Int32, seconds: Double, errors: String) {
  try interrupt(words, home: home, by: signal, settings: settings) { $0.contains(marker) }
}

/// The same once what it has said, or what has come to lie on the disk, is as it is waited for.
func interrupt(
  _ words: [String], home: URL, by signal: Int32 = SIGTERM, settings: [String: String] = [:], times: Int = 1,
  when isTime: (_ errors: String) -> Bool
) throws -> (code: Int32, seconds: Double, errors: String) {
  let process = command(words, home: home, settings: settings)
  let complaints = home.appendingPathComponent("complaints-\(UUID().uuidString)")
  _ = FileManager.default.createFile(atPath: complaints.path, contents: nil)
  process.standardError = try FileHandle(forWritingTo: complaints)
  process.standardOutput = FileHandle.nullDevice
  func errors() -> String { (try? String(contentsOf: complaints, encoding: .utf8)) ?? "" }
  try process.run()
  while process.isRunning && !isTime(errors()) { Thread.sleep(forTimeInterval: 0.002) }
  let start = ContinuousClock.now
  // A failure of what is tested must not hold up the others.
  DispatchQueue.global().asyncAfter(deadline: .now() + 15) {
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
  }
  for _ in 0..<times {
    kill(process.processIdentifier, signal)
    Thread.sleep(forTimeInterval: 0.001)
  }
  process.waitUntilExit()
  return (
    process.terminationReason == .exit ? process.terminationStatus : -1, (ContinuousClock.now - start) / .seconds(1),
    errors()
  )
}
