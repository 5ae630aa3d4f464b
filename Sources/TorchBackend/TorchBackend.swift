import CTorchPlugin
import Tensors

/// Computes with PyTorch, on a GPU or on PyTorch's CPU. A block's handle is a tensor of PyTorch's.
package final class TorchBackend: Backend {
  package let name: String
  package let isHost = false
  package let identity: String?
  package let provenance: [String: String]
  let plugin: TorchPlugin
  /// -1 for PyTorch's CPU, else a GPU's number.
  let number: Int32

  /// - Parameters:
  ///   - identity: what runs' identities say of it.
  ///   - gpu: the GPU's number; nil for PyTorch's CPU.
  package init(_ plugin: TorchPlugin, identity: String, gpu: Int?) throws(TorchFailure) {
    self.plugin = plugin
    number = Int32(gpu ?? -1)
    name = gpu.map { "cuda:\($0)" } ?? "torch"
    self.identity = identity
    var provenance = ["PyTorch": plugin.torchVersion]
    if gpu != nil { provenance["GPU"] = try plugin.deviceName(Int(number)) }
    self.provenance = provenance
  }

  func require(_ call: (segtorch_functions_table) -> Int32) { plugin.require(on: name, call) }

  // MARK: - Memory

  package func allocate(byteCount: Int) -> UnsafeMutableRawPointer {
    var block: OpaquePointer?
    require { $0.allocate(number, Int64(byteCount), &block) }
    return UnsafeMutableRawPointer(block!)
  }

  package func free(_ handle: UnsafeMutableRawPointer, byteCount: Int) { plugin.table.release(OpaquePointer(handle)) }

  package func copyIn(_ bytes: UnsafeRawBufferPointer, to handle: UnsafeMutableRawPointer) {
    require { $0.copy_in(OpaquePointer(handle), bytes.baseAddress, Int64(bytes.count)) }
  }

  package func copyOut(_ handle: UnsafeMutableRawPointer, offset: Int, to bytes: UnsafeMutableRawBufferPointer) {
    require { $0.copy_out(OpaquePointer(handle), Int64(offset), bytes.baseAddress, Int64(bytes.count)) }
  }

  package func fill(_ tensor: Tensor, with value: Double) {
    withViews([tensor]) { views in require { $0.fill(views, value) } }
  }

  package func copy(_ source: Tensor, to target: Tensor) {
    withViews([source, target]) { views in require { $0.copy(views, views + 1) } }
  }

  /// Lends tensors to a function of the plugin; nil as a tensor without a block.
  func withViews<Result>(_ tensors: [Tensor?], _ body: (UnsafePointer<segtorch_tensor>) -> Result) -> Result {
    let rank = tensors.reduce(0) { $0 + ($1?.rank ?? 0) }
    return withUnsafeTemporaryAllocation(of: Int64.self, capacity: max(1, rank)) { sizes in
      withUnsafeTemporaryAllocation(of: segtorch_tensor.self, capacity: max(1, tensors.count)) { views in
        var next = sizes.baseAddress!
        for (place, tensor) in tensors.enumerated() {
          let view = views.baseAddress! + place
          guard let tensor else {
            view.initialize(to: segtorch_tensor())
            continue
          }
          precondition(tensor.device.backend === self, "a tensor of \(tensor.device.name) on \(name)")
          view.initialize(
            to: segtorch_tensor(
              block: OpaquePointer(tensor.storage.handle), offset: Int64(tensor.offset), shape: next,
              rank: Int32(tensor.rank), type: Int32(tensor.elementType.rawValue)))
          for size in tensor.shape {
            next.initialize(to: Int64(size))
            next += 1
          }
        }
        return withExtendedLifetime(tensors) { body(UnsafePointer(views.baseAddress!)) }
      }
    }
  }

  /// A tensor that takes over a block of the plugin's.
  func adopt(_ block: OpaquePointer?, _ type: ElementType) -> Tensor {
    let block = block!
    let shape = withUnsafeTemporaryAllocation(of: Int64.self, capacity: 16) { sizes in
      var rank: Int32 = 0
      require { $0.shape(block, sizes.baseAddress, 16, &rank) }
      return sizes.prefix(Int(rank)).map(Int.init)
    }
    let storage = Storage(
      adopting: UnsafeMutableRawPointer(block), byteCount: shape.reduce(1, *) * type.byteCount, on: Device(self))
    return Tensor(sharing: storage, offset: 0, shape: shape, type)
  }

  /// What a function of the plugin that makes one tensor made.
  func made(_ type: ElementType, _ call: (segtorch_functions_table, inout OpaquePointer?) -> Int32) -> Tensor {
    var block: OpaquePointer?
    require { call($0, &block) }
    return adopt(block, type)
  }

  // MARK: - Operations

  package func forward(_ operation: Operation, _ inputs: [Tensor], willDifferentiate: Bool) -> ForwardResult {
    let needed = inputs.map { UInt8($0.node == nil ? 0 : 1) }
    let isRecorded = willDifferentiate && needed.contains(1)
    let capacity = 3
    var outputs = [OpaquePointer?](repeating: nil, count: capacity)
    var (count, record) = (Int32(0), OpaquePointer?.none)
    operation.code.withOperation(inputs: operation.inputs(in: .current)) { code in
      withViews(inputs) { views in
        needed.withUnsafeBufferPointer { needed in
          require {
            $0.forward(
              code, views, Int32(inputs.count), isRecorded ? needed.baseAddress : nil, &outputs, Int32(capacity),
              &count,
              &record)
          }
        }
      }
    }
    let type = inputs[0].elementType
    return ForwardResult(
      outputs.prefix(Int(count)).map { adopt($0, type) }, saved: record.map { [keep(record: $0)] } ?? [])
  }

  /// What PyTorch keeps of an operation, as a tensor without elements: it goes when the tape lets go of it.
  private func keep(record: OpaquePointer) -> Tensor {
    let storage = Storage(adopting: UnsafeMutableRawPointer(record), byteCount: 0, on: Device(self))
    return Tensor(sharing: storage, offset: 0, shape: [0], .float32)
  }

  package func backward(
    _ operation: Operation, inputs: [Tensor], outputs: [Tensor], saved: [Tensor], outputGradients: [Tensor?],
    needed: [Bool]
  ) -> [Tensor?] {
    var results = [OpaquePointer?](repeating: nil, count: inputs.count)
    let record = saved[0].storage
    withViews(outputGradients) { gradients in
      require {
        $0.backward(
          OpaquePointer(record.handle), gradients, Int32(outputGradients.count), &results, Int32(inputs.count))
      }
    }
    return withExtendedLifetime(record) {
      zip(results, inputs).map { result, input in result.map { adopt($0, input.elementType) } }
    }
  }

  package func accumulate(_ a: consuming Tensor, _ b: Tensor) -> Tensor {
    let (a, type) = (a, b.elementType)
    return withViews([a, b]) { views in made(type) { $0.accumulate(views, views + 1, &$1) } }
  }

  package var cachedElements: Int? { nil }
}
