import Files
import Foundation
import Imaging
import Random
import Synchronization

/// Makes procedural abdominal scans that stand in for a public dataset: the whole path from files to a table runs on a
/// machine that has nothing but the repository.
///
/// A scan is a function of (seed, kind, number of the case) alone. Cases differ in build, pose, the size, place and presence
/// of organs, contrast phase, fat, lesions, noise, voxel size and field of view. They are not patients, and no number
/// measured on them is a number about patients.
public enum PhantomGenerator {
  /// Writes a phantom dataset in nnU-Net's raw layout: `imagesTr/<case>_0000.nii.gz`, `labelsTr/<case>.nii.gz` and, when all
  /// of them are there, `dataset.json`.
  ///
  /// - Parameters:
  ///   - cases: how many, from 1 to 10,000.
  ///   - size: about how many voxels along x, y and z; a case may have some more or less. From 16 to 1024 along x and y, from
  ///     2 to 2000 along z.
  ///   - directory: made where it is missing; must not hold other cases.
  /// - Returns: the names of the cases, sorted.
  /// - Throws: `PhantomError` for numbers out of range and a folder in use, `FileError` for one that cannot be written,
  ///   `CancellationError` once a stop was asked for.
  @discardableResult
  public static func write(
    kind: PhantomKind, style: PhantomStyle = .clinical, cases: Int, seed: UInt64, size: SIMD3<Int>, to directory: URL,
    progress: Files.Progress = .silent
  ) throws -> [String] {
    guard (1...10_000).contains(cases) else { throw PhantomError.cases(cases) }
    guard (16...1024).contains(size.x), (16...1024).contains(size.y), (2...2000).contains(size.z) else {
      throw PhantomError.size(size)
    }
    let names = (0..<cases).map {
      kind.caseName(index: $0, isMR: isMR(kind: kind, style: style, index: $0, seed: seed))
    }
    let images = directory.appendingPathComponent("imagesTr")
    let labels = directory.appendingPathComponent("labelsTr")
    let expected = Set(names.flatMap { ["\($0)_0000.nii.gz", "\($0).nii.gz"] })
    for folder in [images, labels] {
      try makeFolder(folder)
      let present = try FolderListing.names(in: folder)
      if let stranger = present.first(where: { !expected.contains($0) }) {
        throw PhantomError.folderInUse(path: folder.path, file: stranger)
      }
    }
    // Without its description a dataset is not complete: it goes first and comes last.
    let description = directory.appendingPathComponent("dataset.json")
    if FileManager.default.fileExists(atPath: description.path) {
      do {
        try FileManager.default.removeItem(at: description)
      } catch {
        throw FileError.unwritable(path: description.path, reason: "the old file cannot be removed")
      }
    }
    let state = Mutex((done: 0, failure: (any Error)?.none))
    progress(0, of: cases)
    DispatchQueue.concurrentPerform(iterations: cases) { index in
      if state.withLock({ $0.failure != nil }) { return }
      do {
        try Cancellation.check()
        let (name, scan) = try scan(kind: kind, style: style, index: index, seed: seed, size: size)
        try NIfTI.write(scan.volume(scan.image), to: images.appendingPathComponent("\(name)_0000.nii.gz"))
        try Cancellation.check()
        try NIfTI.write(scan.volume(scan.labels), to: labels.appendingPathComponent("\(name).nii.gz"))
        state.withLock {
          $0.done += 1
          progress($0.done, of: cases, note: name)
        }
      } catch {
        state.withLock { $0.failure = $0.failure ?? error }
      }
    }
    if let failure = state.withLock({ $0.failure }) { throw failure }
    try AtomicFile.write(
      Data(descriptionText(kind: kind, style: style, cases: cases, seed: seed).utf8), to: description)
    return names.sorted()
  }

