import Files
import Foundation
import Imaging
import TestSupport
import Testing

/// DICOM series as cases to predict and to import, by dcm2niix.
@Suite struct DICOMTests {
  static let isInstalled = ["/usr/bin/dcm2niix", "/usr/local/bin/dcm2niix"].contains {
    FileManager.default.isExecutableFile(atPath: $0)
  }

  @Test(.enabled(if: isInstalled, "dcm2niix is not installed")) func aSeriesIsPredictedAsItsVolumeIs() throws {
    try withTemporaryHome { home in
      let (run, series, names) = try prepare(home)
      let predicted = try segbench(
        ["predict", "--run", run, "--output", "out", series.path], home: home, settings: ["TMPDIR": home.path])
      #expect(predicted.code == 0, "\(predicted.errors)")
      #expect(predicted.output == home.appendingPathComponent("out/patient.nii.gz").path + "\n")
      // Nothing of it is left.
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: home.path).filter { $0.hasPrefix("segbench-") }.isEmpty)

      // The volume by itself: HU and voxel sizes as they were, the same label map.
      let converter = Process()
      converter.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      converter.arguments = ["dcm2niix", "-b", "n", "-z", "i", "-f", "volume", "-o", home.path, series.path]
      converter.standardOutput = Pipe()
      try converter.run()
      converter.waitUntilExit()
      let volume = try NIfTI.readImage(home.appendingPathComponent("volume.nii.gz"))
      #expect(
        volume.shape == [6, 40, 48] && zip(volume.header.spacing, [3, 1.5, 1.25]).allSatisfy { abs($0 - $1) < 1e-4 })
      #expect(volume.voxels.sorted() == Self.voxels.map(Float.init).sorted())
      let same = try segbench(["predict", "--run", run, "--output", "out", "volume.nii.gz"], home: home)
      #expect(same.code == 0, "\(same.errors)")
      let maps = try ["patient", "volume"].map { try NIfTI.readLabels(home.appendingPathComponent("out/\($0).nii.gz")) }
      #expect(maps[0].voxels == maps[1].voxels && maps[0].header.affine == maps[1].header.affine)

      // Two series in one folder, and files that only begin as DICOM's.
      for (index, name) in names.enumerated() {
        try Self.slice(index, series: 2).write(to: series.appendingPathComponent("second-\(name)"))
      }
      let two = try segbench(["predict", "--run", run, "--output", "out", series.path], home: home)
      #expect(two.code == 2 && two.errors.contains("holds 2 DICOM series"), "\(two.errors)")
      for file in try FileManager.default.contentsOfDirectory(atPath: series.path) {
        try Data(Self.slice(0, series: 1).prefix(200)).write(to: series.appendingPathComponent(file))
      }
      let broken = try segbench(["predict", "--run", run, "--output", "out", series.path], home: home)
      #expect(broken.code == 2 && broken.errors.contains("dcm2niix makes no volume"), "\(broken.errors)")
    }
  }

  @Test func withoutTheLibraryItIsNamed() throws {
    try withTemporaryHome { home in
      let (run, series, _) = try prepare(home)
      let refused = try segbench(
        ["predict", "--run", run, "--output", "out", series.path], home: home, settings: ["PATH": "/nowhere"])
      #expect(refused.code == 2 && refused.errors.contains("apt-get install dcm2niix"), "\(refused.errors)")
    }
  }

  // MARK: - Import

  /// nnU-Net's layout with a series' folder in place of each image; the label maps on dcm2niix's grid.
  @Test(.enabled(if: isInstalled, "dcm2niix is not installed")) func seriesAreImported() throws {
    try withTemporaryFolder { home in
      let source = home.appendingPathComponent("source")
      let volume = try Self.dataset(below: source)
      let words = ["dataset", "import", "nnunet", source.path, home.appendingPathComponent("out").path]
      let made = try segbench(words)
      #expect(made.code == 0 && made.errors.contains("3 DICOM series are converted"), "\(made.errors)")
      for path in ["imagesTr/a_0000", "imagesTr/b_0000", "imagesTs/c_0000"] {
        let image = try NIfTI.readImage(home.appendingPathComponent("out/\(path).nii.gz"))
        #expect(image.voxels == volume.voxels && image.header.affine == volume.header.affine, "\(path)")
      }
      #expect(try segbench(["dataset", "verify", home.appendingPathComponent("out").path]).code == 0)

      // Rows the other way, as other programs convert, and everything else that is wrong, in one pass.
      var affine = volume.header.affine
      affine[1] = affine[1].map { -$0 }
      try Self.label(
        NIfTIHeader(shape: volume.shape, spacing: volume.header.spacing, affine: affine),
        to: source.appendingPathComponent("labelsTr/a.nii.gz"))
      try FileManager.default.removeItem(at: source.appendingPathComponent("labelsTr/b.nii.gz"))
      try makeFolder(source.appendingPathComponent("imagesTs/d_0000"))
      try Data(Self.slice(0, series: 1).prefix(200)).write(to: source.appendingPathComponent("imagesTs/d_0000/slice"))
      try Data("x".utf8).write(to: source.appendingPathComponent("imagesTr/e_0000.nii.gz"))
      let refused = try segbench(Array(words.dropLast()) + [home.appendingPathComponent("other").path])
      #expect(refused.code == 2, "\(refused.errors)")
      for word in [
        "labelsTr/a.nii.gz", "labelsTr/b.nii.gz: the label map of the DICOM series", "d_0000: dcm2niix makes no volume",
        "e_0000.nii.gz: it lies beside folders of DICOM series",
      ] {
        #expect(refused.errors.contains(word), "\(word): \(refused.errors)")
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: home.path).sorted() == ["out", "source"])
    }
  }

  @Test func importNamesTheLibraryThatIsMissing() throws {
    try withTemporaryFolder { home in
      let source = home.appendingPathComponent("source")
      try Self.series(at: source.appendingPathComponent("imagesTr/a"))
      try makeFolder(source.appendingPathComponent("labelsTr"))
      try Self.label(
        NIfTIHeader(shape: [6, 40, 48], spacing: [3, 1.5, 1.25]), to: source.appendingPathComponent("labelsTr/a.nii.gz")
      )
      try Self.description(1).write(to: source.appendingPathComponent("dataset.json"))
      let refused = try segbench(
        ["dataset", "import", "nnunet", source.path, home.appendingPathComponent("out").path],
        settings: ["PATH": "/nowhere"])
      #expect(refused.code == 2 && refused.errors.contains("apt-get install dcm2niix"), "\(refused.errors)")
    }
  }

  /// Two cases to learn from and one to predict.
  /// - Returns: the volume that dcm2niix makes of each.
  private static func dataset(below source: URL) throws -> Volume<Float> {
    for path in ["imagesTr/a_0000", "imagesTr/b", "imagesTs/c_0000"] {
      try series(at: source.appendingPathComponent(path))
    }
    let converter = Process()
    converter.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    let folder = source.deletingLastPathComponent().appendingPathComponent("volume")
    try makeFolder(folder)
    defer { try? FileManager.default.removeItem(at: folder) }
    converter.arguments = [
      "dcm2niix", "-b", "n", "-z", "i", "-f", "v", "-o", folder.path, source.appendingPathComponent("imagesTr/b").path,
    ]
    converter.standardOutput = Pipe()
    try converter.run()
    converter.waitUntilExit()
    let volume = try NIfTI.readImage(folder.appendingPathComponent("v.nii.gz"))
    try makeFolder(source.appendingPathComponent("labelsTr"))
    for name in ["a", "b"] { try label(volume.header, to: source.appendingPathComponent("labelsTr/\(name).nii.gz")) }
    try description(2).write(to: source.appendingPathComponent("dataset.json"))
    return volume
  }

  private static func series(at folder: URL) throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    for index in 0..<6 {
      try slice(index, series: 1).write(to: folder.appendingPathComponent("slice\(index)"))
    }
  }

  private static func label(_ header: NIfTIHeader, to file: URL) throws {
    try NIfTI.write(
      Volume<Int16>(shape: [6, 40, 48], voxels: (0..<11_520).map { $0 % 7 == 0 ? 1 : 0 }, header: header), to: file)
  }

  private static func description(_ cases: Int) -> Data {
    Data(
      #"""
      {"channel_names": {"0": "CT"}, "labels": {"background": 0, "liver": 1}, "numTraining": \#(cases), "file_ending": ".nii.gz"}
      """#.utf8)
  }

  // MARK: - What the tests use

  /// A finished run of one channel, and a folder with a series of six slices.
  private func prepare(_ home: URL) throws -> (run: String, series: URL, names: [String]) {
    let words =
      ["run", "Recipes/meddinov3/table1/1-random-init-640.yaml", "--profile", "quick"]
      + [
        "training.epochs=1", "training.steps_per_epoch=1", "dataset.phantom.size=[48, 48, 8]",
        "plan.configuration=2d_48",
      ]
      .flatMap { ["--set", $0] }
    let made = try segbench(words, home: home)
    try #require(made.code == 0, "\(made.errors)")
    let run = try #require(
      try FileManager.default.contentsOfDirectory(atPath: home.appendingPathComponent("runs").path).first)
    let series = home.appendingPathComponent("patient")
    try makeFolder(series)
    let names = (0..<6).map { "slice\($0)" }
    for (index, name) in names.enumerated() {
      try Self.slice(index, series: 1).write(to: series.appendingPathComponent(name))
    }
    return (run, series, names)
  }

  /// [Z, Y, X] in HU.
  private static let voxels: [Int16] = (0..<11_520).map { (index: Int) -> Int16 in Int16(index * 7919 % 900 - 300) }

  /// One CT slice of 40 x 48 pixels as a file, little-endian with explicit value representations (DICOM PS3.10).
  private static func slice(_ index: Int, series: Int) -> Data {
    func number<Value: FixedWidthInteger>(_ value: Value) -> Data {
      withUnsafeBytes(of: value.littleEndian) { Data($0) }
    }
    func element(_ group: UInt16, _ place: UInt16, _ kind: String, _ value: Data) -> Data {
      var value = value
      if value.count % 2 == 1 { value.append(kind == "UI" || kind == "OB" ? 0 : 0x20) }
      let length =
        ["OB", "OW"].contains(kind) ? number(UInt16(0)) + number(UInt32(value.count)) : number(UInt16(value.count))
      return number(group) + number(place) + Data(kind.utf8) + length + value
    }
    func text(_ group: UInt16, _ place: UInt16, _ kind: String, _ value: String) -> Data {
      element(group, place, kind, Data(value.utf8))
    }
    let (kind, instance) = ("1.2.840.10008.5.1.4.1.1.2", "1.2.3.\(series).\(index + 1)")
    let meta =
      element(2, 1, "OB", Data([0, 1])) + text(2, 2, "UI", kind) + text(2, 3, "UI", instance)
      + text(2, 0x10, "UI", "1.2.840.10008.1.2.1") + text(2, 0x12, "UI", "1.2.3.4")
    var data = Data(count: 128) + Data("DICM".utf8) + element(2, 0, "UL", number(UInt32(meta.count))) + meta
    data += text(8, 0x16, "UI", kind) + text(8, 0x18, "UI", instance) + text(8, 0x60, "CS", "CT")
    data += text(0x10, 0x20, "LO", "nobody") + text(0x18, 0x50, "DS", "3")
    data +=
      text(0x20, 0xd, "UI", "1.2.3") + text(0x20, 0xe, "UI", "1.2.3.\(series)") + text(0x20, 0x11, "IS", "\(series)")
    data += text(0x20, 0x13, "IS", "\(index + 1)") + text(0x20, 0x32, "DS", "-30\\-30\\\(3 * index)")
    data += text(0x20, 0x37, "DS", "1\\0\\0\\0\\1\\0")
    data += element(0x28, 2, "US", number(UInt16(1))) + text(0x28, 4, "CS", "MONOCHROME2")
    data += element(0x28, 0x10, "US", number(UInt16(40))) + element(0x28, 0x11, "US", number(UInt16(48)))
    data += text(0x28, 0x30, "DS", "1.5\\1.25")
    for (place, value) in [(UInt16(0x100), UInt16(16)), (0x101, 16), (0x102, 15), (0x103, 1)] {
      data += element(0x28, place, "US", number(value))
    }
    data += text(0x28, 0x1052, "DS", "0") + text(0x28, 0x1053, "DS", "1")
    var pixels = Data()
    for value in voxels[(index * 1920)..<((index + 1) * 1920)] { pixels += number(value) }
    return data + element(0x7fe0, 0x10, "OW", pixels)
  }
}
