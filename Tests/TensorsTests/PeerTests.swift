import Files
import Foundation
import TestSupport
import Tensors
import Testing

/// The arrays that Benchmarks/peers/fixtures/operations.py wrote.
private let peerValues: [String: StoredTensor] = {
  let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
  let files = ["operations", "image_operations", "compositions"].map {
    try! Safetensors.read(folder.appendingPathComponent("Fixtures/\($0).safetensors"))
  }
  return files.reduce(into: [:]) { all, file in all.merge(file) { first, _ in first } }
}()

private func peerTensor(_ name: String) throws -> Tensor {
  let stored = try #require(peerValues[name], "\(name) is missing from the fixture")
  if stored.elementType == .int32 {
    let values = stored.data.withUnsafeBytes { bytes in
      (0..<bytes.count / 4).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Int32.self) }
    }
    return Tensor(values, shape: stored.shape)
  }
  return Tensor(try #require(stored.floats()), shape: stored.shape)
}

private let comparedCases = operationCases.filter { peerValues["\($0.description)/output"] != nil }

@Test func everyPeerCaseIsCompared() {
  #expect(comparedCases.count == peerValues.keys.filter { $0.hasSuffix("/output") }.count)
  #expect(comparedCases.count >= 40)
}

/// Outputs and gradients in single precision against PyTorch's.
@Test(arguments: comparedCases)
func agreesWithPyTorch(operation: OperationCase) throws {
  let name = operation.description
  let inputs = try operation.inputs.indices.map { try peerTensor("\(name)/input\($0)") }
  let weights = try peerTensor("\(name)/weights")
  let parameters = zip(inputs, operation.differentiable).map { $1 ? Parameter("input", $0) : nil }
  var output = Tensor(zeros: [])
  let (_, gradients) = Tape.gradients {
    output = operation.call(zip(inputs, parameters).map { $1?.value ?? $0 })
    return (output * weights).sum()
  }
  func compare(_ ours: Tensor, _ key: String) throws {
    let theirs = try peerTensor(key)
    #expect(ours.shape == theirs.shape)
    let values = theirs.values(as: Float.self).map(Double.init)
    let scale = max(0.1, values.map(abs).max() ?? 0)
    #expect(largestDifference(ours.values(as: Float.self).map(Double.init), values) <= 4e-6 * scale, "\(key)")
  }
  try compare(output, "\(name)/output")
  for (index, parameter) in parameters.enumerated() {
    if let parameter { try compare(try #require(gradients[parameter]), "\(name)/gradient\(index)") }
  }
}
