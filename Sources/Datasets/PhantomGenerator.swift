import Files
import Foundation
import Tensors

/// Makes procedural abdominal scans that stand in for a public dataset: the whole path from files to a table runs on a
/// machine that has nothing but the repository.
///
/// A scan is a function of (seed, kind, number of the case) alone. Cases differ in build, pose, the size, place and presence
/// of organs, contrast phase, fat, lesions, noise, voxel size and field of view. They are not patients, and no number
/// measured on them is a number about patients.
public enum PhantomGenerator {
  /// Draws and renders case number `index`.
  package static func scan(kind: PhantomKind, index: Int, seed: UInt64, size: SIMD3<Int>) -> (
    name: String, scan: PhantomScan
  ) {
    var random = CounterRandom(seed: seed, purpose: "phantom " + kind.rawValue, epoch: index)
    // About one in six scans of AMOS22 is an MR: the same share here, spread evenly.
    let isMR = kind == .amos22 && (UInt64(index) &+ seed) % 6 == 3
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
    let scan = renderer.render(labelOfTissue: kind.labelOfTissue, seed: seed, sample: index)
    return (kind.caseName(index: index, isMR: isMR), scan)
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
