import Evaluation
import Files
import Foundation
import Imaging
import TestSupport
import Testing

/// A case of the peers' file with what they found for labels 1, 2 and 3; NaN where a value is not defined.
private struct PeerCase {
  let name: String
  let reference: Volume<Int16>
  let prediction: Volume<Int16>
  let dsc: [Double]
  /// [class, tolerance]
  let nsd: [SurfaceConvention: [[Double]]]
  let hd95: [SurfaceConvention: [Double]]

  static let tolerances = [0.0, 1.0, 2.5]

  static func all() throws -> [PeerCase] {
    let file = try HDF5File(reading: fixture("metrics.h5"))
    return try file.names().filter { $0.hasPrefix("case") }.map { group in
      let (shape, reference) = try file.read("\(group)/reference", as: Int16.self)
      let prediction = try file.read("\(group)/prediction", as: Int16.self).values
      let spacing = try file.attribute("spacing", of: group, as: Double.self)
      // As NIfTI-1 would not hold the spacing to the last bit, the volumes are made over a version that does.
      let header = try exactHeader(shape: shape, spacing: spacing)
      func values(_ name: String) throws -> [Double] { try file.read("\(group)/\(name)", as: Double.self).values }
      func rows(_ name: String) throws -> [[Double]] {
        let flat = try values(name)
        return (0..<3).map { Array(flat[($0 * 3)..<($0 * 3 + 3)]) }
      }
      return PeerCase(
        name: try file.attribute("name", of: group),
        reference: Volume(shape: shape, voxels: reference, header: header),
        prediction: Volume(shape: shape, voxels: prediction, header: header),
        dsc: try values("dsc"),
        nsd: [.monai: try rows("nsd_monai"), .deepMind: try rows("nsd_deepmind")],
        hd95: [.monai: try values("hd95_monai"), .deepMind: try values("hd95_deepmind")])
    }
  }
}

/// A NIfTI-2 header, whose voxel sizes are 64-bit floats, read from a file made here.
private func exactHeader(shape: [Int], spacing: [Double]) throws -> NIfTIHeader {
  var bytes = Data(count: 544)
  func put<Value: BitwiseCopyable>(_ value: Value, _ offset: Int) {
    withUnsafeBytes(of: value) { bytes.replaceSubrange(offset..<(offset + $0.count), with: $0) }
  }
  put(Int32(540), 0)
  bytes.replaceSubrange(4..<12, with: Array("n+2\0\r\n\u{1A}\n".utf8))
  put(Int16(2), 12)
  put(Int64(3), 16)
  for axis in 1...7 { put(axis <= 3 ? Int64(shape[3 - axis]) : 1, 16 + 8 * axis) }
  for axis in 1...3 { put(spacing[3 - axis], 104 + 8 * axis) }
  put(Int64(544), 168)
  bytes.append(Data(count: shape.reduce(1, *)))
  return try withTemporaryFolder { folder in
    let url = folder.appendingPathComponent("a.nii")
    try AtomicFile.write(bytes, to: url)
    return try NIfTI.readHeader(url)
  }
}

private func agrees(_ ours: Double?, _ theirs: Double, _ tolerance: Double) -> Bool {
  guard let ours else { return theirs.isNaN }
  return abs(ours - theirs) <= tolerance
}

@Suite struct MetricsTests {
  private let classes = (1...3).map { EvaluationClass(name: "class \($0)", labels: [Int16($0)]) }

  /// DSC by nnU-Net's formula, NSD and HD95 by MONAI and DeepMind, over every class of every case and three tolerances.
  @Test(arguments: SurfaceConvention.allCases) func equalThePeers(convention: SurfaceConvention) throws {
    let cases = try PeerCase.all()
    #expect(cases.count == 13)
    for peer in cases {
      for (column, tolerance) in PeerCase.tolerances.enumerated() {
        let found = try Evaluator(classes: nil, tolerance: tolerance, convention: convention)
          .evaluate(reference: peer.reference, prediction: peer.prediction, classes: classes)
        for (index, metrics) in found.enumerated() {
          let place: Comment = "\(peer.name), class \(index + 1), \(tolerance) mm: \(metrics)"
          #expect(agrees(metrics.dsc, peer.dsc[index], 1e-12), place)
          // MONAI answers in 32-bit floats.
          let nsd = peer.nsd[convention]![index][column]
          #expect(agrees(metrics.nsd, nsd, convention == .monai ? 1e-7 : 1e-12), "\(place) peer \(nsd)")
          let hd95 = peer.hd95[convention]![index]
          #expect(agrees(metrics.hd95, hd95, convention == .monai ? 2e-6 : 1e-12), "\(place) peer \(hd95)")
        }
      }
    }
  }

  /// Two squares of 10 x 10 voxels a voxel apart, by hand.
  @Test func shiftedSquares() throws {
    let header = NIfTIHeader(shape: [1, 20, 20], spacing: [1, 1, 1])
    func square(_ first: Int) -> Volume<Int16> {
      let voxels = (0..<400).map { index -> Int16 in
        (5..<15).contains(index / 20) && (first..<(first + 10)).contains(index % 20) ? 1 : 0
      }
      return Volume(shape: [1, 20, 20], voxels: voxels, header: header)
    }
    let shifted = try Evaluator(classes: nil, tolerance: 0)
      .evaluate(reference: square(3), prediction: square(5), classes: [classes[0]])[0]
    #expect(shifted.dsc == 0.8)
    // In a single slice every voxel is on the surface: 80 of 100 on either side lie on the other.
    #expect(shifted.nsd == 0.8)
    #expect(shifted.hd95 == 2)
    let near = try Evaluator(classes: nil, tolerance: 2)
      .evaluate(reference: square(3), prediction: square(5), classes: [classes[0]])[0]
    #expect(near.nsd == 1)
  }

  @Test func regionsJoinLabels() throws {
    let header = NIfTIHeader(shape: [1, 1, 6], spacing: [1, 1, 1])
    let reference = Volume<Int16>(shape: [1, 1, 6], voxels: [1, 1, 2, 2, 0, 3], header: header)
    let prediction = Volume<Int16>(shape: [1, 1, 6], voxels: [1, 2, 2, 0, 0, 3], header: header)
    let region = EvaluationClass(name: "both", labels: [2, 1, 2])
    #expect(region.key == "1,2")
    let found = try Evaluator(classes: nil).evaluate(reference: reference, prediction: prediction, classes: [region])[0]
    #expect(found.referenceVoxels == 4 && found.predictionVoxels == 3)
    #expect(found.dsc == 6.0 / 7.0)
  }
}
