import Files
import Foundation
import Imaging

/// The statistics of one channel over sampled foreground voxels, in the image's own unit (HU in CT).
public struct IntensityProperties: Sendable, Equatable {
  public var mean, median, standardDeviation, minimum, maximum: Double
  /// The percentiles 0.5 and 99.5, between which CT intensities are clipped.
  public var percentile00_5, percentile99_5: Double

  var json: JSONValue {
    [
      "max": .number(maximum), "mean": .number(mean), "median": .number(median), "min": .number(minimum),
      "percentile_00_5": .number(percentile00_5), "percentile_99_5": .number(percentile99_5),
      "std": .number(standardDeviation),
    ]
  }

  /// - Throws: `DatasetError` when a field is missing or no number. A NaN, which a dataset without any label has, is
  ///   read.
  init(_ json: JSONValue, path: String, channel: Int) throws {
    func field(_ key: String) throws -> Double {
      guard let value = json[key]?.double else {
        throw DatasetError(
          "\(path): foreground_intensity_properties_per_channel of channel \(channel) needs a number under \"\(key)\".")
      }
      return value
    }
    maximum = try field("max")
    mean = try field("mean")
    median = try field("median")
    minimum = try field("min")
    percentile00_5 = try field("percentile_00_5")
    percentile99_5 = try field("percentile_99_5")
    standardDeviation = try field("std")
  }

  /// The statistics of samples as NumPy computes them.
  init(_ samples: UnsafeBufferPointer<Float>, inDoubles: Bool) {
    let percentiles = NumPyStatistics.percentiles(samples, [0.5, 50, 99.5], inDoubles: inDoubles)
    percentile00_5 = percentiles[0]
    median = percentiles[1]
    percentile99_5 = percentiles[2]
    if inDoubles {
      let sum = samples.reduce(0.0) { $0 + Double($1) }
      let center = sum / Double(samples.count)
      mean = center
      standardDeviation =
        (samples.reduce(0.0) { $0 + (Double($1) - center) * (Double($1) - center) } / Double(samples.count))
        .squareRoot()
    } else {
      mean = Double(NumPyStatistics.mean(samples))
      standardDeviation = Double(NumPyStatistics.standardDeviation(samples))
    }
    minimum = Double(samples.min() ?? .nan)
    maximum = Double(samples.max() ?? .nan)
  }
}

/// What nnU-Net's planning needs to know of a dataset: `dataset_fingerprint.json`.
public struct Fingerprint: Sendable, Equatable {
  /// Of every case, sorted by name: voxels [z, y, x] after cropping to the nonzero region, and spacing [z, y, x] in mm.
  public var shapesAfterCrop: [[Int]]
  public var spacings: [[Double]]
  public var intensities: [IntensityProperties]
  /// The median over cases of the share of voxels that cropping leaves.
  public var medianRelativeSizeAfterCropping: Double

  /// Reads all training cases, several at a time.
  /// - Parameter foregroundSamples: how many foreground voxels are drawn over the whole dataset; nnU-Net draws as many.
  /// - Throws: what reading a volume throws, and `DatasetError` when image and label differ in shape, or no case has
  ///   foreground.
  public init(
    _ dataset: RawDataset, foregroundSamples: Int = 100_000_000,
    workers: Int = ProcessInfo.processInfo.activeProcessorCount, progress: Files.Progress = .silent
  ) throws {
    let cases = dataset.cases
    let channels = dataset.description.channelNames.count
    let samplesPerCase = max(1, foregroundSamples / cases.count)
    // Each case's samples go to their place in one list a channel.
    let samples = (0..<channels).map { _ in
      UnsafeMutableBufferPointer<Float>.allocate(capacity: cases.count * samplesPerCase)
    }
    defer { for list in samples { list.deallocate() } }
    let lists = samples.map { SharedPointer($0.baseAddress!) }
    let counter = ProgressCounter(total: cases.count, progress: progress)
    let atOnce = CaseMemory.divide(cases, workers: workers).cases
    let results = try concurrentMap(cases.count, workers: atOnce) { index -> CaseSummary in
      let places = lists.map {
        UnsafeMutableBufferPointer(start: $0.base + index * samplesPerCase, count: samplesPerCase)
      }
      let summary = try CaseSummary(
        cases[index], samples: places, valueCount: dataset.description.valueCount)
      counter.advance(note: cases[index].name)
      return summary
    }
    shapesAfterCrop = results.map(\.shape)
    spacings = results.map(\.spacing)
    medianRelativeSizeAfterCropping = NumPyStatistics.median(results.map(\.relativeSize))
    let sampled = results.indices.filter { results[$0].hasForeground }
    guard !sampled.isEmpty else {
      throw DatasetError(
        "\(dataset.directory.path): no label map has any foreground; nothing could be learnt from this dataset.")
    }
    intensities = try concurrentMap(channels, workers: workers) { channel in
      // Cases without foreground leave gaps, which are closed.
      let list = lists[channel].base
      for (place, index) in sampled.enumerated() where place != index {
        (list + place * samplesPerCase).update(from: list + index * samplesPerCase, count: samplesPerCase)
      }
      // Such a case makes NumPy join an empty list of doubles to the others: it then works in doubles.
      let all = UnsafeBufferPointer(start: list, count: sampled.count * samplesPerCase)
      return IntensityProperties(all, inDoubles: sampled.count < results.count)
    }
  }

