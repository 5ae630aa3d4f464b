import Experiments

extension TableReport {
  /// The report of the real CT's run, which says beside its numbers what they are worth.
  public static func realCT(_ runs: [RunSummary], baselines: [BaselineScores] = [], profile: String, command: String)
    throws
    -> TableReport
  {
    TableReport(
      identifier: "real-ct", title: "A real CT: one scan, trained on some slabs of slices and evaluated on another",
      source: nil,
      profile: profile, isPaperScale: false, rowsAreSteps: false,
      rows: [
        TableRow(
          number: 1, labels: [],
          results: [try TableResult(dataset: "real-ct", runs: runs, command: command, baselines: baselines)])
      ],
      notes: [
        "All slices come from one patient's scan. The slab that is evaluated was not trained on, "
          + "but the slab beside it was: the "
          + "score shows that the whole path works on real data, and says nothing about other patients.",
        "The reference is no expert's: it is TotalSegmentator's own output for this scan, shipped "
          + "with its source package "
          + "(version 2.18.0), its classes renamed to AMOS22's. What is measured is agreement with that program.",
        "AMOS22's organs that the evaluated slab doesn't hold have no score and count nowhere.",
      ])
  }
}
