import Datasets
import Files
import Foundation
import Random
import Tensors
import TestSupport
import Testing

/// What batchgeneratorsv2 made of the same patches with the same parameters (Benchmarks/peers/fixtures/augmentation.py).
private struct Peer {
  let tensors: [String: StoredTensor]

  init() throws {
    tensors = try Safetensors.read(
      fixture("augmentation.safetensors"))
  }

  func floats(_ name: String) -> [Float] { tensors[name]!.floats()! }

  func integers(_ name: String) -> [Int32] {
    tensors[name]!.data.withUnsafeBytes { bytes in
      (0..<(bytes.count / 4)).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Int32.self) }
    }
  }

  func rows(_ name: String) -> [[Int]] {
    let width = tensors[name]!.shape[1]
    let values = integers(name).map(Int.init)
    return stride(from: 0, to: values.count, by: width).map { Array(values[$0..<($0 + width)]) }
  }
}

private let patchSize = [40, 36]
private let cutSize = [51, 46]

private func apply(
  _ parameters: Augmentation.Parameters, _ peer: Peer, maskedChannels: [Int] = []
) -> (image: [Float], labels: [Int32]) {
  let augmentation = Augmentation(patchSize: patchSize, maskedChannels: maskedChannels)
  var image = [Float](repeating: .nan, count: 2 * 40 * 36)
  var labels = [Int32](repeating: -7, count: 40 * 36)
  augmentation.apply(
    parameters, image: peer.floats("cut.image"), labels: peer.integers("cut.labels").map { Int16($0) }, size: cutSize,
    channels: 2, into: &image, &labels, workspace: Augmentation.Workspace(for: augmentation))
  return (image, labels)
}

private func worst(_ a: [Float], _ b: [Float]) -> Float {
  #expect(a.count == b.count)
  return zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1)) }
}

private func channelwise<Value>(_ values: [Value]) -> [Augmentation.ChannelSetting<Value>] {
  values.enumerated().map { Augmentation.ChannelSetting(channel: $0.offset, value: $0.element) }
}

@Suite struct AugmentationParity {
  @Test(
    arguments: [
      ("crop", nil, nil), ("turned", 0.6, nil), ("quarter", 1.55, nil), ("shrunk", nil, 1.37),
      ("grown", nil, 0.71), ("both", -2.5, 1.2),
    ] as [(String, Double?, Double?)])
  func rotationAndScaling(name: String, angle: Double?, scale: Double?) throws {
    let peer = try Peer()
    var parameters = Augmentation.Parameters()
    parameters.rotation = angle
    parameters.scaling = scale
    let (image, labels) = apply(parameters, peer)
    #expect(worst(image, peer.floats("\(name).image")) < 2e-5)
    #expect(labels == peer.integers("\(name).labels").map { max($0, 0) })
  }

  @Test func intensities() throws {
    let peer = try Peer()
    func check(_ name: String, _ tolerance: Float, _ set: (inout Augmentation.Parameters) -> Void) {
      var parameters = Augmentation.Parameters()
      set(&parameters)
      let difference = worst(apply(parameters, peer).image, peer.floats("\(name).image"))
      #expect(difference < tolerance, "\(name) differs by \(difference)")
    }
    check("blur", 2e-6) { $0.blur = channelwise([[0.93, 0.55], [0.5, 1.0]]) }
    check("blur_one", 2e-6) { $0.blur = [Augmentation.ChannelSetting(channel: 1, value: [0.77, 0.81])] }
    check("brightness", 1e-6) { $0.brightness = [0.8, 1.17] }
    check("contrast", 2e-6) { $0.contrast = [0.77, 1.22] }
    check("low", 2e-6) { $0.lowResolution = channelwise([0.53, 0.875]) }
    check("inverted_gamma", 1e-5) { $0.invertedGamma = [0.72, 1.46] }
    check("gamma", 1e-5) { $0.gamma = [1.31, 0.83] }
  }

  @Test func wholeChainInOrder() throws {
    let peer = try Peer()
    var parameters = Augmentation.Parameters()
    parameters.rotation = 1.1
    parameters.scaling = 0.9
    parameters.blur = [Augmentation.ChannelSetting(channel: 0, value: [0.6, 0.9])]
    parameters.brightness = [1.1, 0.9]
    parameters.contrast = [1.2, 0.85]
    parameters.lowResolution = [Augmentation.ChannelSetting(channel: 1, value: 0.7)]
    parameters.invertedGamma = [0.9, 1.3]
    parameters.gamma = [1.2, 0.8]
    parameters.mirrorsRows = true
    parameters.mirrorsColumns = true
    let (image, labels) = apply(parameters, peer, maskedChannels: [1])
    #expect(worst(image, peer.floats("chain.image")) < 5e-5)
    #expect(labels == peer.integers("chain.labels"))
    for (index, size) in [(40, 36), (20, 18), (10, 18), (5, 9)].enumerated() {
      let target = Device.cpu.backend.resizedLabels(
        Tensor(labels, shape: [1, 40, 36]), height: size.0, width: size.1)
      #expect(target.values(as: Int32.self) == peer.integers("supervision.\(index)"))
      #expect(Array(target.shape.dropFirst()) == peer.tensors["supervision.\(index)"]!.shape)
    }
  }

