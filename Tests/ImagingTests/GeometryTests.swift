import Files
import Foundation
import Imaging
import TestSupport
import Testing

/// What nnU-Net's readers say of a header (Benchmarks/peers/fixtures/geometry_fixtures.py).
private struct PeerFile: Decodable, Sendable, CustomTestStringConvertible {
  struct Verdict: Decodable, Sendable {
    let refused: String?
    let shape: [Int]?
    let spacing: [Double?]?
    let direction: [Double?]?
    let origin: [Double?]?
  }
  let name: String
  let header: Data
  let simpleitk, nibabel: Verdict

  var testDescription: String { name }
  static let all = try! JSONDecoder().decode([PeerFile].self, from: Data(contentsOf: fixture("geometry.json")))
}

@Suite("Grids")
struct GeometryTests {
  /// The file of a header, its voxels 0.
  private func write(_ file: PeerFile, to folder: URL) throws -> URL {
    let url = folder.appendingPathComponent("a.nii")
    try AtomicFile.write(file.header + Data(count: 120), to: url)
    return url
  }

  @Test("every header is taken or refused, and its grid read, as SimpleITK does for nnU-Net", arguments: PeerFile.all)
  private func headers(file: PeerFile) throws {
    try withTemporaryFolder { folder in
      let url = try write(file, to: folder)
      let text = errorText { try NIfTI.readHeader(url).requireOrthogonalAxes(path: url.path) }
      if file.simpleitk.refused != nil {
        #expect(text.contains(url.path), "taken, though SimpleITK says: \(file.simpleitk.refused!)")
        return
      }
      // nibabel's reader gets no number here, so that nnU-Net's two readers disagree.
      if ["size NaN", "size infinite"].contains(file.name) { return #expect(text.contains("pixdim")) }
      #expect(text == "")
      let header = try NIfTI.readHeader(url)
      #expect(header.shape == file.simpleitk.shape!)
      for (ours, theirs) in zip(header.spacing, file.simpleitk.spacing!) {
        #expect(abs(ours - theirs!) <= 1e-6 * theirs!, "\(header.spacing)")
      }
      // ITK turns an axis round with a negative voxel size, and nibabel does not.
      guard header.orientation != .unstated, !file.name.contains("negative") else { return }
      let axes = header.axisCount
      for row in 0..<axes {
        // ITK's axes run to the left, back and head.
        let sign = row < 2 ? -1.0 : 1
        for column in 0..<axes {
          let length = (0..<3).reduce(0) { $0 + header.affine[$1][column] * header.affine[$1][column] }.squareRoot()
          let ours = sign * header.affine[row][column] / length
          #expect(abs(ours - (file.simpleitk.direction![row * axes + column] ?? .nan)) < 1e-5, "\(header.affine)")
        }
        let origin = sign * header.affine[row][3]
        #expect(abs(origin - (file.simpleitk.origin![row] ?? .nan)) < 1e-5, "\(header.affine)")
      }
    }
  }

  @Test("a header that is taken with a grain of salt is told of once, a plain one never")
  func oddHeaders() throws {
    let topics: [String: [String]] = [
      "plain": [], "no form": [], "qform only": [], "oblique": [], "left-handed sform": [], "metres": [],
      "two axes": [],
      "two axes and an sform": [], "sheared by rounding": [], "micrometres": [], "five axes": [],
      "size 0": ["0 or negative"], "negative": ["0 or negative"], "two axes, size 0": ["0 or negative"],
      "size 0 and an sform": ["0 or negative", "other scales"], "other scales": ["other scales"],
      "sizes lost": ["other scales"], "forms disagree": ["disagree"], "forms disagree, code 2": ["disagree"],
      "sform NaN": ["not finite"], "origin NaN": ["not finite"], "quaternion NaN": ["not finite"],
    ]
    for (name, expected) in topics {
      try withTemporaryFolder { folder in
        let url = try write(try #require(PeerFile.all.first { $0.name == name }, "\(name)"), to: folder)
        let warnings = try NIfTI.readHeader(url).geometryWarnings(path: "a.nii")
        #expect(warnings.count == expected.count, "\(name): \(warnings)")
        for (warning, part) in zip(warnings, expected) { #expect(warning.topic.contains(part), "\(name): \(warning)") }
      }
    }
  }

  private func header(
    _ affine: [[Double]], spacing: [Double] = [3, 2, 1.5], shape: [Int] = [3, 4, 5]
  ) -> NIfTIHeader { NIfTIHeader(shape: shape, spacing: spacing, affine: affine) }

  @Test("grids differ by shape, spacing, direction and origin, to nnU-Net's tolerance")
  func comparison() throws {
    let straight = header([[1.5, 0, 0, 10], [0, 2, 0, 20], [0, 0, 3, 30]])
    func differences(_ other: NIfTIHeader) -> [GridDifference] { other.differences(from: straight) }
    #expect(differences(straight) == [])
    #expect(differences(header([[1.5, 0, 0, 10.0001], [0, 2, 0, 20], [0, 0, 3, 30]])) == [])
    #expect(differences(header([[1.5, 0, 0, 10.1], [0, 2, 0, 20], [0, 0, 3, 30]])) == [.origin])
    #expect(differences(header([[1.5, 0, 0, 10], [0, -2, 0, 20], [0, 0, 3, 30]])) == [.direction])
    #expect(
      differences(header([[1.51, 0, 0, 10], [0, 2, 0, 20], [0, 0, 3, 30]], spacing: [3, 2, 1.51])) == [.spacing])
    #expect(
      differences(header([[1.5, 0, 0, 10], [0, 2, 0, 20], [0, 0, 3, 30]], shape: [3, 4, 4])) == [.shape])
    try withTemporaryFolder { folder in
      // `nib.Nifti1Image(array, None)`: voxels of 1 mm and no orientation.
      let lost = try write(try #require(PeerFile.all.first { $0.name == "no form" }), to: folder)
      #expect(try NIfTI.readHeader(lost).differences(from: straight) == [.unstatedOrientation])
      // One slice in a file of two axes and in one of three.
      let flat = try NIfTI.readHeader(
        try write(try #require(PeerFile.all.first { $0.name == "two axes and an sform" }), to: folder))
      let slice = header([[1.5, 0, 0, 0], [0, 2, 0, 0], [0, 0, 1, 0]], spacing: [1, 2, 1.5], shape: [1, 4, 5])
      #expect(slice.differences(from: flat) == [] && flat.differences(from: slice) == [])
    }
  }

  @Test("a label map of a two-dimensional image has two axes too")
  func flatFilesStayFlat() throws {
    try withTemporaryFolder { folder in
      let url = try write(try #require(PeerFile.all.first { $0.name == "two axes and an sform" }), to: folder)
      let image = try NIfTI.readImage(url)
      let target = folder.appendingPathComponent("b.nii")
      try NIfTI.write(Volume(voxels: [Int16](repeating: 1, count: 20), like: image), to: target)
      let bytes = [UInt8](try Data(contentsOf: target))
      #expect(bytes[40...47] == [2, 0, 5, 0, 4, 0, 1, 0])
      let again = try NIfTI.readLabels(target)
      #expect(again.shape == [1, 4, 5] && again.spacing == image.spacing && again.spacing == [1998, 2, 1.5])
    }
  }

  @Test("slices across each axis, stored and upright")
  func slices() {
    let shape = [2, 3, 4]
    func voxel(_ z: Int, _ y: Int, _ x: Int) -> Float { Float(100 * z + 10 * y + x) }
    var voxels: [Float] = []
    var (acrossZ, acrossY, acrossX): ([Float], [Float], [Float]) = ([], [], [])
    for z in 0..<2 {
      for y in 0..<3 {
        for x in 0..<4 {
          voxels.append(voxel(z, y, x))
          if z == 1 { acrossZ.append(voxel(z, y, x)) }
          if y == 2 { acrossY.append(voxel(z, y, x)) }
          if x == 3 { acrossX.append(voxel(z, y, x)) }
        }
      }
    }
    let volume = Volume(shape: shape, voxels: voxels, header: NIfTIHeader(shape: shape, spacing: [1, 1, 1]))
    #expect(SlicePlane(across: 0).slice(1, of: volume) == acrossZ)
    #expect(SlicePlane(across: 1).slice(2, of: volume) == acrossY)
    #expect(SlicePlane(across: 2).slice(3, of: volume) == acrossX)
    // KiTS23: x runs to the feet, y to the back, z to the left.
    let kits: [[Double]] = [[0, 0, -0.8, 0], [0, -0.8, 0, 0], [-3.0, 0, 0, 0]]
    let plane = SlicePlane(across: 2, upright: kits)
    #expect(plane.rowAxis == 1 && plane.columnAxis == 0)
    #expect(SlicePlane.axis(ofGreatest: [0.8, 0.8, 3]) == 2 && SlicePlane.axis(ofGreatest: [1, 1, 1]) == 0)
  }
}
