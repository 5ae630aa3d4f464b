import Exports
import Files
import Foundation
import Networks
import Tensors
import TestSupport
import Testing

/// Every operation's translation, in all the ways that the engine's own tests use it, computed by onnxruntime.
@Suite struct ONNXOperationTests {
  /// An operation case as a network that sees no image.
  private final class Single: SegmentationNetwork {
    let inputMultiple = (height: 1, width: 1)
    private let inputs: [Tensor]
    private let operation: OperationCase

    init(_ operation: OperationCase, _ values: [Tensor]) {
      // Copied by their values onto the device that is current.
      inputs = values.map { tensor in
        tensor.elementType == .int32
          ? Tensor(Device.cpu { tensor.values(as: Int32.self) }, shape: tensor.shape)
          : Tensor(Device.cpu { tensor.values(as: Float.self) }, shape: tensor.shape)
      }
      self.operation = operation
    }

    func logits(_ images: Tensor, _ context: ForwardContext) -> [Tensor] { [operation.call(inputs)] }
  }

  /// What only training computes.
  private static let untranslated: Set<String> = [
    "batchNorm", "crossEntropy", "softDice", "regionCrossEntropy", "regionDice",
  ]

  private static let python = repository.appendingPathComponent(".peers/bin/python")
  private static let hasRuntime: Bool = {
    let code = try? run(["-c", "import onnx, onnxruntime, safetensors"]).code
    return code == 0
  }()

  private static func run(_ words: [String]) throws -> (code: Int32, output: String) {
    let process = Process()
    process.executableURL = python
    process.arguments = words
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (process.terminationStatus, text)
  }

  /// - Returns: the model; nil where the operation has no translation.
  private func model(_ operation: OperationCase, _ inputs: [Tensor]) throws -> Data? {
    do {
      return try ONNXModel.data(channels: 1, size: (1, 1), name: operation.description, metadata: []) {
        Single(operation, inputs)
      }
    } catch ONNXModel.Failure.unsupported(let names) {
      #expect(Self.untranslated.isSuperset(of: names), "\(operation)")
      return nil
    }
  }

  private func inputs(_ operation: OperationCase) -> [Tensor] {
    operation.drawInputs().map { $0.elementType == .int32 ? $0 : $0.converted(to: .float32) }
  }

  @Test func allButTrainingsOperationsAreTranslated() throws {
    let without = try operationCases.filter { try model($0, inputs($0)) == nil }
    #expect(without.count == 13 && operationCases.count > 90, "\(without.map(\.description))")
  }

  @Test(.enabled(if: hasRuntime, "onnxruntime is not in .peers (make peers)"))
  func onnxruntimeComputesTheSame() throws {
    try withTemporaryFolder { folder in
      var count = 0
      for (index, operation) in operationCases.enumerated() {
        let values = inputs(operation)
        guard let data = try model(operation, values) else { continue }
        let words = operation.description.map { $0.isLetter || $0.isNumber ? $0 : "-" }
        let file = folder.appendingPathComponent("\(1000 + index)-\(String(words)).onnx")
        try data.write(to: file)
        let expected = operation.call(values)
        try Safetensors.write(
          ["expected": StoredTensor(shape: expected.shape, floats: expected.values(as: Float.self))],
          to: file.deletingPathExtension().appendingPathExtension("safetensors"))
        count += 1
      }
      let script = repository.appendingPathComponent("Benchmarks/peers/parity/onnx_operations.py")
      let (code, output) = try Self.run([script.path, folder.path])
      #expect(code == 0 && output.split(separator: "\n").count == count + 1, "\(output)")
    }
  }
}
