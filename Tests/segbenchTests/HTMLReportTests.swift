import Files
import Foundation
import Testing

/// The page of a study whose words are made to break it.
@Suite("report html, against the built command") struct HTMLReportTests {
  @Test func everyNumberLeadsToItsRunAndNoTextIsMarkup() throws {
    try withTemporaryHome { home in
      let study = home.appendingPathComponent("Recipes/own")
      try makeFolder(study)
      func write(_ text: String, _ name: String) throws {
        try Data(text.utf8).write(to: study.appendingPathComponent(name))
      }
      let evil = "<img src=x onerror=alert(1)> & \\\"'"
      try write("title: \"\(evil)\"\ntables: [own.yaml]\n", "study.yaml")
      for (name, epochs) in [("a", 1), ("b", 2)] {
        try write(
          "title: \"\(evil)\"\ninherits: [../meddinov3/table1/1-random-init-640.yaml]\n"
            + "profiles: {quick: {training: {epochs: \(epochs)}}}\n", "\(name).yaml")
      }
      try write("title: Not run\ninherits: [a.yaml]\nseeds: [7]\n", "c.yaml")
      try write(
        "title: \"\(evil)\"\nnotes: [\"\(evil)\"]\nrows:\n"
          + ["a", "b", "c"].map { "  - {labels: [\"\($0) \(evil)\"], recipes: {amos22: \($0).yaml}}\n" }.joined(),
        "own.yaml")
      for name in ["a", "b"] {
        let run = try segbench(["run", "Recipes/own/\(name).yaml", "--profile", "quick"], home: home)
        #expect(run.code == 0, "\(run.errors)")
      }
      let made = try segbench(["report", "own/html", "--profile", "quick", "--output", "out"], home: home)
      #expect(made.code == 0 && made.errors.contains("written: "), "\(made.errors)")
      let page = try String(contentsOf: home.appendingPathComponent("out/report.html"), encoding: .utf8)

      // Every place that is led to is there, once.
      let ids = page.matches(of: #/ id="([^"]*)"/#).map { String($0.1) }
      #expect(Set(ids).count == ids.count)
      let links = page.matches(of: #/ href="([^"]*)"/#).map { String($0.1) }
      #expect(
        !links.isEmpty && links.allSatisfy { $0.hasPrefix("#") && ids.contains(String($0.dropFirst())) }, "\(links)")
      // Nothing is fetched, and no word of the study is markup.
      #expect(page.matches(of: #/src="([^"]*)"/#).allSatisfy { $0.1.hasPrefix("data:image/png;base64,") })
      #expect(!page.contains("<img src=x") && page.contains("&lt;img src=x onerror=alert(1)&gt; &amp; &quot;&#39;"))
      #expect(page.matches(of: #/<script/#).count == 1 && page.contains("default-src 'none'"))

      // Each number of ours leads to the run that the row names.
      let rows = page.matches(of: #/<tr>(.*?)<\/tr>/#).map { String($0.1) }
      let own = rows.filter { $0.contains("onerror") && $0.contains("<td") && $0.contains("#run-") }
      #expect(own.count >= 2)
      let runs = try FileManager.default.contentsOfDirectory(atPath: home.appendingPathComponent("runs").path).sorted()
      #expect(runs.count == 2)
      for run in runs {
        let place = "run-\(run.prefix(10))"
        #expect(ids.contains(place) && own.contains { $0.matches(of: try! Regex("#\(place)\"")).count >= 3 })
        let section = try #require(page.split(separator: "id=\"\(place)\"").last)
        #expect(section.contains(run) && section.contains("training.epochs") && section.contains("own/"))
      }
      #expect(page.contains(">missing<") && page.contains("segbench run Recipes/own/c.yaml"))
      // The two rows case by case, each class, and the curves.
      for word in ["Row 2 against row 1, case by case", "DSC class by class", "Learning curves on"] {
        #expect(page.contains("<summary>\(word)"), "\(word)")
      }
      #expect(page.matches(of: #/<circle [^>]*><title>[^<]*: [0-9.]+, [0-9.]+<\/title>/#).count >= 1)

      // The same runs give the same bytes, on the standard output as well.
      let again = try segbench(["report", "own/html", "--profile", "quick"], home: home)
      #expect(again.output == page)
      for (words, mention) in [
        (["report", "none/html"], "there is no study \"none\""), (["report", "own/html", "--check", "out"], "--check"),
        (["report", "html", "--format", "csv"], "leave --format out"),
      ] {
        let refused = try segbench(words + ["--profile", "quick"], home: home)
        #expect(refused.code == 2 && refused.errors.contains(mention), "\(refused.errors)")
      }
    }
  }
}
