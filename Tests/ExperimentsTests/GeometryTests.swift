import Datasets
import Experiments
import Files
import Foundation
import Imaging
import Synchronization
import Testing

/// Runs on datasets whose headers are odd.
@Suite(.serialized) struct GeometryRunTests {
  private final class Words: Sendable {
    let lines = Mutex<[String]>([])
    func runner(_ place: TemporaryWorkspace) -> Runner {
      Runner(workspace: place.workspace, say: { line in self.lines.withLock { $0.append(line) } })
    }
    func take() -> [String] {
      lines.withLock { lines in
        defer { lines = [] }
        return lines
      }
    }
  }

  private func rewrite(_ url: URL, _ change: (inout [UInt8]) -> Void) throws {
    // Through a plain file; readers go by the bytes, not by the name.
    let plain = url.deletingLastPathComponent().appendingPathComponent(".plain.nii")
    let header = try NIfTI.readHeader(url)
    if header.voxelType == .float32 || header.voxelType == .float64 {
      try NIfTI.write(NIfTI.readImage(url), to: plain)
    } else {
      try NIfTI.write(NIfTI.readLabels(url), to: plain)
    }
    var bytes = [UInt8](try Data(contentsOf: plain))
    change(&bytes)
    try FileManager.default.removeItem(at: plain)
    try AtomicFile.write(Data(bytes), to: url)
  }

  private func set(_ value: Float, at offset: Int, _ bytes: inout [UInt8]) {
    withUnsafeBytes(of: value) { bytes.replaceSubrange(offset..<(offset + 4), with: $0) }
  }

  @Test("label maps turned against their images are told of first, once, and scored")
  func turnedLabels() throws {
    let place = try TemporaryWorkspace()
    let words = Words()
    let runner = words.runner(place)
    let row = try place.row("1-random-init-640")
    let dataset = try runner.dataset(of: row)
    for source in dataset.cases {
      let labels = try NIfTI.readLabels(source.label!)
      var affine = labels.header.affine
      for r in 0..<3 { affine[r][1] = -affine[r][1] }
      let header = NIfTIHeader(shape: labels.shape, spacing: labels.spacing, affine: affine)
      try NIfTI.write(Volume(shape: labels.shape, voxels: labels.voxels, header: header), to: source.label!)
    }
    let black = try NIfTI.readImage(dataset.cases[0].images[0])
    try NIfTI.write(Volume(voxels: black.voxels.map { _ in Float(0) }, like: black), to: dataset.cases[0].images[0])
    _ = words.take()
    let record = try runner.run(row, seed: 0)
    #expect(record.metrics?.measured.isEmpty == false)
    let said = words.take()
    let turned = said.firstIndex { $0.hasPrefix("warning: 5 files whose axes run in other directions") }
    #expect(turned == 2 && said[1].contains("the image is black") && said[0].hasPrefix("Verifying 5 cases"), "\(said)")
    #expect(said.count { $0.hasPrefix("warning:") && $0.contains("labelsTr") } == 1, "\(said)")
    let log = try String(
      contentsOf: runner.folder(record.description.identity).appendingPathComponent("log.txt"), encoding: .utf8)
    #expect(log.contains("warning: 5 files whose axes run in other directions"))
    // Verified already; a new process tells of it all the same.
    _ = try words.runner(place).run(row, seed: 0)
    let again = words.take()
    #expect(again.first?.hasPrefix("warning: ") == true && !again.contains { $0.hasPrefix("Verifying") }, "\(again)")
  }

  @Test("what cannot be used is refused before anything else is done")
  func shearedImage() throws {
    let place = try TemporaryWorkspace()
    let runner = Runner(workspace: place.workspace)
    // Pretraining would come first.
    let row = try place.row("2-dinov3-640")
    let dataset = try runner.dataset(of: row)
    try rewrite(dataset.cases[3].images[0]) { bytes in
      bytes[252] = 0
      set(0.3, at: 284, &bytes)
    }
    do {
      _ = try runner.run(row, seed: 0)
      Issue.record("it ran")
    } catch let error as any InputError {
      #expect(error.description.contains("\(dataset.cases[3].images[0].lastPathComponent): the axes x and y"))
    }
    #expect(!FileManager.default.fileExists(atPath: place.workspace.runs.path))
  }
}
