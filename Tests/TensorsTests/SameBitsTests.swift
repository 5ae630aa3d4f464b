import Foundation
import KernelBits
import Tensors
import TestSupport
import Testing

/// The bits of results, which neither the instruction set nor the number of threads may change.
@Suite struct SameBitsTests {
  /// Every kernel's, against a table that stands for every machine (`make test-arm64` compares it on arm64 too).
  @Test(arguments: Compute.InstructionSet.allCases)
  func kernelsHaveTheBitsOfTheTable(set: Compute.InstructionSet) throws {
    let fixture = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Fixtures/kernel-bits.txt")
    let expected = try String(contentsOf: fixture, encoding: .utf8).split(separator: "\n").map(String.init)
    guard let found = Compute.with(set, threads: 1, Self.kernelDigests) else { return }
    #expect(found.count == expected.count && found.count > 1000)
    let different = zip(found, expected).filter { $0 != $1 }.map { $0.0 }
    #expect(different.isEmpty, "\(different.count) of \(found.count) results with \(set)")
  }

  private static func kernelDigests() -> [String] {
    var lines: [String] = []
    withUnsafeMutablePointer(to: &lines) { lines in
      kernel_bits(
        { context, name, digest in
          let lines = context!.assumingMemoryBound(to: [String].self)
          let digits = String(digest, radix: 16)
          lines.pointee.append(String(repeating: "0", count: 16 - digits.count) + digits + " " + String(cString: name!))
        }, lines)
    }
    return lines
  }

  /// Every operation's output and gradients, in single and double precision (products in double are OpenBLAS's, and no result's).
  @Test(arguments: operationCases)
  func operationsHaveTheSameBitsEverywhere(operation: OperationCase) {
    for type in [ElementType.float32, .float64] {
      if type == .float64, ["product", "linear"].contains(where: operation.description.contains) { continue }
      let inputs = operation.drawInputs().map { $0.elementType == .int32 ? $0 : $0.converted(to: type) }
      func run() -> [[Double]] {
        let found = gradients(operation, inputs)
        return ([found.output] + found.gradients.compactMap { $0 }).map {
          type == .float32 ? $0.values(as: Float.self).map(Double.init) : $0.values(as: Double.self)
        }
      }
      let expected = Compute.with(threads: 1, run)
      for set in Compute.InstructionSet.allCases {
        for threads in [1, 2, 3, 5] {
          guard let found = Compute.with(set, threads: threads, run) else { continue }
          #expect(found == expected, "\(operation), \(type), \(set), \(threads) threads")
        }
      }
    }
  }
}
