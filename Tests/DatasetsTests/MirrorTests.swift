import Datasets
import Files
import Foundation
import Imaging
import TestSupport
import Testing

/// The forms under which the study's datasets are published and mirrored, each as a tiny folder.
struct MirrorTests {
  private func with(_ body: (Publication, URL) throws -> Void) throws {
    try withTemporaryFolder { folder in
      let source = folder.appendingPathComponent("source")
      try FileManager.default.createDirectory(at: source, withIntermediateDirectories: true)
      try body(Publication(folder: source), folder.appendingPathComponent("destination"))
    }
  }

  private func imported(
    _ dataset: PublishedDataset, _ source: Publication, _ destination: URL
  ) throws -> (dataset: RawDataset, notes: [String]) {
    let notes = try DatasetImporter.run(dataset, from: source.folder, to: destination)
    #expect(try DatasetVerifier.verify(destination).problems == [])
    return (try RawDataset(directory: destination), notes)
  }

  private func refusal(_ dataset: PublishedDataset, _ source: Publication, _ destination: URL) -> String {
    inputError { _ = try DatasetImporter.run(dataset, from: source.folder, to: destination) }
  }

  private func origin(_ url: URL) -> String {
    ((try? FileManager.default.destinationOfSymbolicLink(atPath: url.path)) ?? "none")
  }

