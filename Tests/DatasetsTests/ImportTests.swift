import Datasets
import Files
import Foundation
import Imaging
import TestSupport
import Testing

/// Miniature copies of each dataset as its owners publish it.
struct Publication {
  let folder: URL

  static let header = NIfTIHeader(shape: [2, 4, 5], spacing: [3, 1, 1])

  func image(_ path: String, seed: Int = 0) throws {
    try make(path)
    try NIfTI.write(
      Volume(shape: [2, 4, 5], voxels: formula(40, seed: seed), header: Self.header), to: at(path))
  }

  func label(_ path: String, _ greatest: Int = 2) throws {
    try make(path)
    try NIfTI.write(
      Volume(shape: [2, 4, 5], voxels: (0..<40).map { Int16($0 % (greatest + 1)) }, header: Self.header), to: at(path))
  }

  func text(_ path: String, _ text: String) throws {
    try make(path)
    try Data(text.utf8).write(to: at(path))
  }

  func at(_ path: String) -> URL { folder.appendingPathComponent(path) }

  private func make(_ path: String) throws {
    try FileManager.default.createDirectory(
      at: at(path).deletingLastPathComponent(), withIntermediateDirectories: true)
  }

  static let amosLabels = [
    "background", "spleen", "right kidney", "left kidney", "gall bladder", "esophagus", "liver", "stomach", "arota",
    "postcava", "pancreas", "right adrenal gland", "left adrenal gland", "duodenum", "bladder", "prostate/uterus",
  ]

  /// Two CT and one MR case for training, one of each for validation, one to test.
  func amos() throws {
    func list(_ numbers: [Int], _ suffix: String) throws -> String {
      try numbers.map { number in
        let name = "amos_" + String(repeating: "0", count: 4 - String(number).count) + "\(number).nii.gz"
        try image("images\(suffix)/\(name)", seed: number)
        try label("labels\(suffix)/\(name)", 15)
        return "{\"image\": \"./images\(suffix)/\(name)\", \"label\": \"./labels\(suffix)/\(name)\"}"
      }.joined(separator: ", ")
    }
    let labels = Self.amosLabels.enumerated().map { "\"\($0.offset)\": \"\($0.element)\"" }.joined(separator: ", ")
    try image("imagesTs/amos_0200.nii.gz")
    try text(
      "dataset.json",
      "{\"name\": \"AMOS\", \"modality\": {\"0\": \"CT\"}, \"labels\": {\(labels)}, \"training\": "
        + "[\(try list([1, 4, 507], "Tr"))], \"validation\": [\(try list([8, 540], "Va"))], \"test\": []}")
  }
}

struct ImportTests {
  private func with(_ body: (Publication, URL) throws -> Void) throws {
    try withTemporaryFolder { folder in
      let source = folder.appendingPathComponent("source")
      try FileManager.default.createDirectory(at: source, withIntermediateDirectories: true)
      try body(Publication(folder: source), folder.appendingPathComponent("destination"))
    }
  }

