import CTorchPlugin
import Random
import TestSupport
import Testing
import TorchBackend

/// The plugin's C interface, called with shapes, types and attributes that do not go together: an error each time, never a crash.
@Suite(.enabled(if: Torch.isThere, "no plugin is built: make torch-plugin")) struct TorchInterfaceTests {
  /// In a process of its own, which a crash would end.
  @Test func nonsenseIsAnErrorAndNoCrash() async throws {
    let result = await #expect(processExitsWith: .success, observing: [\.standardOutputContent]) {
      let plugin = try TorchPlugin.shared()
      var mischief = Mischief(plugin)
      for _ in 0..<20_000 { mischief.callAnOperation() }
      for _ in 0..<2000 { mischief.callAnythingElse() }
      print("\nrefused \(mischief.refused), done \(mischief.done)")
    }
    let output = String(decoding: try #require(result).standardOutputContent, as: UTF8.self)
    let counts = try #require(output.firstMatch(of: /refused (\d+), done (\d+)/))
    // Neither all of it is nonsense, nor is any nonsense taken.
    #expect(Int(counts.1)! > 10_000 && Int(counts.2)! > 500)
  }

  @Test func memoryThatIsNotThereIsAnErrorOfItsOwn() throws {
    let plugin = try TorchPlugin.shared()
    var block: OpaquePointer?
    #expect {
      try plugin.attempt { $0.allocate(-1, 1 << 60, &block) }
    } throws: { error in
      if case TorchFailure.outOfMemory? = error as? TorchFailure { true } else { false }
    }
    #expect(block == nil)
  }
}

/// Calls with whatever comes.
private struct Mischief {
  let plugin: TorchPlugin
  var random = CounterRandom(seed: 1, purpose: "mischief")
  var refused = 0
  var done = 0

  init(_ plugin: TorchPlugin) { self.plugin = plugin }

  private mutating func pick<Value>(_ values: [Value]) -> Value { values[random.integer(below: values.count)] }

  private mutating func number() -> Int64 {
    random.chance(0.05)
      ? pick([Int64.min, -1 << 40, 1 << 40, 1 << 62, .max]) : pick([-1, 0, 0, 1, 1, 1, 2, 2, 3, 4, 7])
  }

  /// A tensor with a block of its own, of a shape that may not fit it.
  private mutating func withTensors(_ count: Int, _ body: (inout Mischief, UnsafePointer<segtorch_tensor>) -> Void) {
    var shapes: [[Int64]] = []
    let rank = random.integer(below: 6)
    let common = (0..<6).map { _ in Int64(pick([0, 1, 2, 2, 3, 4, 8])) }
    for _ in 0..<count {
      let own = random.chance(0.3) ? random.integer(below: 7) : rank
      shapes.append((0..<own).map { random.chance(0.2) ? number() : common[$0 % 6] })
    }
    let flat = shapes.flatMap { $0 }
    var blocks: [OpaquePointer?] = []
    flat.withUnsafeBufferPointer { sizes in
      var tensors: [segtorch_tensor] = []
      var next = 0
      for shape in shapes {
        var elements: Int64 = 1
        for size in shape { elements = size < 0 || size > 100 ? 0 : elements * size }
        var block: OpaquePointer?
        _ = plugin.table.allocate(-1, random.chance(0.1) ? elements : 8 * elements, &block)
        blocks.append(block)
        let type = random.chance(0.1) ? Int32(random.integer(below: 5)) - 1 : pick([0, 0, 0, 1, 2])
        tensors.append(
          segtorch_tensor(
            block: random.chance(0.03) ? nil : block, offset: random.chance(0.05) ? number() : 0,
            shape: random.chance(0.01) ? nil : sizes.baseAddress.map { $0 + next },
            rank: random.chance(0.02) ? -1 : Int32(shape.count), type: type))
        next += shape.count
      }
      // A place for the one behind the last, so that an empty list has an address.
      tensors.append(segtorch_tensor())
      tensors.withUnsafeBufferPointer { body(&self, $0.baseAddress!) }
    }
    for block in blocks { plugin.table.release(block) }
  }

