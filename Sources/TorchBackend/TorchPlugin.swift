import CTorchPlugin
import Files
import Foundation
import Kernels

#if canImport(Glibc)
  import Glibc
#endif

/// Why a call of the plugin did not do what it was asked to.
package enum TorchFailure: Error, Equatable, CustomStringConvertible {
  /// The device's memory is used up.
  case outOfMemory(String)
  /// What PyTorch said: shapes that do not go together, a GPU that is lost.
  case failed(String)

  package var description: String {
    switch self {
    case .outOfMemory(let text), .failed(let text): text
    }
  }
}

/// The plugin, loaded: PyTorch behind a table of C functions.
package final class TorchPlugin: Sendable {
  package nonisolated(unsafe) let table: segtorch_functions_table

  /// PyTorch's version, such as "2.13.0+cpu".
  package let torchVersion: String

  /// Loads the library and sets PyTorch up for the process: its threads are as many as the engine's, its results the same each time.
  /// - Throws: `TorchError` where it cannot be loaded or is another version's.
  package init(_ installation: TorchInstallation, threads: Int) throws(TorchError) {
    let library = installation.library
    torchVersion = installation.version
    // Read when cuBLAS is loaded; without it its sums differ from run to run.
    setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", 0)
    // With its own symbols first: libtorch's BLAS would otherwise be the system's, whose sums are others. The flag is glibc's RTLD_DEEPBIND.
    let deepBinding: Int32 = 0x8
    guard let handle = dlopen(library.path, RTLD_NOW | RTLD_LOCAL | deepBinding) else {
      throw .unloadable(library, String(cString: dlerror()))
    }
    guard let symbol = dlsym(handle, "segtorch_functions") else {
      throw .unloadable(library, "it has no function segtorch_functions")
    }
    typealias Functions = @convention(c) () -> UnsafePointer<segtorch_functions_table>
    let table = unsafeBitCast(symbol, to: Functions.self)()
    guard table.pointee.interface_number == SEGTORCH_INTERFACE else {
      throw .unloadable(library, "it is of another version of segbench")
    }
    self.table = table.pointee
    do throws(TorchFailure) {
      try attempt { $0.configure(Int32(threads), 1, 0) }
    } catch {
      throw .unloadable(library, error.description)
    }
  }

  /// Calls a function of the plugin.
  package func attempt(_ call: (segtorch_functions_table) -> Int32) throws(TorchFailure) {
    let status = call(table)
    guard status != Int32(segtorch_ok.rawValue) else { return }
    let text = String(cString: table.error()!)
    let line = text.split(separator: "\n").first.map(String.init) ?? "an error without a text"
    throw status == Int32(segtorch_out_of_memory.rawValue) ? .outOfMemory(line) : .failed(line)
  }

  /// Calls a function of the plugin for a backend, which has nobody to tell: a failure ends the process with a sentence and exit
  /// code 1, as memory does that the machine lacks. Checkpoints stay.
  func require(on device: String, _ call: (segtorch_functions_table) -> Int32) {
    do throws(TorchFailure) {
      try attempt(call)
    } catch {
      switch error {
      case .outOfMemory(let text): kernels_device_failed("out of memory on \(device): \(text)", 1)
      case .failed(let text): kernels_device_failed("PyTorch failed on \(device): \(text)", 0)
      }
    }
  }

  /// How many GPUs PyTorch sees.
  package var gpuCount: Int { Int(table.gpu_count()) }

  /// A device's name, such as "NVIDIA A100-SXM4-80GB".
  /// - Parameter number: -1 for the CPU.
  package func deviceName(_ number: Int) throws(TorchFailure) -> String {
    var text = [CChar](repeating: 0, count: 256)
    try attempt { $0.name(Int32(number), &text, 256) }
    return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  /// What a GPU's memory holds, in bytes.
  package func memory(_ number: Int) throws(TorchFailure) -> segtorch_memory {
    var memory = segtorch_memory()
    try attempt { $0.memory(Int32(number), &memory) }
    return memory
  }
}