  private func files(_ folder: URL) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).sorted()
  }

  /// Nothing may be left where a refused dataset would have gone.
  private func refusal(_ dataset: PublishedDataset, _ source: Publication, _ destination: URL) -> String {
    let text = inputError { _ = try DatasetImporter.run(dataset, from: source.folder, to: destination) }
    #expect(files(destination.deletingLastPathComponent()) == ["source"], "\(text)")
    return text
  }

  @Test func amosJoinsTrainingAndValidation() throws {
    try with { source, destination in
      try source.amos()
      let notes = try DatasetImporter.run(.amos22, from: source.folder, to: destination)
      let dataset = try RawDataset(directory: destination)
      #expect(dataset.cases.map(\.name) == ["amos_0001", "amos_0004", "amos_0008", "amos_0507", "amos_0540"])
      #expect(dataset.description.labels.map(\.name) == Publication.amosLabels)
      #expect(dataset.description.channelNames == ["either_CT_or_MR"] && dataset.testCases.isEmpty)
      #expect(notes.contains { $0.contains("300 CT and 60 MR") && $0.contains("3 CT and 2 MR are here") })
      #expect(notes.contains { $0.contains("360 labelled cases; 5 are here") })
      let report = try DatasetVerifier.verify(destination)
      #expect(report == DatasetVerifier.Report())
      // Links to the owner's files, which hold the same bytes.
      let image = dataset.cases[2].images[0]
      #expect(image.lastPathComponent == "amos_0008_0000.nii.gz")
      #expect(
        try FileManager.default.destinationOfSymbolicLink(atPath: image.path)
          == source.at("imagesVa/amos_0008.nii.gz").resolvingSymlinksInPath().path)
    }
  }

  /// What an import that was killed left goes with the next one; what a living one builds stays.
  @Test func leftoversOfKilledImportsAreRemoved() throws {
    try with { source, destination in
      try source.amos()
      let parent = destination.deletingLastPathComponent()
      for name in ["dead", "living"] {
        try makeFolder(parent.appendingPathComponent(".destination.importing-\(name)/imagesTr"))
      }
      let descriptor = open(parent.appendingPathComponent(".destination.importing-living").path, O_RDONLY)
      #expect(flock(descriptor, LOCK_EX) == 0)
      defer { close(descriptor) }
      _ = try DatasetImporter.run(.amos22, from: source.folder, to: destination, transfer: .copy)
      #expect(files(parent) == [".destination.importing-living", "destination", "source"])
    }
  }

  @Test func copiesAreTheSameBytesAndStandAlone() throws {
    try with { source, destination in
      try source.amos()
      let before = try Digest.sha256(ofFileAt: source.at("labelsTr/amos_0507.nii.gz"))
      _ = try DatasetImporter.run(.amos22, from: source.folder, to: destination, transfer: .copy)
      try FileManager.default.removeItem(at: source.folder)
      #expect(try Digest.sha256(ofFileAt: destination.appendingPathComponent("labelsTr/amos_0507.nii.gz")) == before)
      #expect(try DatasetVerifier.verify(destination).problems == [])
    }
  }

  @Test func everythingWrongWithAnAMOSCopyIsTold() throws {
    try with { source, destination in
      try source.amos()
      try FileManager.default.removeItem(at: source.at("imagesTr/amos_0004.nii.gz"))
      try FileManager.default.removeItem(at: source.at("labelsVa/amos_0540.nii.gz"))
      var text = try String(contentsOf: source.at("dataset.json"), encoding: .utf8)
      text = text.replacingOccurrences(of: "./labelsTr/amos_0507.nii.gz", with: "../../labelsTr/amos_0507.nii.gz")
      text = text.replacingOccurrences(of: "\"15\": \"prostate/uterus\"", with: "\"17\": \"prostate/uterus\"")
      try source.text("dataset.json", text)
      let found = refusal(.amos22, source, destination)
      for part in [
        "4 problems", "imagesTr/amos_0004.nii.gz: the file is missing",
        "labelsVa/amos_0540.nii.gz: the file is missing",
        "\"../../labelsTr/amos_0507.nii.gz\" is no path below", "without gaps",
      ] { #expect(found.contains(part), "\(found)") }
    }
  }

  /// What only reading the voxels tells is told in the words of the source's files.
  @Test func badVoxelsAreToldBySourceFile() throws {
    try with { source, destination in
      try source.amos()
      try source.label("labelsTr/amos_0001.nii.gz", 16)
      try source.text("imagesVa/amos_0008.nii.gz", "no image")
      let found = refusal(.amos22, source, destination)
      #expect(found.contains("2 problems"), "\(found)")
      #expect(found.contains("\(source.at("labelsTr/amos_0001.nii.gz").path): the label map holds 16"), "\(found)")
      #expect(found.contains(source.at("imagesVa/amos_0008.nii.gz").path), "\(found)")
      #expect(!found.contains(".destination."), "\(found)")
    }
  }

  @Test(arguments: ["", "dataset/"]) func kidneysComeFromTheirFolders(inner: String) throws {
    try with { source, destination in
      for name in ["case_00000", "case_00400"] {
        try source.image("\(inner)\(name)/imaging.nii.gz")
        try source.label("\(inner)\(name)/segmentation.nii.gz", 3)
      }
      try source.text("\(inner)kits23.json", "[]")
      let notes = try DatasetImporter.run(.kits23, from: source.folder, to: destination)
      let dataset = try RawDataset(directory: destination)
      #expect(dataset.cases.map(\.name) == ["case_00000", "case_00400"])
      #expect(dataset.description.labels.map(\.name) == ["background", "kidney", "tumor", "cyst"])
      // What nnU-Net's own conversion writes, and the study's recipes ask for.
      #expect(dataset.description.regions.map(\.labels) == [[1, 2, 3], [2, 3], [2]])
      #expect(dataset.description.regions.map(\.predictedLabel) == [1, 3, 2] && dataset.description.learnsRegions)
      #expect(notes.contains { $0.contains("nnU-Net's regions") } && notes.contains { $0.contains("489") })
    }
  }

  @Test func kidneysWithoutTheirImagesAreAllNamed() throws {
    try with { source, destination in
      for name in ["case_00000", "case_00001", "case_2"] { try source.label("\(name)/segmentation.nii.gz", 3) }
      try source.image("case_00003/imaging.nii.gz")
      let found = refusal(.kits23, source, destination)
      for part in [
        "case_00000/imaging.nii.gz: the file is missing; the owners'", "case_00001/imaging.nii.gz: the file is missing",
        "case_2: a case is a folder", "case_00003/segmentation.nii.gz: the file is missing.", "4 problems",
      ] { #expect(found.contains(part), "\(found)") }
    }
  }

  @Test func liversComeFromBothBatchesUncompressed() throws {
    try with { source, destination in
      for (number, batch) in [(0, 1), (27, 1), (28, 2), (130, 2)] {
        try source.image("Training Batch \(batch)/volume-\(number).nii")
        try source.label("Training Batch \(batch)/segmentation-\(number).nii")
      }
      try source.image("Testing Batch/test-volume-3.nii")
      let notes = try DatasetImporter.run(.lits, from: source.folder, to: destination)
      let dataset = try RawDataset(directory: destination)
      #expect(dataset.cases.map(\.name) == ["liver_0", "liver_130", "liver_27", "liver_28"])
      #expect(dataset.description.fileEnding == ".nii" && dataset.description.trainingCount == 4)
      #expect(files(destination.appendingPathComponent("imagesTr"))[0] == "liver_0_0000.nii")
      #expect(notes == ["The paper has 131 labelled cases; 4 are here."])
      #expect(try DatasetVerifier.verify(destination).problems == [])
    }
  }

  @Test func liversWithMixedEndingsOrHalvesAreRefused() throws {
    try with { source, destination in
      try source.image("a/volume-0.nii")
      try source.label("a/segmentation-0.nii.gz")
      try source.image("a/volume-1.nii")
      try source.label("b/segmentation-2.nii")
      try source.image("b/volume-0.nii")
      let found = refusal(.lits, source, destination)
      for part in [
        "one ending for all files", "a/volume-1.nii: the image has no label map",
        "b/segmentation-2.nii: the label map has no image", "number 0 is there twice",
      ] { #expect(found.contains(part), "\(found)") }
    }
  }

  /// Synapse's RawData, with its testing images, and a folder of all files side by side.
  @Test(arguments: [true, false]) func abdomensComeFromEitherLayout(raw: Bool) throws {
    try with { source, destination in
      for number in ["0001", "0010"] {
        try source.image(raw ? "Abdomen/RawData/Training/img/img\(number).nii.gz" : "img\(number).nii.gz")
        try source.label(raw ? "Abdomen/RawData/Training/label/label\(number).nii.gz" : "label\(number).nii.gz", 13)
      }
      if raw { try source.image("Abdomen/RawData/Testing/img/img0061.nii.gz") }
      let notes = try DatasetImporter.run(.btcv, from: source.folder, to: destination)
      let dataset = try RawDataset(directory: destination)
      #expect(dataset.cases.map(\.name) == ["img0001", "img0010"])
      #expect(dataset.description.classCount == 14)
      #expect(dataset.testCases.map(\.name) == (raw ? ["img0061"] : []))
      #expect(notes.contains { $0.contains("imagesTs") } == raw && notes.contains { $0.contains("50") })
      #expect(try DatasetVerifier.verify(destination).problems == [])
    }
  }

  @Test func aTrainingImageWithoutLabelsIsNoTestImage() throws {
    try with { source, destination in
      try source.image("Training/img/img0002.nii.gz")
      #expect(refusal(.btcv, source, destination).contains("img0002.nii.gz: the image has no label map"))
    }
  }

  @Test func nnUNetsLayoutIsTakenOverAsItIs() throws {
    try with { source, destination in
      let raw = SmallDataset(folder: source.folder)
      try raw.write()
      try source.image("imagesTs/t_0000.nii.gz")
      var document = try JSONValue.read(source.at("dataset.json"))
      document["licence"] = "CC"
      try source.text("dataset.json", document.text())
      #expect(try DatasetImporter.run(.nnunet, from: source.folder, to: destination) == [])
      #expect(
        try Data(contentsOf: destination.appendingPathComponent("dataset.json"))
          == Data(contentsOf: source.at("dataset.json")))
      #expect(try RawDataset(directory: destination).testCases.map(\.name) == ["t"])
      // Once there, it is not written over.
      let again = inputError { _ = try DatasetImporter.run(.nnunet, from: source.folder, to: destination) }
      #expect(again.contains("something of that name already"))
    }
  }

  /// A dataset.json that names its files: nnU-Net reads those, and so does the importer.
  @Test func filesNamedInTheDescriptionAreBroughtIntoFolders() throws {
    try with { source, destination in
      try source.image("scans/one.nii.gz")
      try source.label("truth/one.nii.gz")
      func description(_ label: String) -> String {
        "{\"channel_names\": {\"0\": \"CT\"}, \"labels\": {\"background\": 0, \"a\": 1, \"b\": 2}, \"numTraining\": 1, "
          + "\"file_ending\": \".nii.gz\", \"dataset\": {\"c1\": {\"images\": [\"scans/one.nii.gz\"], "
          + "\"label\": \"\(label)\"}}}"
      }
      try source.text("dataset.json", description("$HOME/one.nii.gz"))
      #expect(refusal(.nnunet, source, destination).contains("a variable of the environment"))
      try source.text("dataset.json", description("truth/one.nii.gz"))
      let named = try DatasetVerifier.verify(source.folder).problems
      #expect(named.contains { $0.contains("segbench dataset import nnunet") }, "\(named)")
      _ = try DatasetImporter.run(.nnunet, from: source.folder, to: destination)
      #expect(try RawDataset(directory: destination).cases.map(\.name) == ["c1"])
      #expect(try DatasetVerifier.verify(destination).problems == [])
    }
  }

  /// An importer is declared in its own file; the list has every one.
  @Test func everyImporterIsListed() throws {
    let folder = repository.appendingPathComponent("Sources/Datasets/Importing")
    let declared = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil).flatMap {
      let text = try String(contentsOf: $0, encoding: .utf8)
      return text.matches(of: #/static let \w+ = (?:PublishedDataset|numbered)\("(\w+)"/#).map { String($0.1) }
    }
    #expect(declared.sorted() == PublishedDataset.allCases.map(\.name).sorted())
  }

  @Test(arguments: PublishedDataset.allCases) func foldersThatHoldNothingAreRefused(dataset: PublishedDataset) throws {
    try with { source, destination in
      #expect(refusal(dataset, source, destination).contains(source.folder.path))
      let none = source.at("none")
      let text = inputError { _ = try DatasetImporter.run(dataset, from: none, to: destination) }
      #expect(text.contains("there is no such folder"))
    }
  }
}
