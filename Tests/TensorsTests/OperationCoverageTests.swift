import Foundation
import Tensors
import TestSupport
import Testing

/// The engine's list of operations is closed, and each stands in the operation cases, forward and backward: a new one without a
/// case fails here.
@Suite struct OperationCoverageTests {
  @Test func everyOperationHasACase() async throws {
    let source = try String(
      contentsOf: repository.appendingPathComponent("Sources/Tensors/Operation.swift"), encoding: .utf8)
    let list = try #require(source.firstMatch(of: /public enum Operation[^{]*\{\n((?:.*\n)*?)\}/)).1
    let operations = list.matches(of: /(?m)^  case (\w+)/).map { String($0.1) }
    #expect(operations.count > 30 && operations.contains("add"))
    // In a process of its own, where nothing else computes.
    let result = await #expect(processExitsWith: .success, observing: [\.standardOutputContent]) {
      OperationTimes.isMeasuring = true
      for operation in operationCases { _ = gradients(operation, operation.drawInputs()) }
      print("\nran: \(OperationTimes.report())")
    }
    let output = String(decoding: try #require(result).standardOutputContent, as: UTF8.self)
    let line = try #require(output.split(separator: "\n").first { $0.hasPrefix("ran: ") })
    let ran = Set(line.dropFirst("ran: ".count).components(separatedBy: ", ").map { $0.replacing(/\s\d+$/, with: "") })
    for operation in operations {
      #expect(
        ran.contains(operation) && ran.contains("\(operation) backward"), "\(operation) stands in no operation case")
    }
  }
}
