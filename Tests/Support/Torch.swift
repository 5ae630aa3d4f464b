import Foundation
import Tensors
import TorchBackend

/// PyTorch's CPU by the plugin of this machine; where there is none, tests of it are skipped with the reason. Where
/// `SEGBENCH_REQUIRE_TORCH` is set they fail instead.
package enum Torch {
  package static let device = Result { try DeviceChoice.torch.open() }

  package static let isThere: Bool = {
    switch device {
    case .success: return true
    case .failure(let error):
      print("The tests of PyTorch's backend are skipped: \(error).")
      return ProcessInfo.processInfo.environment["SEGBENCH_REQUIRE_TORCH"] != nil
    }
  }()
}
