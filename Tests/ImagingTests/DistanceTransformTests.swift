import Files
import Foundation
import Imaging
import TestSupport
import Testing

@Suite struct DistanceTransformTests {
  @Test(arguments: 0..<5) func equalsSciPy(grid: Int) throws {
    let file = try HDF5File(reading: fixture("distances.h5"))
    let (shape, features) = try file.read("grid\(grid)/features", as: UInt8.self)
    let truth = try file.read("grid\(grid)/distances", as: Double.self).values
    let spacing = try file.attribute("spacing", of: "grid\(grid)", as: Double.self)
    let found = try DistanceTransform.distances(in: features, shape: shape, spacing: spacing, from: 0, to: 1)
    #expect(found.count == truth.count)
    #expect(zip(found, truth).allSatisfy { abs($0 - $1) <= 1e-12 * max(1, $1) })
    // Only from some voxels: the same values, in the same order.
    let some = features.indices.map { features[$0] | ($0 % 3 == 0 ? 2 : 0) }
    let part = try DistanceTransform.distances(in: some, shape: shape, spacing: spacing, from: 2, to: 1)
    #expect(part == found.indices.filter { $0 % 3 == 0 }.map { found[$0] })
  }

  @Test func noVoxelToMeasureTo() throws {
    let found = try DistanceTransform.distances(
      in: [UInt8](repeating: 2, count: 24), shape: [2, 3, 4], spacing: [1, 1, 1], from: 2, to: 1)
    #expect(found == [Double](repeating: .infinity, count: 24))
  }

  /// Every pair of voxels by itself, on a grid longer than 16 bits count.
  @Test func longColumns() throws {
    let depth = 70_000
    var flags = [UInt8](repeating: 0, count: depth)
    flags[3] = 1
    let found = try DistanceTransform.distances(in: flags, shape: [depth, 1, 1], spacing: [0.5, 1, 1], from: 0, to: 1)
    #expect((0..<depth).allSatisfy { found[$0] == Double(abs($0 - 3)) * 0.5 })
  }
}
