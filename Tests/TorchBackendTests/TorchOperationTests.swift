import Tensors
import TestSupport
import Testing

/// Every operation's output and gradients on PyTorch beside the CPU backend's.
@Suite(.enabled(if: Torch.isThere, "no plugin is built: make torch-plugin")) struct TorchOperationTests {
  private func values(_ operation: OperationCase, on device: Device, _ type: ElementType) -> [[Double]] {
    device {
      let inputs = operation.drawInputs().map { $0.elementType == .int32 ? $0 : $0.converted(to: type) }
      let found = gradients(operation, inputs)
      return ([found.output] + found.gradients.compactMap { $0 }).map {
        $0.converted(to: .float64).values(as: Double.self)
      }
    }
  }

  private func compare(_ operation: OperationCase, _ type: ElementType, tolerance: Double) throws {
    let device = try Torch.device.get()
    let (expected, found) = (values(operation, on: .cpu, type), values(operation, on: device, type))
    #expect(expected.map(\.count) == found.map(\.count))
    for (place, (expected, found)) in zip(expected, found).enumerated() {
      let scale = max(1, expected.map { abs($0) }.max() ?? 0)
      let difference = largestDifference(found, expected)
      #expect(difference <= tolerance * scale, "\(place == 0 ? "output" : "gradient \(place)")")
    }
  }

  @Test(arguments: operationCases) func agreesInDoublePrecision(operation: OperationCase) throws {
    try compare(operation, .float64, tolerance: 1e-12)
  }

  @Test(arguments: operationCases) func agreesInSinglePrecision(operation: OperationCase) throws {
    try compare(operation, .float32, tolerance: 1e-5)
  }
}
