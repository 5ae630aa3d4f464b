import Files
import Foundation
import Tensors

/// Everything that a training needs to go on as if it had never stopped, in one HDF5 file.
///
///     /                       attributes: format, kind, configuration, counters (int64)
///     /parameters/<set>/<name>          float32
///     /moments/<name>/<index>           float32, the optimiser's state in its own order
///     /moments/updates                  int64, its counts, if it counts
///     /curves/<name>                    float64
///
/// Equal trainings write equal bytes: no clock time is in the file.
public struct Checkpoint {
  /// What was trained how, such as "supervised training".
  public var kind: String
  /// The digest of whatever determines the training; a checkpoint of another one is refused.
  public var configuration: String
  /// How far the training has come, in counters of the trainer's own.
  public var counters: [(name: String, value: Int)]
  /// One array of numbers for each curve.
  public var curves: [(name: String, values: [Double])]

  static let format = "segbench checkpoint 1"

  /// After so long without one a training writes a checkpoint, however few steps it took: what a killed process can lose.
  public static let longestWait = Duration.seconds(15 * 60)

  public init(
    kind: String, configuration: String, counters: [(name: String, value: Int)] = [],
    curves: [(name: String, values: [Double])] = []
  ) {
    self.kind = kind
    self.configuration = configuration
    self.counters = counters
    self.curves = curves
  }

  /// A set of parameters under a name of its own, such as "student" and "teacher".
  public typealias ParameterSet = (name: String, parameters: [Parameter])

  /// Writes the checkpoint with the parameters' values and the optimiser's moments; the file appears whole. The one it
  /// replaces is kept beside it as previous.h5.
  public func write(to url: URL, _ sets: [ParameterSet], optimizer: any Optimizer) throws {
    let previous = url.deletingLastPathComponent().appendingPathComponent("previous.h5")
    unlink(previous.path)
    link(url.path, previous.path)
    try HDF5File.create(url, sealed: true) { file in
      try file.setAttribute("format", of: "/", to: Self.format)
      try file.setAttribute("kind", of: "/", to: kind)
      try file.setAttribute("configuration", of: "/", to: configuration)
      for counter in counters { try file.setAttribute(counter.name, of: "/", to: counter.value) }
      for set in sets {
        for parameter in set.parameters {
          let name = "parameters/\(set.name)/\(parameter.name)"
          try file.write(parameter.value.values(as: Float.self), shape: parameter.shape, to: name)
        }
      }
      let state = optimizer.state
      for (name, arrays) in state.arrays {
        for (index, values) in arrays.enumerated() {
          try file.write(values.values(as: Float.self), shape: values.shape, to: "moments/\(name)/\(index)")
        }
      }
      if !state.updates.isEmpty {
        try file.write(state.updates.map(Int64.init), shape: [state.updates.count], to: "moments/updates")
      }
      for curve in curves { try file.write(curve.values, shape: [curve.values.count], to: "curves/\(curve.name)") }
    }
  }

  /// Reads the checkpoint at `url` into the parameters and the optimiser. Nothing is changed when it throws.
  /// - Parameters:
  ///   - counters: the names of the counters to read; each must be there and not negative.
  ///   - curves: the names of the curves to read.
  /// - Throws: `CheckpointError`, `HDF5Error`, `FileError`.
  public static func read(
    _ url: URL, kind: String, configuration: String, counters: [String], curves: [String], _ sets: [ParameterSet],
    optimizer: any Optimizer
  ) throws -> Checkpoint {
    let file = try open(url, kind: kind)
    let found = try file.attribute("configuration", of: "/")
    guard found == configuration else {
      throw CheckpointError.otherConfiguration(path: url.path, found: found, expected: configuration)
    }
    var result = Checkpoint(kind: kind, configuration: configuration)
    for name in counters {
      let values = try file.attribute(name, of: "/", as: Int.self)
      guard values.count == 1, values[0] >= 0 else {
        throw CheckpointError.inconsistent(path: url.path, problem: "its counter \(name) is \(values)")
      }
      result.counters.append((name, values[0]))
    }
    for name in curves { result.curves.append((name, try file.read("curves/\(name)", as: Double.self).values)) }

    let parameters = try sets.map { try values(of: $0, in: file, url) }
    var state = optimizer.state
    if !state.updates.isEmpty {
      let updates = try array("moments/updates", of: Int64.self, [state.updates.count], in: file, url)
      guard updates.allSatisfy({ $0 >= 0 && $0 < 1 << 53 }) else {
        throw CheckpointError.inconsistent(path: url.path, problem: "its counts of updates are \(updates)")
      }
      state.updates = updates.map(Int.init)
    }
    for (place, (name, own)) in state.arrays.enumerated() {
      state.arrays[place].values = try own.enumerated().map { index, values in
        let read = try array("moments/\(name)/\(index)", of: Float.self, values.shape, in: file, url)
        return values.device { Tensor(read, shape: values.shape) }
      }
    }
    for (set, values) in zip(sets, parameters) { Self.set(set.parameters, to: values) }
    optimizer.state = state
    return result
  }

  /// Reads only the weights of one set, as prediction does.
  /// - Throws: `CheckpointError`, `HDF5Error`, `FileError`.
  public static func readParameters(_ url: URL, kind: String, _ set: ParameterSet) throws {
    let file = try open(url, kind: kind)
    Self.set(set.parameters, to: try values(of: set, in: file, url))
  }

  /// SHA-256 of the names, shapes and values of parameters, in order: what two equal trainings share, whatever file it is in.
  public static func digest(of parameters: [Parameter]) -> String {
    var stream = SHA256Stream()
    for parameter in parameters {
      stream.update(Data("\(parameter.name) \(parameter.shape)\n".utf8))
      parameter.value.moved(to: .cpu).withUnsafeElements(of: Float.self) { stream.update(UnsafeRawBufferPointer($0)) }
    }
    return stream.finish()
  }

  // MARK: - Steps of the above

  private static func open(_ url: URL, kind: String) throws -> HDF5File {
    let file = try HDF5File(readingSealed: url)
    guard file.hasAttribute("format", of: "/"), try file.attribute("format", of: "/") == format,
      try file.attribute("kind", of: "/") == kind
    else { throw CheckpointError.notACheckpoint(path: url.path, expected: kind) }
    return file
  }

  private static func values(of set: ParameterSet, in file: HDF5File, _ url: URL) throws -> [[Float]] {
    let group = "parameters/\(set.name)"
    let expected = Set(set.parameters.map(\.name))
    precondition(expected.count == set.parameters.count, "two parameters share a name")
    if let stranger = try file.names(in: group).first(where: { !expected.contains($0) }) {
      throw CheckpointError.otherNetwork(path: url.path, problem: "it has \(stranger), which this network lacks")
    }
    return try set.parameters.map { try array("\(group)/\($0.name)", of: Float.self, $0.shape, in: file, url) }
  }

  private static func set(_ parameters: [Parameter], to values: [[Float]]) {
    for (parameter, values) in zip(parameters, values) { parameter.set(Tensor(values, shape: parameter.shape)) }
  }

  private static func array<Element: HDF5Element>(
    _ name: String, of type: Element.Type, _ shape: [Int], in file: HDF5File, _ url: URL
  ) throws -> [Element] {
    guard file.exists(name) else {
      throw CheckpointError.otherNetwork(path: url.path, problem: "it lacks \(name)")
    }
    let found = try file.shape(of: name)
    guard found == shape else {
      throw CheckpointError.otherNetwork(path: url.path, problem: "\(name) has the shape \(found), not \(shape)")
    }
    return try file.read(name, as: type).values
  }
}
