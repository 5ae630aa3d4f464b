import Evaluation
import Experiments
import Files
import Foundation
import Pretraining
import TestSupport
import Testing

import Exports

/// Two epochs of a run with two classes, one of an odd name.
private func record(identity: String = String(repeating: "a1", count: 20)) -> RunRecord {
  let seconds = ["prepare": 10.0, "train": 6, "predict": 3, "evaluate": 1]
  var description = RunRecord.Description(
    identity: identity, title: "A 'row': with × and\nmore", kind: "segmentation", profile: "phantom", seed: 3,
    dataDigest: "d", initialWeightsDigest: "", dependencies: [], weightsDigest: "w", seconds: seconds)
  description.recipePath = "a/b.yaml"
  func measured(_ dsc: Double?, _ voxels: Int) -> ClassMetrics {
    ClassMetrics(dsc: dsc, nsd: dsc, hd95: nil, referenceVoxels: voxels, predictionVoxels: voxels)
  }
  return RunRecord(
    description: description,
    recipe: "network:\n  kind: unet\n  widths: [1, 2]\ntraining:\n  rate: 1e-05\n  \"odd: key\": a\n",
    provenance: .current(root: repository),
    curves: .training(
      [
        CurvePoint(epoch: 0, trainingLoss: 2, validationLoss: 1.5, pseudoDice: nil, classDice: [0.5, nil], seconds: 2),
        CurvePoint(
          epoch: 1, trainingLoss: 1.25, validationLoss: nil, pseudoDice: 0.25, classDice: [nil, nil], seconds: 4),
      ], classes: ["label 1", "label 2"]),
    metrics: RunRecord.Metrics(
      classes: [(1, "liver"), (2, "prostate/uterus"), (3, "prostate?uterus")],
      measured: [
        CaseMetrics(name: "one", classes: [measured(0.5, 9), measured(0.25, 9), measured(nil, 0)], diagonal: 1)
      ],
      predictionDigests: [""], priors: []))
}

private let end = Date(timeIntervalSince1970: 1_700_000_020)

@Suite struct RunSeriesTests {
  @Test func whatIsUndefinedIsLeftOut() {
    let series = RunSeries(record(), end: end)
    #expect(series.start == Date(timeIntervalSince1970: 1_700_000_000))
    let found = Dictionary(uniqueKeysWithValues: series.series.map { ($0.name, $0.points) })
    #expect(found["loss/training"]?.map(\.value) == [2, 1.25] && found["loss/training"]?.map(\.step) == [1, 2])
    #expect(found["loss/training"]?.map { $0.time.timeIntervalSince1970 - 1_700_000_000 } == [12, 16])
    #expect(found["loss/validation"]?.map(\.step) == [1] && found["pseudo-Dice/mean"]?.map(\.step) == [2])
    #expect(found["pseudo-Dice/label 1"]?.map(\.value) == [0.5] && found["pseudo-Dice/label 2"] == nil)
    #expect(found["DSC/mean"]?.map(\.value) == [0.375] && found["DSC/prostate?uterus"] == nil)
  }

  @Test func aPretrainingGoesByIterations() {
    var run = record()
    run.metrics = nil
    let columns = PretrainingRecord.columns.count
    run.curves = .pretraining(
      [5.0, 10].map { first in
        PretrainingRecord([first] + (1..<columns).map { Double($0) })
      })
    let series = RunSeries(run, end: end).series
    #expect(series.count == columns - 1 && series.allSatisfy { $0.points.map(\.step) == [5, 10] })
    #expect(series[0].name == "pretraining/view loss" && series[0].points[1].time == end)
  }
}

@Suite struct TensorBoardEventsTests {
  /// CRC-32C bit by bit, from its polynomial.
  private func checksum(_ data: Data) -> UInt32 {
    var register = UInt32.max
    for byte in data {
      for bit in 0..<8 {
        let carry = (register ^ UInt32(byte >> UInt8(bit))) & 1
        register = register >> 1 ^ (carry == 1 ? 0x82F6_3B78 : 0)
      }
    }
    return ~register
  }

  @Test func checksumsAreCastagnolis() {
    #expect(CRC32C.checksum(of: Data("123456789".utf8)) == 0xE306_9283)
    #expect(CRC32C.checksum(of: Data(count: 32)) == 0x8A91_36AA)
  }

