import Datasets
import Files
import Foundation
import Imaging

/// The numbers that the fixture script computes in the same way: a multiplicative hash of the index, in -1 ..< 1.
func formula(_ count: Int, seed: Int) -> [Float] {
  (0..<count).map { Float((UInt32(truncatingIfNeeded: $0 + seed) &* 2_654_435_761) >> 8) / Float(1 << 23) - 1 }
}

/// Where two JSON documents differ, numbers to one in a million.
func differences(_ a: JSONValue?, _ b: JSONValue?, at path: String = "") -> [String] {
  guard let a, let b else { return a == nil && b == nil ? [] : ["\(path): on one side only"] }
  if let x = a.double, let y = b.double {
    return abs(x - y) <= 1e-6 * max(1, abs(y)) || (x.isNaN && y.isNaN) ? [] : ["\(path): \(x) against \(y)"]
  }
  if let x = a.object, let y = b.object {
    let keys = Set(x.map(\.key)).union(y.map(\.key)).sorted()
    return keys.flatMap { differences(a[$0], b[$0], at: "\(path)/\($0)") }
  }
  if let x = a.array, let y = b.array, x.count == y.count {
    return zip(x, y).enumerated().flatMap { differences($1.0, $1.1, at: "\(path)/\($0)") }
  }
  return a == b ? [] : ["\(path): \(a) against \(b)"]
}

/// A dataset of small volumes in nnU-Net's layout, to be spoilt by a test.
struct SmallDataset {
  let folder: URL
  var shape = [3, 6, 7]
  var spacing = [3.0, 1, 1.25]

  var header: NIfTIHeader { NIfTIHeader(shape: shape, spacing: spacing) }

  func image(_ name: String) -> URL { folder.appendingPathComponent("imagesTr/\(name)_0000.nii.gz") }
  func label(_ name: String) -> URL { folder.appendingPathComponent("labelsTr/\(name).nii.gz") }

  func write(cases: [String] = ["a", "b"], description: String? = nil) throws {
    for sub in ["imagesTr", "labelsTr"] {
      try FileManager.default.createDirectory(at: folder.appendingPathComponent(sub), withIntermediateDirectories: true)
    }
    let count = shape.reduce(1, *)
    for (index, name) in cases.enumerated() {
      let values = formula(count, seed: 31 * index).map { $0 * 100 + 200 }
      try NIfTI.write(Volume(shape: shape, voxels: values, header: header), to: image(name))
      let labels = (0..<count).map { Int16($0 % 3) }
      try NIfTI.write(Volume(shape: shape, voxels: labels, header: header), to: label(name))
    }
    let text =
      description
      ?? DatasetDescription(
        channelNames: ["CT"],
        labels: [.init(name: "background", value: 0), .init(name: "liver", value: 1), .init(name: "spleen", value: 2)],
        trainingCount: cases.count
      ).json.text()
    try Data(text.utf8).write(to: folder.appendingPathComponent("dataset.json"))
  }
}