  private mutating func note(_ status: Int32) {
    if status == Int32(segtorch_ok.rawValue) { done += 1 } else { refused += 1 }
  }

  mutating func callAnOperation() {
    let kind = Int32(random.integer(below: 37)) - 1
    let integers = (0..<random.integer(below: 12)).map { _ in number() }
    let reals = (0..<random.integer(below: 3)).map { _ in pick([0.0, 1, -1, 0.5, 1e-5, .nan, .infinity]) }
    let count = 1 + random.integer(below: 5)
    let needed = (0..<count).map { _ in UInt8(random.integer(below: 2)) }
    let recorded = random.chance(0.5)
    withTensors(count) { own, tensors in
      integers.withUnsafeBufferPointer { integers in
        reals.withUnsafeBufferPointer { reals in
          var operation = segtorch_operation(
            kind: kind, inputs: own.pick([0, 0, 0, 1, 2, 3]), integer_count: Int32(integers.count),
            real_count: Int32(reals.count),
            integers: integers.baseAddress, reals: reals.baseAddress)
          var outputs: [OpaquePointer?] = [nil, nil, nil]
          var (made, record) = (Int32(0), OpaquePointer?.none)
          let table = own.plugin.table
          let status = needed.withUnsafeBufferPointer {
            table.forward(
              &operation, tensors, Int32(count), recorded ? $0.baseAddress : nil, &outputs, 3, &made, &record)
          }
          own.note(status)
          if let record {
            // The inputs in the gradients' place: hardly ever of the right shape.
            var results = [OpaquePointer?](repeating: nil, count: count)
            own.note(table.backward(record, tensors, made, &results, Int32(count)))
            own.note(table.backward(record, tensors, made, &results, Int32(count)))
            for result in results where result != nil { table.release(result) }
            table.release(record)
          }
          for output in outputs where output != nil { table.release(output) }
        }
      }
    }
  }

  mutating func callAnythingElse() {
    let (which, height, width) = (random.integer(below: 14), number(), number())
    withTensors(4) { own, tensors in
      let table = own.plugin.table
      var (block, value) = (OpaquePointer?.none, 0.0)
      var adamw = segtorch_adamw(rate: 1, decay: 0, beta1: 0.9, beta2: 0.9, epsilon: 0, gradient_scale: 0.5, step: 1)
      var sgd = segtorch_sgd(rate: 1, decay: 0, momentum: 0.9, gradient_scale: 1, nesterov: 1)
      var place = segtorch_placement(top: height, left: width, flips_rows: 1, flips_columns: 0)
      switch which {
      case 0: own.note(table.adamw(tensors, tensors + 1, tensors + 2, tensors + 3, &adamw))
      case 1: own.note(table.sgd(tensors, tensors + 1, tensors + 2, &sgd))
      case 2: own.note(table.lerp(tensors, tensors + 1, 0.5))
      case 3: own.note(table.sum_of_squares(tensors, 4, &value))
      case 4: own.note(table.overlap_counts(tensors, tensors + 1, nil, 0, &block))
      case 5: own.note(table.resized_labels(tensors, min(height, 99), min(width, 99), &block))
      case 6: own.note(table.greatest_off_diagonal(tensors, &block))
      case 7: own.note(table.entropy(tensors, &value))
      case 8: own.note(table.tiles(tensors, &place, 1, min(height, 99), min(width, 99), &block))
      case 9: own.note(table.add_tiles(tensors, tensors + 1, &place, 1, tensors + 2))
      case 10: own.note(table.accumulate(tensors, tensors + 1, &block))
      case 11: own.note(table.fill(tensors, 1))
      case 12: own.note(table.copy(tensors, tensors + 1))
      default:
        var state: OpaquePointer?
        own.note(table.sinkhorn_begin(-1, min(height, 9), Double(width), &state))
        own.note(table.sinkhorn_add(state, tensors))
        own.note(table.sinkhorn_end_round(state))
        own.note(table.sinkhorn_targets(state, tensors, &block))
        table.sinkhorn_release(state)
      }
      if let block { table.release(block) }
    }
  }
}