  @Test func framesHoldTheRunsValues() throws {
    let file = TensorBoardEvents.data(RunSeries(record(), end: end), recipe: "a: 1\n")
    var (place, events): (Int, [[ProtobufField]]) = (0, [])
    func word(_ at: Int, _ count: Int) -> UInt64 {
      file[at..<(at + count)].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    }
    func isMasked(_ found: UInt64, _ data: Data) -> Bool {
      let plain = checksum(data)
      return UInt32(found) == (plain >> 15 | plain << 17) &+ 0xA282_EAD8
    }
    while place < file.count {
      let length = Int(word(place, 8))
      #expect(isMasked(word(place + 8, 4), file.subdata(in: place..<(place + 8))))
      let body = file.subdata(in: (place + 12)..<(place + 12 + length))
      #expect(isMasked(word(place + 12 + length, 4), body))
      events.append(try ProtobufField.all(body))
      place += 16 + length
    }
    #expect(events[0].contains { $0.number == 3 && $0.bytes == Data("brain.Event:2".utf8) })
    #expect(events[0].contains { $0.number == 1 && Double(bitPattern: $0.whole) == 1_700_000_000 })
    var scalars: [String: [(step: UInt64, value: Float)]] = [:]
    var texts: [String] = []
    for event in events.dropFirst() {
      let summary = try #require(event.first { $0.number == 5 })
      let value = try ProtobufField.all(try #require(ProtobufField.all(summary.bytes).first).bytes)
      let tag = String(decoding: try #require(value.first { $0.number == 1 }).bytes, as: UTF8.self)
      let step = event.first { $0.number == 2 }?.whole ?? 0
      if let scalar = value.first(where: { $0.number == 2 }) {
        scalars[tag, default: []].append((step, Float(bitPattern: UInt32(scalar.whole))))
      } else {
        let tensor = try ProtobufField.all(try #require(value.first { $0.number == 8 }).bytes)
        texts.append(String(decoding: try #require(tensor.first { $0.number == 8 }).bytes, as: UTF8.self))
      }
    }
    #expect(texts == ["```yaml\na: 1\n\n```"])
    #expect(scalars["loss/training"]?.map(\.value) == [2, 1.25] && scalars["loss/training"]?.map(\.step) == [1, 2])
    #expect(scalars["NSD/liver"]?.map(\.value) == [0.5] && scalars["DSC/prostate?uterus"] == nil)
  }

  @Test func aSecondExportReplacesTheFirst() throws {
    try withTemporaryFolder { folder in
      for later in [0.0, 100] {
        _ = try TensorBoardEvents.write(
          RunSeries(record(), end: end.addingTimeInterval(later)), recipe: "", to: folder.appendingPathComponent("run"))
      }
      let names = try FileManager.default.contentsOfDirectory(atPath: folder.appendingPathComponent("run").path)
      #expect(names == ["events.out.tfevents.1700000100.segbench"])
    }
  }
}

@Suite struct MLflowStoreTests {
  @Test func aRunIsAFolderOfFiles() throws {
    try withTemporaryFolder { folder in
      let store = MLflowStore(folder: folder, experiment: "it's mine")
      var run = folder
      for _ in 0..<2 { run = try store.write(record(), RunSeries(record(), end: end)) }
      func text(_ path: String) throws -> String {
        String(decoding: try Data(contentsOf: run.appendingPathComponent(path)), as: UTF8.self)
      }
      #expect(try text("metrics/loss/training") == "1700000012000 2.0 1\n1700000016000 1.25 2\n")
      #expect(try text("metrics/DSC/prostate_uterus") == "1700000020000 0.25 2\n")
      #expect(try text("params/network.widths") == "[1, 2]" && text("params/training.rate") == "1e-05")
      #expect(try text("params/seed") == "3" && text("params/training.odd_ key") == "a")
      #expect(try text("tags/identity") == record().description.identity)
      #expect(try text("meta.yaml").contains("run_name: 'A ''row'': with × and more'\n"))
      let experiment = run.deletingLastPathComponent()
      let names = try FileManager.default.contentsOfDirectory(atPath: experiment.path).sorted()
      #expect(names.count == 2 && names.contains("meta.yaml"), "\(names)")
      let meta = String(decoding: try Data(contentsOf: experiment.appendingPathComponent("meta.yaml")), as: UTF8.self)
      #expect(meta.contains("name: 'it''s mine'\n"))
    }
  }

  /// Two names that MLflow would write alike, and one that would leave its folder.
  @Test func keysStayApartAndInTheirFolder() throws {
    try withTemporaryFolder { folder in
      var odd = record()
      var metrics = try #require(odd.metrics)
      metrics.classes[0].name = "../../.."
      metrics.measured[0].classes[2] = metrics.measured[0].classes[1]
      odd.metrics = metrics
      let run = try MLflowStore(folder: folder, experiment: "e").write(odd, RunSeries(odd, end: end))
      let names = try FileManager.default.contentsOfDirectory(atPath: run.appendingPathComponent("metrics/DSC").path)
      #expect(names.sorted() == [".._.._..", "mean", "prostate_uterus", "prostate_uterus 2"])
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).count == 1)
    }
  }
}