  /// The text of `dataset.json`.
  public static func descriptionText(kind: PhantomKind, style: PhantomStyle, cases: Int, seed: UInt64) -> String {
    let manner = style == .clinical ? "seed \(seed)" : "\(style.rawValue), seed \(seed)"
    let regions = kind.regions
    let labels = (["background"] + (regions.isEmpty ? kind.labelNames : [])).enumerated().map {
      "    \"\($1)\": \($0)"
    }
    let entries =
      labels + regions.map { "    \"\($0.name)\": \($0.labels.count == 1 ? "\($0.labels[0])" : "\($0.labels)")" }
    let names = kind.labelNames.enumerated().map { "\"\($0 + 1)\": \"\($1)\"" }.joined(separator: ", ")
    let order =
      regions.isEmpty
      ? ""
      : "  \"regions_class_order\": \(regions.map(\.predictedLabel)),\n  \"label_names\": {\(names)},\n"
    return """
      {
        "name": "\(kind.rawValue) phantom",
        "description": "Procedural phantoms (\(manner)) with the labels of \(kind.rawValue); no patient is in them.",
        "channel_names": {"0": "\(kind.channelName)"},
        "labels": {
      \(entries.joined(separator: ",\n"))
        },
      \(order)  "numTraining": \(cases),
        "file_ending": ".nii.gz"
      }

      """
  }

  /// About one in six scans of AMOS22 is an MR: the same share here, spread evenly. Textured phantoms are all CT.
  private static func isMR(kind: PhantomKind, style: PhantomStyle, index: Int, seed: UInt64) -> Bool {
    style == .clinical && kind == .amos22 && (UInt64(index) &+ seed % 6) % 6 == 3
  }

  /// Draws and renders case number `index`.
  package static func scan(
    kind: PhantomKind, style: PhantomStyle = .clinical, index: Int, seed: UInt64, size: SIMD3<Int>
  ) throws -> (name: String, scan: PhantomScan) {
    guard style == .clinical else { return try texturedScan(kind: kind, index: index, seed: seed, size: size) }
    var random = CounterRandom(seed: seed, purpose: "phantom " + kind.rawValue, epoch: index)
    let isMR = isMR(kind: kind, style: style, index: index, seed: seed)
    let phases: [PhantomAppearance.ContrastPhase] =
      switch kind {
      case .amos22: [.none, .arterial, .portal, .portal, .portal, .delayed]
      case .kits23: [.arterial, .arterial, .portal, .delayed]
      case .lits, .btcv: [.portal, .portal, .portal, .arterial]
      }
    let phase = isMR ? .portal : phases[random.integer(below: phases.count)]
    let appearance = isMR ? PhantomAppearance.mr(random: &random) : PhantomAppearance.ct(phase: phase, random: &random)
    let anatomy = PhantomAnatomy(kind: kind, phase: phase, random: &random)
    let grid = grid(kind: kind, anatomy: anatomy, size: size, isMR: isMR, random: &random)
    let renderer = PhantomRenderer(anatomy: anatomy, appearance: appearance, grid: grid)
    let scan = try renderer.render(labelOfTissue: kind.labelOfTissue, seed: seed, sample: index)
    return (kind.caseName(index: index, isMR: isMR), scan)
  }

  private static func texturedScan(kind: PhantomKind, index: Int, seed: UInt64, size: SIMD3<Int>) throws -> (
    name: String, scan: PhantomScan
  ) {
    var random = CounterRandom(seed: seed, purpose: "textured phantom " + kind.rawValue, epoch: index)
    let appearance = PhantomAppearance.textured(random: &random)
    var anatomy = PhantomAnatomy(kind: kind, phase: .portal, random: &random)
    anatomy.becomeTextured(random: &random)
    let grid = window(of: kind, anatomy: anatomy, index: index, size: size, random: &random)
    let renderer = PhantomRenderer(anatomy: anatomy, appearance: appearance, grid: grid)
    let scan = try renderer.render(labelOfTissue: kind.labelOfTissue, seed: seed, sample: index)
    return (kind.caseName(index: index, isMR: false), scan)
  }

