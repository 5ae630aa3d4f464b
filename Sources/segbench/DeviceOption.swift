import Foundation
import TorchBackend

let deviceOption = OptionSpecification(
  "--device", "DEVICE",
  help: "cpu (default), torch (PyTorch's CPU), cuda or cuda:N (a GPU, by PyTorch); or SEGBENCH_DEVICE")

extension DeviceChoice {
  /// The option's, else `SEGBENCH_DEVICE`'s, else the CPU.
  /// - Throws: `UsageError`.
  init(_ arguments: Arguments) throws {
    let variable = ProcessInfo.processInfo.environment["SEGBENCH_DEVICE"] ?? ""
    let (source, text) = arguments.value("--device").map { ("--device", $0) } ?? ("SEGBENCH_DEVICE", variable)
    do {
      self = text.isEmpty && source != "--device" ? .cpu : try DeviceChoice(text)
    } catch {
      throw UsageError("\(source): \(error)")
    }
  }
}