  @Test func noiseIsNormalAndIndependent() throws {
    let augmentation = Augmentation(patchSize: [256, 256])
    let image = [Float](repeating: 0, count: 256 * 256)
    let labels = [Int16](repeating: 0, count: 256 * 256)
    func noise(key: SIMD2<UInt32>) -> [Float] {
      var parameters = Augmentation.Parameters()
      parameters.noise = Augmentation.Noise(deviation: 0.5, key: key)
      var out = image
      var outLabels = [Int32](repeating: 0, count: 256 * 256)
      augmentation.apply(
        parameters, image: image, labels: labels, size: [256, 256], channels: 1, into: &out, &outLabels,
        workspace: Augmentation.Workspace(for: augmentation))
      return out
    }
    let values = noise(key: [1, 2])
    let count = Double(values.count)
    let scaled = values.map { Double($0) / 0.5 }
    // Moments of the normal distribution within five standard errors.
    #expect(abs(scaled.reduce(0, +) / count) < 5 / count.squareRoot())
    #expect(abs(scaled.reduce(0) { $0 + $1 * $1 } / count - 1) < 5 * (2 / count).squareRoot())
    #expect(abs(scaled.reduce(0) { $0 + $1 * $1 * $1 } / count) < 5 * (15 / count).squareRoot())
    #expect(abs(scaled.reduce(0) { $0 + $1 * $1 * $1 * $1 } / count - 3) < 5 * (96 / count).squareRoot())
    for lag in [1, 2, 32, 64, 128] {
      let product = zip(scaled, scaled.dropFirst(lag)).reduce(0) { $0 + $1.0 * $1.1 }
      #expect(abs(product / (count - Double(lag))) < 5 / count.squareRoot(), "neighbours \(lag) apart")
    }
    // The distribution function at some places, within five standard errors.
    for (place, probability) in [
      (-2.0, 0.022750), (-1, 0.158655), (-0.3, 0.382089), (0, 0.5), (0.7, 0.758036), (2.5, 0.993790),
    ] {
      let below = Double(scaled.filter { $0 < place }.count) / count
      #expect(abs(below - probability) < 5 * (probability * (1 - probability) / count).squareRoot(), "below \(place)")
    }
    #expect(noise(key: [1, 2]) == values)
    #expect(noise(key: [1, 3]) != values)
  }

  @Test func parametersAreDistributedAsThePeers() throws {
    let peer = try Peer()
    let augmentation = Augmentation(patchSize: patchSize)
    let draws = 20_000
    var values = [[Double]](repeating: [], count: 11)
    for sample in 0..<draws {
      var random = CounterRandom(seed: 11, purpose: "distribution", sample: sample)
      let drawn = augmentation.draw(channels: 1, random: &random)
      let all: [[Double]] = [
        drawn.rotation.map { [$0] } ?? [], drawn.scaling.map { [$0] } ?? [], drawn.noise.map { [$0.deviation] } ?? [],
        drawn.blur.map { $0.value[0] }, drawn.brightness, drawn.contrast, drawn.lowResolution.map(\.value),
        drawn.invertedGamma, drawn.gamma, drawn.mirrorsRows ? [1] : [], drawn.mirrorsColumns ? [1] : [],
      ]
      for (index, drawn) in all.enumerated() { values[index] += drawn }
    }
    let expected = peer.floats("distributions")
    for (index, found) in values.enumerated() {
      let row = expected[(5 * index)..<(5 * index + 5)].map(Double.init)
      let share = Double(found.count) / Double(draws)
      // Both sides are samples: five standard errors of their difference.
      #expect(abs(share - row[0]) < 5 * (2 * row[0] * (1 - row[0]) / Double(draws)).squareRoot(), "share \(index)")
      let count = Double(found.count)
      let mean = found.reduce(0, +) / count
      let deviation = (found.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count).squareRoot()
      let tolerance = 5 * row[2] * (2 / count).squareRoot() + 1e-6
      #expect(abs(mean - row[1]) < tolerance, "mean \(index)")
      #expect(abs(deviation - row[2]) < tolerance, "deviation \(index)")
      let margin = 0.02 * (row[4] - row[3]) + 1e-6
      #expect(abs(found.min()! - row[3]) < margin && abs(found.max()! - row[4]) < margin, "range \(index)")
    }
  }

  @Test func cutsAreAsLargeAsThePeers() throws {
    for row in try Peer().rows("initial_sizes") {
      #expect(Augmentation(patchSize: [row[0], row[1]]).initialPatchSize == [row[2], row[3]])
    }
  }

  @Test func placesAreThePeers() throws {
    let peer = try Peer()
    for row in peer.rows("loader.places") {
      let source = PatchPlaces(patch: Array(row[3..<5]), cut: Array(row[5..<7]))
      let (lower, upper) = source.corners(shape: Array(row[0..<3]))
      #expect(lower == Array(row[7..<10]))
      #expect(upper == Array(row[10..<13]))
      #expect(source.corner(around: Array(row[13..<16]), lower: lower) == Array(row[16..<19]))
    }
    for (index, count) in peer.integers("loader.foreground").enumerated() {
      #expect(BatchSource.foregroundCount(batchSize: index + 1, share: 0.33) == Int(count))
    }
  }
}
