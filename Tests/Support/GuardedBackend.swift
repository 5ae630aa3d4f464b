import Synchronization
import Tensors

/// The CPU's arithmetic behind memory that the host cannot address: handles are numbers, not addresses, and reading one traps.
/// It counts what goes in and out, so that a test sees a transfer too many.
package final class GuardedBackend: Backend {
  package let name = "guarded"
  package let isHost = false

  /// What crossed the border between host and device.
  package struct Transfers: Sendable, Equatable {
    package var inCount = 0
    package var inBytes = 0
    package var outCount = 0
    package var outBytes = 0

    package init(inCount: Int = 0, inBytes: Int = 0, outCount: Int = 0, outBytes: Int = 0) {
      (self.inCount, self.inBytes, self.outCount, self.outBytes) = (inCount, inBytes, outCount, outBytes)
    }
  }

  private struct State {
    var blocks: [UInt: Storage] = [:]
    var next: UInt = 1
    var transfers = Transfers()
  }
  private let state = Mutex(State())
  private let cpu = Device.cpu.backend

  package init() {}

  /// Since the last call.
  package func takeTransfers() -> Transfers {
    state.withLock { state in
      defer { state.transfers = Transfers() }
      return state.transfers
    }
  }

  /// How many blocks are in use.
  package var blockCount: Int { state.withLock { $0.blocks.count } }

  // MARK: - Memory

  /// Set in every handle: no address of a process.
  private static let mark: UInt = 1 << 62

  package func allocate(byteCount: Int) -> UnsafeMutableRawPointer {
    register(Storage(byteCount: byteCount, on: .cpu))
  }

  private func register(_ block: Storage) -> UnsafeMutableRawPointer {
    state.withLock { state in
      defer { state.next += 1 }
      state.blocks[state.next] = block
      return UnsafeMutableRawPointer(bitPattern: Self.mark | state.next)!
    }
  }

  private func block(_ handle: UnsafeMutableRawPointer) -> Storage {
    state.withLock { $0.blocks[UInt(bitPattern: handle) & ~Self.mark]! }
  }

  package func free(_ handle: UnsafeMutableRawPointer, byteCount: Int) {
    let block = state.withLock { $0.blocks.removeValue(forKey: UInt(bitPattern: handle) & ~Self.mark) }
    precondition(block != nil, "a block freed twice")
  }

  package func copyIn(_ bytes: UnsafeRawBufferPointer, to handle: UnsafeMutableRawPointer) {
    state.withLock {
      $0.transfers.inCount += 1
      $0.transfers.inBytes += bytes.count
    }
    cpu.copyIn(bytes, to: block(handle).handle)
  }

  package func copyOut(_ handle: UnsafeMutableRawPointer, offset: Int, to bytes: UnsafeMutableRawBufferPointer) {
    count(out: bytes.count)
    cpu.copyOut(block(handle).handle, offset: offset, to: bytes)
  }

  private func count(out bytes: Int) {
    state.withLock {
      $0.transfers.outCount += 1
      $0.transfers.outBytes += bytes
    }
  }

  package func fill(_ tensor: Tensor, with value: Double) { cpu.fill(inside(tensor), with: value) }

  package func copy(_ source: Tensor, to target: Tensor) { cpu.copy(inside(source), to: inside(target)) }

  /// The CPU's view of a tensor of this device.
  private func inside(_ tensor: Tensor) -> Tensor {
    precondition(tensor.device.backend === self, "a tensor of \(tensor.device.name) on \(name)")
    var view = Tensor(
      sharing: block(tensor.storage.handle), offset: tensor.offset, shape: tensor.shape, tensor.elementType)
    view.node = tensor.node
    return view
  }

  /// A tensor of this device with the memory of one of the CPU's.
  private func outside(_ tensor: Tensor) -> Tensor {
    let storage = Storage(
      adopting: register(tensor.storage), byteCount: tensor.storage.byteCount, on: Device(self))
    return Tensor(sharing: storage, offset: tensor.offset, shape: tensor.shape, tensor.elementType)
  }

  // MARK: - Operations

  package func forward(_ operation: Operation, _ inputs: [Tensor], willDifferentiate: Bool) -> ForwardResult {
    let result = Device.cpu { cpu.forward(operation, inputs.map(inside), willDifferentiate: willDifferentiate) }
    return ForwardResult(result.outputs.map(outside), saved: result.saved.map(outside))
  }

  package func backward(
    _ operation: Operation, inputs: [Tensor], outputs: [Tensor], saved: [Tensor], outputGradients: [Tensor?],
    needed: [Bool]
  ) -> [Tensor?] {
    Device.cpu {
      cpu.backward(
        operation, inputs: inputs.map(inside), outputs: outputs.map(inside), saved: saved.map(inside),
        outputGradients: outputGradients.map { $0.map(inside) }, needed: needed
      ).map { $0.map(outside) }
    }
  }

  package func accumulate(_ a: consuming Tensor, _ b: Tensor) -> Tensor {
    let (a, b) = (inside(a), inside(b))
    return outside(Device.cpu { cpu.accumulate(a, b) })
  }

  package var cachedElements: Int? { cpu.cachedElements }

  // MARK: - Updates

  package func adamW(
    _ values: Tensor, gradient: Tensor, firstMoment: Tensor, secondMoment: Tensor, _ step: AdamWStep
  ) {
    cpu.adamW(
      inside(values), gradient: inside(gradient), firstMoment: inside(firstMoment),
      secondMoment: inside(secondMoment), step)
  }

  package func sgd(_ values: Tensor, gradient: Tensor, velocity: Tensor, _ step: SGDStep) {
    cpu.sgd(inside(values), gradient: inside(gradient), velocity: inside(velocity), step)
  }

  package func lerp(_ target: Tensor, towards source: Tensor, weight: Double) {
    cpu.lerp(inside(target), towards: inside(source), weight: weight)
  }

  package func sumOfSquares(_ tensors: [Tensor]) -> Double {
    count(out: 8)
    return cpu.sumOfSquares(tensors.map(inside))
  }

  // MARK: - Reductions and tiles

  package func overlapCounts(logits: Tensor, labels: Tensor, regions: RegionTable?, threshold: Float) -> Tensor {
    outside(
      Device.cpu {
        cpu.overlapCounts(logits: inside(logits), labels: inside(labels), regions: regions, threshold: threshold)
      })
  }

  package func resizedLabels(_ labels: Tensor, height: Int, width: Int) -> Tensor {
    outside(Device.cpu { cpu.resizedLabels(inside(labels), height: height, width: width) })
  }

  package func greatestOffDiagonal(_ matrix: Tensor) -> Tensor {
    outside(Device.cpu { cpu.greatestOffDiagonal(inside(matrix)) })
  }

  package func entropy(_ distributions: Tensor) -> Double {
    count(out: 8)
    return cpu.entropy(inside(distributions))
  }

  package func sinkhornKnopp(_ problem: SinkhornKnoppProblem) -> any BalancedTargets {
    let device = Device(self)
    let own = SinkhornKnoppProblem(
      samples: problem.samples, prototypes: problem.prototypes, temperature: problem.temperature,
      rounds: problem.rounds, keptElements: problem.keptElements
    ) { samples in self.inside(device { problem.logits(samples) }) }
    return GuardedTargets(targets: Device.cpu { cpu.sinkhornKnopp(own) }, outside: outside)
  }

  private struct GuardedTargets: BalancedTargets {
    let targets: any BalancedTargets
    let outside: (Tensor) -> Tensor

    func targets(_ samples: Range<Int>) -> Tensor { outside(Device.cpu { targets.targets(samples) }) }
  }

  package func tiles(of slice: Tensor, at placements: [TilePlacement], height: Int, width: Int) -> Tensor {
    outside(Device.cpu { cpu.tiles(of: inside(slice), at: placements, height: height, width: width) })
  }

  package func add(_ tiles: Tensor, weights: Tensor, at placements: [TilePlacement], to sums: Tensor) {
    cpu.add(inside(tiles), weights: inside(weights), at: placements, to: inside(sums))
  }
}
