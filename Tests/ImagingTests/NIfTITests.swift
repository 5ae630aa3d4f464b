import Files
import Foundation
import Imaging
import TestSupport
import Testing

/// Voxel (x, y, z) of the peers' files: x + 5 y + 20 z, less 30 where signed, plus a quarter where a float.
private func pattern(_ type: String) -> [Float] {
  (0..<60).map { Float($0) - (type.hasPrefix("u") ? 0 : 30) + (type.hasPrefix("f") ? 0.25 : 0) }
}

@Suite struct NIfTITests {
  private static let types = ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"]

  /// Both versions and both byte orders of every type, written by nibabel.
  @Test(arguments: types, [1, 2]) func readsEveryType(type: String, version: Int) throws {
    let url = fixture("\(type)-\(version).nii.gz")
    let image = try NIfTI.readImage(url)
    #expect(image.shape == [3, 4, 5])
    #expect(image.voxels == pattern(type))
    #expect(image.header.version == version)
    #expect(abs(image.spacing[0] - 2.5079872608184814) < 1e-6)
    #expect(abs(image.spacing[2] - 0.7516648173332214) < 1e-6)
    if type.hasPrefix("f") {
      #expect(throws: NIfTIError.badLabel(path: url.path, value: -29.75, x: 0, y: 0, z: 0)) {
        try NIfTI.readLabels(url)
      }
    } else {
      #expect(try NIfTI.readLabels(url).voxels.map { Float($0) } == pattern(type))
    }
  }

  @Test(arguments: ["scaled.nii", "scaled-big.nii"]) func scaling(name: String) throws {
    #expect(try NIfTI.readImage(fixture(name)).voxels == pattern("i2").map { $0 * 0.5 - 1024 })
    #expect(throws: NIfTIError.self) { try NIfTI.readLabels(fixture(name)) }
  }

  @Test func oneVolumeOfFourAxesAndMetres() throws {
    let volume = try NIfTI.readImage(fixture("four-axes.nii"))
    #expect(volume.shape == [3, 4, 5] && volume.voxels == pattern("u1"))
    // What SimpleITK says of the file.
    let spacing = try NIfTI.readHeader(fixture("metres.nii")).spacing
    #expect(abs(spacing[0] - 2507.9872608184814) < 1e-3 && abs(spacing[2] - 751.6648173332214) < 1e-3)
  }

  @Test func affineFromBothForms() throws {
    let header = try NIfTI.readHeader(fixture("f4-1.nii.gz"))
    // The sform is sheared, so that ITK takes the qform beside it; what SimpleITK says of the file.
    let truth: [[Double]] = [
      [-0.7482770776995655, 0.07694445449490651, 0.012099064793780296, 12.5],
      [0.07119173647534645, 0.8045472993198313, 0.2542560975125781, -7.25],
      [-0.0036261913364307205, -0.08236031871265732, 2.495036582885425, 100],
    ]
    for (row, expected) in zip(header.affine, truth) {
      #expect(zip(row, expected).allSatisfy { abs($0 - $1) < 1e-6 }, "\(row)")
    }
    // Without the sform's code, the same.
    try withTemporaryFolder { folder in
      var bytes = try Data(contentsOf: fixture("scaled.nii"))
      bytes[254] = 0
      let url = folder.appendingPathComponent("q.nii")
      try AtomicFile.write(bytes, to: url)
      for (row, expected) in zip(try NIfTI.readHeader(url).affine, truth) {
        #expect(zip(row, expected).allSatisfy { abs($0 - $1) < 1e-6 }, "\(row)")
      }
    }
  }

  @Test func headersGoOutAsTheyCameIn() throws {
    let kept = ProcessInfo.processInfo.environment["SEGBENCH_FIXTURES_OUT"].map { URL(fileURLWithPath: $0) }
    try withTemporaryFolder { folder in
      for (source, name) in [("scaled.nii", "image.nii.gz"), ("scaled-big.nii", "image-big.nii")] {
        let image = try NIfTI.readImage(fixture(source))
        let url = (kept ?? folder).appendingPathComponent(name)
        try NIfTI.write(image, to: url)
        let again = try NIfTI.readImage(url)
        #expect(again.voxels == image.voxels && again.spacing == image.spacing && again.shape == image.shape)
        #expect(again.header.voxelType == .float32 && again.header.slope == 1 && again.header.intercept == 0)
        // From the description to the sform, and the byte order.
        let kept = image.header.version == 1 ? 148..<328 : 240..<496
        #expect(again.header.bytes[kept] == image.header.bytes[kept])
        #expect(again.header.bytes[0..<4] == image.header.bytes[0..<4])
      }
    }
  }

  @Test func labelsTakeTheSmallestType() throws {
    let kept = ProcessInfo.processInfo.environment["SEGBENCH_FIXTURES_OUT"].map { URL(fileURLWithPath: $0) }
    try withTemporaryFolder { folder in
      let url = (kept ?? folder).appendingPathComponent("labels.nii.gz")
      let image = try NIfTI.readImage(fixture("scaled.nii"))
      let labels = Volume(voxels: (0..<60).map { Int16($0) }, like: image)
      try NIfTI.write(labels, to: url)
      #expect(try NIfTI.readLabels(url).voxels == labels.voxels)
      #expect(try NIfTI.readHeader(url).voxelType == .uint8)
      let other = folder.appendingPathComponent("other.nii")
      for extreme in [Int16(-1), 256, .max, .min] {
        var wide = labels
        wide.voxels[7] = extreme
        try NIfTI.write(wide, to: other)
        #expect(try NIfTI.readLabels(other).voxels == wide.voxels)
        #expect(try NIfTI.readHeader(other).voxelType == .int16)
      }
    }
  }

  @Test func newHeadersAndEqualBytes() throws {
    let kept = ProcessInfo.processInfo.environment["SEGBENCH_FIXTURES_OUT"].map { URL(fileURLWithPath: $0) }
    try withTemporaryFolder { folder in
      // Right to left, anterior to posterior: what ITK calls the identity direction, here with y turned round.
      let affine: [[Double]] = [[-0.7, 0, 0, -10], [0, 0.8, 0, -20], [0, 0, 5, -30]]
      let header = NIfTIHeader(shape: [4, 3, 2], spacing: [5, 0.8, 0.7], affine: affine)
      let volume = Volume(shape: [4, 3, 2], voxels: (0..<24).map { Float($0) }, header: header)
      let url = (kept ?? folder).appendingPathComponent("new.nii")
      try NIfTI.write(volume, to: url)
      let again = try NIfTI.readImage(url)
      #expect(again.voxels == volume.voxels)
      for (row, expected) in zip(again.header.affine, affine) {
        #expect(zip(row, expected).allSatisfy { abs($0 - $1) < 1e-6 })
      }
      let (one, two) = (folder.appendingPathComponent("1.nii.gz"), folder.appendingPathComponent("2.nii.gz"))
      try NIfTI.write(volume, to: one)
      Thread.sleep(forTimeInterval: 1.1)
      try NIfTI.write(volume, to: two)
      #expect(try Data(contentsOf: one) == Data(contentsOf: two))
      #expect(try NIfTI.readImage(one) == again)
    }
  }
}
