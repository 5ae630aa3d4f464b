import Files
import Testing

@Suite struct ProgressLineTests {
  private let line = ProgressLine(
    title: "training", done: 14, total: 56, pace: "2.0/s, 21 s left", note: "epoch 1/4, loss 0.5")

  @Test func aLogHasAllOfIt() {
    #expect(line.text == "training 14/56  2.0/s, 21 s left  epoch 1/4, loss 0.5")
  }

  @Test(arguments: 1...120) func aTerminalIsNeverTooNarrow(columns: Int) {
    let text = line.text(columns: columns)
    #expect(text.count <= columns)
    // Count, rate and time left go last, and a note is cut where a reader sees it.
    let essential = "training 14/56  2.0/s, 21 s left"
    if columns >= essential.count { #expect(text.contains(essential)) }
    if columns >= 60 { #expect(text.hasPrefix("[######------------------] ")) }
    #expect(text.contains("loss 0.5") == (columns >= 80))
    if columns < 80 { #expect(text.hasSuffix("…") || text.hasSuffix("left")) }
  }

  @Test(
    arguments: [
      (0.4, "0 s"), (59, "59 s"), (200, "3 min 20 s"), (18420, "5 h 7 min"), (86400 + 7200, "1 day 2 h"),
      (100 * 86400, "100 days"), (-1, "?"), (.infinity, "?"),
    ] as [(Double, String)])
  func timesAreSaidInTheirUnits(seconds: Double, text: String) { #expect(timeText(seconds) == text) }

  @Test func aPaceIsOfThisSession() {
    let start = ContinuousClock.now
    // 40 of 100 were done before: 10 in 20 s, and 50 to go.
    let pace = Pace(done: 40, total: 100, start: start)
    #expect(pace.text(after: 40, now: start + .seconds(3)) == "")
    #expect(pace.text(after: 50, now: start + .seconds(20)) == "2.0 s each, 1 min 40 s left")
    #expect(pace.text(after: 100, now: start + .seconds(30)) == "2.0/s, in 30 s")
  }
}