  /// The grid of a textured scan: about `size` voxels over 105 to 150 mm in the plane, around one of the kind's places.
  private static func window(
    of kind: PhantomKind, anatomy: PhantomAnatomy, index: Int, size: SIMD3<Int>, random: inout CounterRandom
  ) -> PhantomGrid {
    let plane = [0.875, 1, 1, 1, 1.125][random.integer(below: 5)]
    let width = max(8, Int((Double(size.x) * plane).rounded()))
    let height = max(8, Int((Double(size.y) * plane).rounded()))
    let depth = max(2, Int((Double(size.z) * random.uniform(0.85, 1.2)).rounded()))
    let pixel = (random.uniform(0.95, 1.3) * 100).rounded() / 100
    let thickness = (random.uniform(5, 8) * 10).rounded() / 10
    let center = kind.windows[index % kind.windows.count]
    let jitter = SIMD3(random.normal() * 12, random.normal() * 12, random.normal() * 10)
    let place = anatomy.scannerPlace(of: center)
    let extent = SIMD3(Double(width - 1) * pixel, Double(height - 1) * pixel, Double(depth - 1) * thickness)
    return PhantomGrid(
      size: SIMD3(width, height, depth), spacing: SIMD3(pixel, pixel, thickness),
      origin: SIMD3(Double(place.x), Double(place.y), Double(place.z)) + jitter - extent / 2)
  }

  /// The grid of a scan: about `size` voxels over the body's width and the kind's range along z.
  private static func grid(
    kind: PhantomKind, anatomy: PhantomAnatomy, size: SIMD3<Int>, isMR: Bool, random: inout CounterRandom
  ) -> PhantomGrid {
    let plane = [0.875, 1, 1, 1, 1.125][random.integer(below: 5)]
    let width = max(8, Int((Double(size.x) * plane).rounded()))
    let height = max(8, Int((Double(size.y) * plane).rounded()))
    let depth = max(2, Int((Double(size.z) * random.uniform(0.85, 1.2)).rounded()))
    let field = 2 * Double(anatomy.trunk.halfWidth) * Double(anatomy.scale) * random.uniform(1.0, 1.22)
    // Two decimals, as scanners write them.
    let pixel = max(0.05, (field / Double(width) * 100).rounded() / 100)
    let lower = random.uniform(kind.coverage.lower.lowerBound, kind.coverage.lower.upperBound)
    var upper = random.uniform(kind.coverage.upper.lowerBound, kind.coverage.upper.upperBound)
    if isMR { upper = min(upper, 150) }
    let extent = (upper - lower) * Double(anatomy.scale)
    let thickness = min(max((extent / Double(depth) * 10).rounded() / 10, 0.5), 16)
    // A scan that cannot reach over the whole range shows its middle.
    let middle = (upper + lower) / 2 * Double(anatomy.scale)
    let drift = SIMD2(random.normal() * 5, random.normal() * 4)
    return PhantomGrid(
      size: SIMD3(width, height, depth), spacing: SIMD3(pixel, pixel, thickness),
      origin: SIMD3(
        -Double(width - 1) / 2 * pixel + drift.x, -Double(height - 1) / 2 * pixel + drift.y + 6,
        middle - Double(depth - 1) / 2 * thickness))
  }
}

/// What can be wrong with the order for a phantom dataset.
public enum PhantomError: InputError, Equatable {
  case cases(Int)
  case size(SIMD3<Int>)
  case folderInUse(path: String, file: String)

  public var description: String {
    switch self {
    case .cases(let count): "\(count) phantom cases were asked for; 1 to 10000 can be made."
    case .size(let size):
      "A phantom size of \(size.x),\(size.y),\(size.z) was asked for; 16 to 1024 voxels along x and y and 2 to 2000 along z can be made."
    case .folderInUse(let path, let file):
      "\(path) already holds \(file), which is not part of this phantom dataset; choose an empty folder."
    }
  }
}

extension PhantomScan {
  /// A NIfTI volume of voxels on this scan's grid. NIfTI counts mm to the right, to the front and to the head.
  func volume(_ voxels: [Int16]) -> Volume<Int16> {
    let header = NIfTIHeader(
      shape: [size.z, size.y, size.x], spacing: [spacing.z, spacing.y, spacing.x],
      affine: [
        [-spacing.x, 0, 0, -origin.x], [0, -spacing.y, 0, -origin.y], [0, 0, spacing.z, origin.z],
      ])
    return Volume(shape: [size.z, size.y, size.x], voxels: voxels, header: header)
  }
}
