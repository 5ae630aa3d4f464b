import Datasets
import Foundation
import Imaging
import Phantoms
import Testing

private func temporaryFolder() -> URL {
  FileManager.default.temporaryDirectory.appendingPathComponent("phantom-\(UUID().uuidString)")
}

@Suite struct PhantomTests {
  @Test func labelNamesAreTheDatasetsOwn() {
    #expect(PhantomKind.amos22.labelNames.count == 15 && PhantomKind.btcv.labelNames.count == 13)
    #expect(PhantomKind.amos22.labelNames[5] == "liver" && PhantomKind.amos22.labelNames[8] == "postcava")
    #expect(PhantomKind.btcv.labelNames[9] == "portal vein and splenic vein")
    #expect(PhantomKind.kits23.labelNames == ["kidney", "tumor", "cyst"])
    #expect(PhantomKind.lits.labelNames == ["liver", "tumor"])
  }

  @Test(arguments: PhantomKind.allCases) func everyLabelOccursAndLooksLikeAnOrgan(kind: PhantomKind) throws {
    var cases = [Int](repeating: 0, count: kind.labelNames.count + 1)
    for index in 0..<6 {
      let (_, scan) = try PhantomGenerator.scan(kind: kind, index: index, seed: 3, size: SIMD3(96, 96, 24))
      let count = scan.size.x * scan.size.y * scan.size.z
      #expect(scan.image.count == count && scan.labels.count == count)
      var voxels = [Int](repeating: 0, count: cases.count)
      for label in scan.labels { voxels[Int(label)] += 1 }
      for (label, number) in voxels.enumerated() where number > 0 { cases[label] += 1 }
      // Most of a scan is background, and organs are there.
      #expect(voxels[0] > count / 2 && voxels[0] < count)
    }
    for (label, number) in cases.enumerated() {
      let name = label == 0 ? "background" : kind.labelNames[label - 1]
      // Lesions need not be in every patient, nor a gall bladder.
      let isOptional = ["tumor", "cyst", "gall bladder", "gallbladder"].contains(name)
      #expect(number >= (isOptional ? 1 : 5), "\(kind.rawValue) \(name) in \(number) of 6 cases")
    }
  }

  @Test func scansDependOnSeedKindAndCaseAlone() throws {
    let size = SIMD3(48, 48, 8)
    let scan = try PhantomGenerator.scan(kind: .amos22, index: 4, seed: 9, size: size).scan
    _ = try PhantomGenerator.scan(kind: .lits, index: 1, seed: 2, size: size)
    let again = try PhantomGenerator.scan(kind: .amos22, index: 4, seed: 9, size: size).scan
    #expect(scan.image == again.image && scan.labels == again.labels)
    #expect(scan.spacing == again.spacing && scan.origin == again.origin)
    #expect(try PhantomGenerator.scan(kind: .amos22, index: 5, seed: 9, size: size).scan.image != scan.image)
    #expect(try PhantomGenerator.scan(kind: .amos22, index: 4, seed: 10, size: size).scan.image != scan.image)
  }

  @Test func noThresholdTellsAnOrganFromTheRest() throws {
    // Of the voxels whose brightness is usual in the liver, many are not liver: position and shape are needed.
    let (_, scan) = try PhantomGenerator.scan(kind: .btcv, index: 0, seed: 3, size: SIMD3(96, 96, 24))
    for (label, leastShare) in [(6, 0.2), (11, 0.7), (1, 0.7)] {
      let inside = zip(scan.image, scan.labels).filter { $0.1 == Int16(label) }.map { $0.0 }.sorted()
      let range = inside[inside.count / 10]...inside[inside.count * 9 / 10]
      let alike = zip(scan.image, scan.labels).filter { range.contains($0.0) }
      let others = alike.filter { $0.1 != Int16(label) }.count
      #expect(Double(others) / Double(alike.count) > leastShare, "label \(label)")
    }
  }

  @Test func writesNnUNetsRawLayout() throws {
    let folder = temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let names = try PhantomGenerator.write(kind: .amos22, cases: 6, seed: 1, size: SIMD3(32, 32, 4), to: folder)
    #expect(names.count == 6 && names.filter { $0 >= "amos_0507" }.count == 1)
    let dataset = try #require(
      JSONSerialization.jsonObject(with: Data(contentsOf: folder.appendingPathComponent("dataset.json")))
        as? [String: Any])
    #expect((dataset["labels"] as? [String: Int])?["prostate/uterus"] == 15)
    #expect((dataset["labels"] as? [String: Int])?.count == 16)
    #expect(dataset["numTraining"] as? Int == 6)
    for name in names {
      let image = try NIfTI.readImage(folder.appendingPathComponent("imagesTr/\(name)_0000.nii.gz"))
      let labels = try NIfTI.readLabels(folder.appendingPathComponent("labelsTr/\(name).nii.gz"))
      #expect(image.shape == labels.shape && image.spacing == labels.spacing)
      #expect(image.header.affine == labels.header.affine)
      // x grows to the patient's left and y to the back: NIfTI counts to the right and to the front.
      let affine = image.header.affine
      #expect(abs(affine[0][0] + image.spacing[2]) < 1e-6 && abs(affine[1][1] + image.spacing[1]) < 1e-6)
      #expect(abs(affine[2][2] - image.spacing[0]) < 1e-6)
      let isMR = name >= "amos_0507"
      #expect(image.voxels.min()! >= (isMR ? 0 : -1024) && image.voxels.max()! <= (isMR ? 32_000 : 3071))
      #expect(isMR || image.voxels.min()! < -900)
    }
    let before = try Data(contentsOf: folder.appendingPathComponent("imagesTr/\(names[0])_0000.nii.gz"))
    try PhantomGenerator.write(kind: .amos22, cases: 6, seed: 1, size: SIMD3(32, 32, 4), to: folder)
    #expect(try Data(contentsOf: folder.appendingPathComponent("imagesTr/\(names[0])_0000.nii.gz")) == before)
    #expect(throws: PhantomError.self) {
      try PhantomGenerator.write(kind: .lits, cases: 2, seed: 1, size: SIMD3(32, 32, 4), to: folder)
    }
  }

  @Test func refusesSizesOutOfRange() {
    let folder = temporaryFolder()
    for (cases, size) in [
      (0, SIMD3(32, 32, 8)), (1, SIMD3(1 << 40, 32, 8)), (1, SIMD3(32, 32, 0)), (20_000, SIMD3(32, 32, 8)),
    ] {
      #expect(throws: PhantomError.self) {
        try PhantomGenerator.write(kind: .lits, cases: cases, seed: 1, size: size, to: folder)
      }
    }
    #expect(!FileManager.default.fileExists(atPath: folder.path))
  }
}
