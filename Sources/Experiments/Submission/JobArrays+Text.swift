extension JobArrays {
  /// Every job with its command line and what it waits for, a line each, for people.
  public func text(_ words: JobWords) -> String {
    func name(_ place: Place) -> String { "\(arrays[place.array].name)-\(place.task)" }
    var lines: [String] = []
    for array in arrays {
      for task in array.tasks {
        let needs = graph.jobs[task.job].needs.compactMap { places[$0] }.map(name)
        let command = (["segbench"] + words.words(of: task.job, in: graph)).map(RunCommand.quoted).joined(
          separator: " ")
        lines.append(
          "\(array.name)-\(task.number): \(command)"
            + (needs.isEmpty ? "" : "  # after \(needs.joined(separator: ", "))"))
      }
    }
    return lines.joined(separator: "\n")
  }
}