  /// A Decathlon task as its archive holds it, with macOS's companions of every file.
  private func decathlon(
    _ source: Publication, _ names: [String], labels: String, modality: String = #"{"0": "CT"}"#, at folder: String = ""
  ) throws {
    for name in names {
      try source.image("\(folder)imagesTr/\(name).nii.gz", seed: name.utf8.count)
      try source.label("\(folder)labelsTr/\(name).nii.gz")
      try source.text("\(folder)imagesTr/._\(name).nii.gz", "Mac OS X")
      try source.text("\(folder)labelsTr/._\(name).nii.gz", "Mac OS X")
    }
    try source.image("\(folder)imagesTs/liver_132.nii.gz")
    let list = names.map { #"{"image": "./imagesTr/\#($0).nii.gz", "label": "./labelsTr/\#($0).nii.gz"}"# }
    try source.text(
      "\(folder)dataset.json",
      #"{"name": "Task", "tensorImageSize": "3D", "modality": \#(modality), "labels": \#(labels), "numTraining": \#(names.count), "#
        + #""numTest": 1, "training": [\#(list.joined(separator: ", "))], "test": ["./imagesTs/liver_132.nii.gz"]}"#)
  }

  private static let liver = #"{"0": "background", "1": "liver", "2": "cancer"}"#

  @Test(arguments: [PublishedDataset.lits, .decathlon, .nnunet], ["", "Task03_Liver/"])
  func theDecathlonsLiverIsTaken(by dataset: PublishedDataset, folder: String) throws {
    try with { source, destination in
      try decathlon(source, ["liver_0", "liver_10", "liver_9"], labels: Self.liver, at: folder)
      let (found, notes) = try imported(dataset, source, destination)
      #expect(found.cases.map(\.name) == ["liver_0", "liver_10", "liver_9"])
      #expect(found.description.labels.map(\.name) == ["background", "liver", dataset == .lits ? "tumor" : "cancer"])
      #expect(found.description.channelNames == ["CT"] && found.description.trainingCount == 3)
      #expect(found.testCases.map(\.name) == ["liver_132"])
      #expect(origin(found.cases[1].images[0]).hasSuffix("imagesTr/liver_10.nii.gz"))
      #expect(notes.contains { $0.contains("names and numbers are exchanged") } == (dataset == .nnunet))
    }
  }

  /// Two channels along a fourth axis become files of their own with the same header and the same bytes of voxels, as nnU-Net's
  /// `convert_MSD_dataset` divides them.
  @Test(arguments: [false, true]) func channelsOfAFourthAxisAreDivided(bigEndian: Bool) throws {
    try with { source, destination in
      let labels = #"{"0": "background", "1": "PZ", "2": "TZ"}"#
      try decathlon(
        source, ["prostate_00"], labels: labels, modality: #"{"0": "T2", "1": "ADC"}"#)
      try FileManager.default.removeItem(at: source.at("imagesTs/liver_132.nii.gz"))
      // A NIfTI-1 file by hand: 5 x 4 x 2 x 2 of int16, slope 2, intercept 1, the origin at (7, 8, 9).
      var bytes = Data(count: 352)
      func set<Value: FixedWidthInteger>(_ value: Value, _ offset: Int) {
        withUnsafeBytes(of: bigEndian ? value.bigEndian : value.littleEndian) {
          bytes.replaceSubrange(offset..<(offset + $0.count), with: $0)
        }
      }
      func set(_ value: Float, _ offset: Int) { set(value.bitPattern, offset) }
      set(Int32(348), 0)
      for (axis, extent) in [4, 5, 4, 2, 2, 1, 1, 1].enumerated() { set(Int16(extent), 40 + 2 * axis) }
      for (axis, size) in [1, 1, 1, 3, 1, 1, 1, 1].enumerated() { set(Float(size), 76 + 4 * axis) }
      set(Int16(4), 70)
      set(Int16(16), 72)
      set(Float(352), 108)
      set(Float(2), 112)
      set(Float(1), 116)
      set(Int16(1), 254)
      for (row, values) in [[1, 0, 0, 7], [0, 1, 0, 8], [0, 0, 3, 9]].enumerated() {
        for (column, value) in values.enumerated() { set(Float(value), 280 + 16 * row + 4 * column) }
      }
      bytes.replaceSubrange(344..<348, with: Data("n+1\0".utf8))
      for index in 0..<80 {
        let value = Int16(index - 40)
        withUnsafeBytes(of: bigEndian ? value.bigEndian : value.littleEndian) { bytes.append(contentsOf: $0) }
      }
      try bytes.write(to: source.at("imagesTr/prostate_00.nii.gz"))
      // The label map lies on the same grid.
      let header = NIfTIHeader(
        shape: [2, 4, 5], spacing: [3, 1, 1], affine: [[1, 0, 0, 7], [0, 1, 0, 8], [0, 0, 3, 9]])
      try NIfTI.write(
        Volume(shape: [2, 4, 5], voxels: (0..<40).map { Int16($0 % 3) }, header: header),
        to: source.at("labelsTr/prostate_00.nii.gz"))
      let (found, notes) = try imported(.decathlon, source, destination)
      #expect(found.description.channelNames == ["T2", "ADC"] && notes.contains { $0.contains("2 channels") })
      for channel in 0..<2 {
        let url = found.cases[0].images[channel]
        #expect(url.lastPathComponent == "prostate_00_000\(channel).nii.gz")
        let image = try NIfTI.readImage(url)
        #expect(image.voxels == (0..<40).map { Float(2 * ($0 + 40 * channel - 40) + 1) })
        #expect(image.header.affine == [[1, 0, 0, 7], [0, 1, 0, 8], [0, 0, 3, 9]])
        #expect(image.header.spacing == [3, 1, 1] && image.shape == [2, 4, 5])
      }
      // One channel where the image has two.
      try source.text("dataset.json", #"{"modality": {"0": "T2"}, "labels": \#(labels)}"#)
      let text = refusal(.decathlon, source, destination.appendingPathExtension("2"))
      #expect(text.contains("holds 2 volume(s)") && text.contains("names 1 channel(s)"), "\(text)")
    }
  }

  /// nnU-Net's first version: the same description, a file a channel.
  @Test func nnUNetsFirstVersionIsTaken() throws {
    try with { source, destination in
      try decathlon(source, ["a_1", "a_2"], labels: Self.liver)
      for name in ["imagesTr/a_1", "imagesTr/a_2", "imagesTs/liver_132"] {
        try FileManager.default.moveItem(at: source.at("\(name).nii.gz"), to: source.at("\(name)_0000.nii.gz"))
      }
      let (found, _) = try imported(.nnunet, source, destination)
      #expect(found.cases.map(\.name) == ["a_1", "a_2"] && found.testCases.map(\.name) == ["liver_132"])
      let told = try DatasetVerifier.verify(source.folder).problems
      #expect(told.count == 1 && told[0].contains("names and numbers are exchanged"), "\(told)")
      #expect(told[0].contains("dataset import decathlon"), "\(told)")
      let run = inputError { _ = try RawDataset(directory: source.folder) }
      #expect(run.contains("names and numbers are exchanged"), "\(run)")
    }
  }

  @Test func everythingWrongWithATaskIsTold() throws {
    try with { source, destination in
      try decathlon(source, ["liver_0", "liver_1", "liver_2"], labels: #"{"0": "background", "2": "liver"}"#)
      try FileManager.default.removeItem(at: source.at("imagesTr/liver_1.nii.gz"))
      try FileManager.default.removeItem(at: source.at("labelsTr/liver_2.nii.gz"))
      let text = refusal(.decathlon, source, destination)
      for part in [
        "3 problems", "liver_1.nii.gz: the file is missing", "the label map of liver_2.nii.gz", "without gaps",
      ] {
        #expect(text.contains(part), "\(text)")
      }
    }
  }

  /// LiTS as Kaggle and others mirror it: parts, compressed or not, deep folders.
  @Test(arguments: [
    [
      "volume_pt1/volume-0.nii", "segmentations/segmentation-0.nii", "volume_pt2/volume-11.nii",
      "segmentations/segmentation-11.nii",
    ],
    [
      "media/nas/01_Datasets/CT/LITS/Training Batch 1/volume-0.nii",
      "media/nas/01_Datasets/CT/LITS/Training Batch 1/segmentation-0.nii",
      "media/nas/01_Datasets/CT/LITS/Training Batch 2/volume-11.nii",
      "media/nas/01_Datasets/CT/LITS/Training Batch 2/segmentation-11.nii",
    ],
    ["ct/volume-0.nii.gz", "seg/segmentation-0.nii.gz", "ct/volume-11.nii.gz", "seg/segmentation-11.nii.gz"],
    [
      "imagesTr/liver_0.nii.gz", "labelsTr/liver_0.nii.gz", "imagesTr/liver_11.nii.gz", "labelsTr/liver_11.nii.gz",
      "imagesTs/liver_140.nii.gz",
    ],
    [
      "imagesTr/liver_0_0000.nii.gz", "labelsTr/liver_0.nii.gz", "imagesTr/liver_11_0000.nii.gz",
      "labelsTr/liver_11.nii.gz",
    ],
    [
      "volume-0.nii/volume-0.nii", "segmentation-0.nii/segmentation-0.nii", "volume-11.nii/volume-11.nii",
      "segmentation-11.nii/segmentation-11.nii",
    ],
  ])
  func liverMirrorsGiveTheSameCases(files: [String]) throws {
    try with { source, destination in
      for file in files { try file.contains("seg") || file.contains("label") ? source.label(file) : source.image(file) }
      let (found, _) = try imported(.lits, source, destination)
      #expect(found.cases.map(\.name) == ["liver_0", "liver_11"])
      #expect(found.description.labels.map(\.name) == ["background", "liver", "tumor"])
      for item in found.cases {
        #expect(origin(item.images[0]).contains("volume") || origin(item.images[0]).contains("imagesTr/liver"))
        #expect(origin(item.label!).contains("seg") || origin(item.label!).contains("labelsTr"))
      }
    }
  }

  /// BTCV: RawData renamed for MONAI, averaged images, label maps of the images' names, nnU-Net's names without a description, all
  /// with unlabelled images beside them.
  @Test(arguments: [
    ["imagesTr/img0001.nii.gz", "labelsTr/label0001.nii.gz", "imagesTs/img0061.nii.gz"],
    ["img/img0001.nii.gz", "label/label0001.nii.gz", "img/img0061.nii.gz"],
    ["imagesTr/img0001.nii.gz", "labelsTr/img0001.nii.gz", "imagesTs/img0061.nii.gz"],
    ["imagesTr/img0001_0000.nii.gz", "labelsTr/img0001.nii.gz", "imagesTs/img0061_0000.nii.gz"],
    [
      "RawData/Training/img/img0001.nii.gz", "RawData/Training/label/label0001.nii.gz",
      "RawData/Testing/img/img0061.nii.gz",
    ],
  ])
  func abdomenMirrorsGiveTheSameCases(files: [String]) throws {
    try with { source, destination in
      try source.image(files[0])
      try source.label(files[1], 13)
      try source.image(files[2])
      let (found, notes) = try imported(.btcv, source, destination)
      #expect(found.cases.map(\.name) == ["img0001"] && found.testCases.map(\.name) == ["img0061"])
      #expect(origin(found.cases[0].label!).hasSuffix(files[1]) && notes.contains { $0.contains("imagesTs") })
    }
  }

  @Test func averagedAbdomensAreTakenAndNotMixed() throws {
    try with { source, destination in
      try source.image("averaged-training-images/DET0000101_avg.nii.gz")
      try source.label("averaged-training-labels/DET0000101_avg_seg.nii.gz", 13)
      try source.image("averaged-testing-images/DET0000201_avg.nii.gz")
      let (found, notes) = try imported(.btcv, source, destination)
      #expect(found.cases.map(\.name) == ["DET0000101"] && found.testCases.map(\.name) == ["DET0000201"])
      #expect(notes.contains { $0.contains("folds are others") })
      try source.image("RawData/Training/img/img0001.nii.gz")
      try source.label("RawData/Training/label/label0001.nii.gz", 13)
      let text = refusal(.btcv, source, destination.appendingPathExtension("2"))
      #expect(text.contains("in two forms"), "\(text)")
    }
  }

  /// MONAI's description of BTCV, whose label maps have other names than their images.
  @Test func abdomensListedInADescription() throws {
    try with { source, destination in
      try source.image("imagesTr/img0001.nii.gz")
      try source.label("labelsTr/label0001.nii.gz", 13)
      let names = (0...13).map { #""\#($0)": "\#($0 == 0 ? "background" : "organ \($0)")""# }.joined(separator: ", ")
      try source.text(
        "dataset.json",
        #"{"modality": {"0": "CT"}, "labels": {\#(names)}, "training": [{"image": "imagesTr/img0001.nii.gz", "label": "labelsTr/label0001.nii.gz"}]}"#
      )
      let (found, _) = try imported(.btcv, source, destination)
      #expect(found.cases.map(\.name) == ["img0001"] && found.description.labels[1].name == "spleen")
    }
  }

  @Test(
    arguments: [
      (PublishedDataset.btcv, "train_npz/case0005_slice000.npz", "TransUNet"),
      (.lits, "lits-png/volume-0_1.png", "pictures of slices"),
      (.lits, "a/1.dcm", "dcm2niix"), (.kits23, "kits.zip", "unpacked first"), (.amos22, "a/scan.mha", "only NIfTI"),
      (.lits, "a/patient1.nii", "other names"),
    ] as [(PublishedDataset, String, String)])
  func whatCannotBeUsedIsNamed(dataset: PublishedDataset, file: String, said: String) throws {
    try with { source, destination in
      try source.text(file, "x")
      let text = refusal(dataset, source, destination)
      #expect(text.contains(said) && text.contains("what lies there: 1 "), "\(text)")
    }
  }

  @Test(arguments: [
    [
      "dataset/case_00000/imaging.nii.gz", "dataset/case_00000/segmentation.nii.gz",
      "dataset/case_00000/instances/kidney_instance-1_annotation-1.nii.gz",
    ],
    ["kits23/dataset/case_00000/imaging.nii.gz", "kits23/dataset/case_00000/segmentation.nii.gz"],
    ["downloads/master_00000.nii.gz", "dataset/case_00000/segmentation.nii.gz"],
    ["imagesTr/case_00000_0000.nii.gz", "labelsTr/case_00000.nii.gz"],
    ["images/case_00000.nii.gz", "labels/case_00000.nii.gz"],
    ["case_00000/imaging.nii", "case_00000/segmentation.nii"],
  ])
  func kidneyMirrorsGiveTheSameCases(files: [String]) throws {
    try with { source, destination in
      try source.image(files[0])
      try source.label(files[1], 3)
      if files.count > 2 { try source.label(files[2], 1) }
      let (found, notes) = try imported(.kits23, source, destination)
      #expect(found.cases.map(\.name) == ["case_00000"] && found.description.classCount == 4)
      #expect(notes.contains { $0.contains("regions") })
    }
  }

  @Test func earlierKidneysAreNamed() throws {
    try with { source, destination in
      for name in ["case_00000", "case_00001"] {
        try source.image("data/\(name)/imaging.nii.gz")
        try source.label("data/\(name)/aggregated_MAJ_seg.nii.gz", 3)
      }
      let text = refusal(.kits23, source, destination)
      #expect(text.contains("KiTS21's") && text.contains("KiTS23 (489 cases"), "\(text)")
    }
    try with { source, destination in
      for name in ["case_00000", "case_00210", "case_00211"] { try source.image("data/\(name)/imaging.nii.gz") }
      try source.label("data/case_00000/segmentation.nii.gz", 2)
      let text = refusal(.kits23, source, destination)
      #expect(text.contains("KiTS19") && text.contains("210 labelled cases"), "\(text)")
    }
  }

  @Test func aCloneWithoutImagesIsOneSentence() throws {
    try with { source, destination in
      for index in 0..<5 { try source.label("dataset/case_0000\(index)/segmentation.nii.gz", 3) }
      let text = refusal(.kits23, source, destination)
      #expect(
        text.contains("none of the 5 cases") && text.contains("kits23_download_data") && !text.contains("\n"), "\(text)"
      )
    }
  }

  /// AMOS22 in a folder of its own, without its MR scans, without its description, or in nnU-Net's layout.
  @Test func multiOrganSubsetsAreTaken() throws {
    try with { source, destination in
      let inner = Publication(folder: source.at("amos22/amos22"))
      try inner.amos()
      for path in ["imagesTr/amos_0507", "labelsTr/amos_0507"] {
        try FileManager.default.removeItem(at: inner.at("\(path).nii.gz"))
      }
      for path in ["imagesVa/amos_0540", "labelsVa/amos_0540"] {
        try FileManager.default.removeItem(at: inner.at("\(path).nii.gz"))
      }
      let (found, notes) = try imported(.amos22, source, destination)
      #expect(found.cases.map(\.name) == ["amos_0001", "amos_0004", "amos_0008"])
      #expect(notes.contains { $0.contains("subset of the CT scans") })
      try FileManager.default.removeItem(at: inner.at("dataset.json"))
      let (bare, bareNotes) = try imported(.amos22, source, destination.appendingPathExtension("2"))
      #expect(bare.cases.map(\.name) == found.cases.map(\.name) && bare.testCases.map(\.name) == ["amos_0200"])
      #expect(bare.description.labels == found.description.labels)
      #expect(bareNotes.contains { $0.contains("fifteen") } && bareNotes.contains { $0.contains("3 CT and 0 MR") })
      let again = try DatasetImporter.run(.amos22, from: destination, to: destination.appendingPathExtension("3"))
      #expect(again.contains { $0.contains("nnU-Net's layout already") })
    }
    try with { source, destination in
      try source.amos()
      try FileManager.default.removeItem(at: source.at("imagesVa"))
      try FileManager.default.removeItem(at: source.at("labelsVa"))
      let text = refusal(.amos22, source, destination)
      #expect(text.contains("none of the 2 cases") && !text.contains("\n"), "\(text)")
    }
  }
}