  /// Reads a `dataset_fingerprint.json`.
  /// - Throws: `DatasetError` or `JSONError`.
  public init(contentsOf url: URL) throws {
    let document = try JSONValue.read(url)
    let path = url.path
    guard let shapes = document["shapes_after_crop"]?.array?.compactMap(\.ints),
      let spacings = document["spacings"]?.array?.compactMap(\.doubles), !shapes.isEmpty,
      shapes.count == spacings.count,
      shapes.allSatisfy({ $0.count == 3 && $0.allSatisfy { $0 > 0 } }),
      spacings.allSatisfy({ $0.count == 3 && $0.allSatisfy { $0 > 0 && $0.isFinite } })
    else {
      throw DatasetError(
        "\(path): \"shapes_after_crop\" and \"spacings\" must be lists of equal length, three positive numbers a case.")
    }
    guard let relative = document["median_relative_size_after_cropping"]?.double else {
      throw DatasetError("\(path): \"median_relative_size_after_cropping\" must be a number.")
    }
    shapesAfterCrop = shapes
    self.spacings = spacings
    medianRelativeSizeAfterCropping = relative
    intensities = try IntensityProperties.all(in: document, path: path)
  }

  /// The text of `dataset_fingerprint.json`.
  public var json: JSONValue {
    [
      "foreground_intensity_properties_per_channel": IntensityProperties.json(intensities),
      "median_relative_size_after_cropping": .number(medianRelativeSizeAfterCropping),
      "shapes_after_crop": .array(shapesAfterCrop.map { JSONValue($0) }),
      "spacings": .array(spacings.map { JSONValue($0) }),
    ]
  }

  /// Writes `dataset_fingerprint.json`.
  public func write(to url: URL) throws {
    try AtomicFile.write(Data(json.text().utf8), to: url)
  }
}

extension IntensityProperties {
  static func json(_ channels: [IntensityProperties]) -> JSONValue {
    .object(channels.enumerated().map { .init(String($0.offset), $0.element.json) })
  }

  static func all(in document: JSONValue, path: String) throws -> [IntensityProperties] {
    guard let members = document["foreground_intensity_properties_per_channel"]?.object, !members.isEmpty,
      members.count <= DatasetDescription.greatestChannelCount
    else {
      throw DatasetError(
        "\(path): \"foreground_intensity_properties_per_channel\" must be an object with the channels \"0\", \"1\", ..."
      )
    }
    return try members.indices.map { channel in
      guard let member = members.first(where: { $0.key == String(channel) }) else {
        throw DatasetError("\(path): \"foreground_intensity_properties_per_channel\" lacks the channel \"\(channel)\".")
      }
      return try IntensityProperties(member.value, path: path, channel: channel)
    }
  }
}

/// What one case adds to the fingerprint.
private struct CaseSummary: Sendable {
  var shape: [Int]
  var spacing: [Double]
  var relativeSize: Double
  var hasForeground: Bool

  /// - Parameter samples: for each channel a list that is filled with foreground intensities drawn with replacement;
  ///   left as it is when there is no foreground.
  init(_ source: RawDataset.Case, samples: [UnsafeMutableBufferPointer<Float>], valueCount: Int) throws {
    let volumes = try CaseVolumes(source)
    guard let label = volumes.label else {
      throw DatasetError("\(source.name): a case without a label map cannot be fingerprinted.")
    }
    try volumes.requireLabels(valueCount: valueCount)
    let crop = NonzeroRegion.bounds(of: volumes.images)
    shape = crop.map(\.count)
    spacing = volumes.images[0].spacing
    relativeSize = Double(shape.reduce(1, *)) / Double(label.voxels.count)

    // The foreground voxels of the cropped volume in memory order.
    let extent = volumes.images[0].shape
    let foreground: [UInt32] = label.voxels.withUnsafeBufferPointer { label in
      var found: [UInt32] = []
      for z in crop[0] {
        for y in crop[1] {
          let row = (z * extent[1] + y) * extent[2]
          for x in crop[2] where label[row + x] > 0 { found.append(UInt32(row + x)) }
        }
      }
      return found
    }
    hasForeground = !foreground.isEmpty
    guard hasForeground else { return }
    let last = UInt32(foreground.count - 1)
    var random = NumPyRandom(seed: 1234)
    for (image, list) in zip(volumes.images, samples) {
      // Gathered first: random draws then jump within the foreground only.
      let values: [Float] =
        switch image {
        case .integers(let volume): foreground.map { Float(volume.voxels[Int($0)]) }
        case .floats(let volume): foreground.map { volume.voxels[Int($0)] }
        }
      values.withUnsafeBufferPointer { values in
        withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 4096) { places in
          for start in stride(from: 0, to: list.count, by: places.count) {
            let part = UnsafeMutableBufferPointer(rebasing: places[..<min(places.count, list.count - start)])
            random.fill(part, upTo: last)
            for i in part.indices { list[start + i] = values[Int(part[i])] }
          }
        }
      }
    }
  }
}
