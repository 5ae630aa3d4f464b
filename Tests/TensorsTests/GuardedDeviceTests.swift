import TestSupport
import Tensors
import Testing

/// The engine asks nothing of a device's memory but what its backend offers.
@Suite struct GuardedDeviceTests {
  /// Every operation's output and gradients, with the CPU's bits.
  @Test(arguments: operationCases) func operationsAreTheSameBehindABackend(operation: OperationCase) {
    func run(on device: Device) -> [[Double]] {
      device {
        let inputs = operation.drawInputs().map { $0.moved(to: device) }
        let parameters = zip(inputs, operation.differentiable).map { $1 ? Parameter("", $0) : nil }
        var output: [Double] = []
        let (_, gradients) = Tape.gradients {
          let result = operation.call(zip(inputs, parameters).map { $1?.value ?? $0 })
          output = result.values(as: Double.self)
          return (result * result).sum()
        }
        return [output] + parameters.compactMap { $0 }.map { gradients[$0]?.values(as: Double.self) ?? [] }
      }
    }
    let guarded = GuardedBackend()
    let (expected, found) = (run(on: .cpu), run(on: Device(guarded)))
    #expect(found == expected)
    #expect(guarded.blockCount == 0, "blocks that nothing uses are given back")
  }

  @Test func operationsNeedNoTransfers() {
    let guarded = GuardedBackend()
    let device = Device(guarded)
    let (x, weight) = (Tensor([1, 2, 3] as [Float], shape: [1, 3]), Tensor([4, 5, 6] as [Float], shape: [1, 3]))
    let parameter = Parameter("weight", weight.moved(to: device))
    #expect(guarded.takeTransfers() == .init(inCount: 1, inBytes: 12))
    let input = x.moved(to: device)
    let (loss, gradients) = Tape.gradients { linear(input, weight: parameter.value).sum() }
    #expect(guarded.takeTransfers() == .init(inCount: 1, inBytes: 12))
    #expect(loss.scalarValue == 32 && loss.device == device && gradients[parameter]!.device == device)
    #expect(guarded.takeTransfers() == .init(outCount: 1, outBytes: 4))
  }

  @Test func theHostCannotReadADevicesMemory() async {
    await #expect(processExitsWith: .failure) {
      let tensor = Tensor(zeros: [3], on: Device(GuardedBackend()))
      tensor.withUnsafeElements(of: Float.self) { _ in }
    }
  }

  @Test func devicesDoNotMix() async {
    await #expect(processExitsWith: .failure) {
      let tensor = Tensor(zeros: [3], on: Device(GuardedBackend()))
      _ = tensor + Tensor(zeros: [3])
    }
  }
}
