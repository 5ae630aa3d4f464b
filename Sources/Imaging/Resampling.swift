import Kernels

/// How values between samples are found along one axis.
public enum ResamplingOrder: Sendable {
  /// The nearest sample.
  case nearest
  /// The cubic spline through the samples, continued flat beyond the first and the last.
  case cubic
}

/// Positions of a resampling along one axis: the centre of output k lies at (k + 1/2) inputs / outputs - 1/2, as in
/// scikit-image's `resize` and SciPy's `ndimage.zoom(grid_mode=True)`.
private func position(_ output: Int, inputs: Int, outputs: Int) -> Double {
  let zoom = Double(inputs) / Double(outputs)
  return (Double(output) + 0.5) * zoom - 0.5
}

/// Resamples intensity slices of one shape to another: cubic splines as `skimage.transform.resize(order=3, mode="edge",
/// anti_aliasing=False)` gives, or nearest samples along an axis that is to be kept apart.
public struct SliceResampler: Sendable {
  /// Height and width of the source and of the target.
  public let source: (height: Int, width: Int)
  public let target: (height: Int, width: Int)
  private let rows: AxisTable
  private let columns: AxisTable

  /// - Parameters: shapes with at least one row and one column; the order along rows (`y`) and along columns (`x`).
  public init(
    from source: (height: Int, width: Int), to target: (height: Int, width: Int), y: ResamplingOrder = .cubic,
    x: ResamplingOrder = .cubic
  ) {
    precondition(source.height > 0 && source.width > 0 && target.height > 0 && target.width > 0)
    self.source = source
    self.target = target
    rows = AxisTable(inputs: source.height, outputs: target.height, order: y)
    columns = AxisTable(inputs: source.width, outputs: target.width, order: x)
  }

  /// Whether source and target have the same shape; nnU-Net then leaves the values as they are.
  public var isIdentity: Bool { source == target }

  /// Resamples one slice.
  /// - Parameters:
  ///   - slice: the source, row by row.
  ///   - output: the target, row by row.
  ///   - range: values beyond it, where a spline overshoots, are set to its ends.
  ///   - scratch: any array; it grows to what is needed and may be given again.
  public func resample(
    _ slice: UnsafePointer<Float>, into output: UnsafeMutablePointer<Float>, clampedTo range: ClosedRange<Float>,
    scratch: inout [Float]
  ) {
    rows.withAxis { rows in
      columns.withAxis { columns in
        var rows = rows
        var columns = columns
        let needed = Int(resample_slice_scratch(&rows, &columns))
        if scratch.count < needed { scratch = [Float](repeating: 0, count: needed) }
        scratch.withUnsafeMutableBufferPointer {
          resample_slice(slice, output, &rows, &columns, range.lowerBound, range.upperBound, $0.baseAddress!)
        }
      }
    }
  }
}

/// The taps of one axis.
private struct AxisTable: Sendable {
  let inputs: Int
  let order: ResamplingOrder
  var first: [Int32] = []
  var weights: [Float] = []

  /// Repeated edge samples about the input before its spline coefficients are found.
  static let padding = 12

  init(inputs: Int, outputs: Int, order: ResamplingOrder) {
    self.inputs = inputs
    self.order = order
    first.reserveCapacity(outputs)
    weights.reserveCapacity(4 * outputs)
    for k in 0..<outputs {
      let at = position(k, inputs: inputs, outputs: outputs)
      switch order {
      case .nearest:
        first.append(Int32(min(max(0, (at + 0.5).rounded(.down)), Double(inputs - 1))))
        weights += [1, 0, 0, 0]
      case .cubic:
        let floor = at.rounded(.down)
        let t = at - floor
        let z = 1 - t
        let before = z * z * z / 6
        let left = (t * t * (t - 2) * 3 + 4) / 6
        let right = (z * z * (z - 2) * 3 + 4) / 6
        first.append(Int32(floor) - 1 + Int32(Self.padding))
        weights += [Float(before), Float(left), Float(right), Float(1 - before - left - right)]
      }
    }
  }

  func withAxis<R>(_ body: (resample_axis) -> R) -> R {
    first.withUnsafeBufferPointer { first in
      weights.withUnsafeBufferPointer { weights in
        body(
          resample_axis(
            inputs: Int32(inputs), outputs: Int32(first.count), padding: order == .cubic ? Int32(Self.padding) : 0,
            prefilter: order == .cubic ? 1 : 0, first: first.baseAddress, weights: weights.baseAddress))
      }
    }
  }
}

/// Resamples label slices, or finds the greatest of linearly resampled scores.
public struct LinearSliceResampler: Sendable {
  public let source: (height: Int, width: Int)
  public let target: (height: Int, width: Int)
  private let rows: LinearTable
  private let columns: LinearTable

  /// - Parameters: shapes with at least one row and one column; an axis whose `nearest` flag is set takes the nearest
  ///   sample.
  public init(
    from source: (height: Int, width: Int), to target: (height: Int, width: Int), nearestY: Bool = false,
    nearestX: Bool = false
  ) {
    precondition(source.height > 0 && source.width > 0 && target.height > 0 && target.width > 0)
    self.source = source
    self.target = target
    rows = LinearTable(inputs: source.height, outputs: target.height, nearest: nearestY)
    columns = LinearTable(inputs: source.width, outputs: target.width, nearest: nearestX)
  }

  /// Whether source and target have the same shape.
  public var isIdentity: Bool { source == target }

  /// Resamples one label slice: each label's indicator linearly, then the label with the greatest value. Where labels
  /// share it, the nearest sample's label wins if it is one of them, else the smallest.
  public func labels(_ slice: UnsafePointer<Int16>, into output: UnsafeMutablePointer<Int16>) {
    rows.withAxis { rows in
      columns.withAxis { columns in
        var rows = rows
        var columns = columns
        withUnsafeTemporaryAllocation(of: Int32.self, capacity: Int(resample_labels_scratch(&columns))) {
          resample_labels(slice, output, &rows, &columns, $0.baseAddress!)
        }
      }
    }
  }

  /// Resamples the scores of all classes linearly and gives the class with the greatest, the first of equals.
  /// - Parameters:
  ///   - scores: `classes` maps of the source's shape, each `classStride` floats behind the one before.
  ///   - output: the classes, row by row.
  public func greatestClass(
    _ scores: UnsafePointer<Float>, classes: Int, classStride: Int, into output: UnsafeMutablePointer<Int16>,
    scratch: inout [Float]
  ) {
    rows.withAxis { rows in
      columns.withAxis { columns in
        var rows = rows
        var columns = columns
        let needed = Int(resample_argmax_scratch(&rows, &columns))
        if scratch.count < needed { scratch = [Float](repeating: 0, count: needed) }
        scratch.withUnsafeMutableBufferPointer {
          resample_argmax(scores, Int64(classStride), Int32(classes), output, &rows, &columns, $0.baseAddress!)
        }
      }
    }
  }

  /// Resamples the logits of regions that may overlap linearly; where a region's logit exceeds `threshold`, its value is
  /// written over those of the regions before it. 0 where there is no region.
  /// - Parameters:
  ///   - logits: a map of the source's shape for each of the values, each `stride` floats behind the one before.
  ///   - output: the values, row by row.
  public func regions(
    _ logits: UnsafePointer<Float>, stride: Int, values: [Int16], above threshold: Float,
    into output: UnsafeMutablePointer<Int16>
  ) {
    rows.withAxis { rows in
      columns.withAxis { columns in
        var rows = rows
        var columns = columns
        resample_regions(logits, Int64(stride), Int32(values.count), values, threshold, output, &rows, &columns)
      }
    }
  }
}

/// The two neighbours of each output along one axis and their weights.
private struct LinearTable: Sendable {
  let inputs: Int
  var low: [Int32] = []
  var high: [Int32] = []
  var nearest: [Int32] = []
  var lowWeight: [Double] = []
  var highWeight: [Double] = []

  init(inputs: Int, outputs: Int, nearest onlyNearest: Bool) {
    self.inputs = inputs
    for k in 0..<outputs {
      let at = min(max(position(k, inputs: inputs, outputs: outputs), 0), Double(inputs - 1))
      let closest = Int32(min((at + 0.5).rounded(.down), Double(inputs - 1)))
      let floor = at.rounded(.down)
      nearest.append(closest)
      low.append(onlyNearest ? closest : Int32(floor))
      high.append(onlyNearest ? closest : min(Int32(floor) + 1, Int32(inputs - 1)))
      lowWeight.append(onlyNearest ? 1 : 1 - (at - floor))
      highWeight.append(onlyNearest ? 0 : 1 - lowWeight[k])
    }
  }

  func withAxis<R>(_ body: (linear_axis) -> R) -> R {
    low.withUnsafeBufferPointer { low in
      high.withUnsafeBufferPointer { high in
        nearest.withUnsafeBufferPointer { nearest in
          lowWeight.withUnsafeBufferPointer { lowWeight in
            highWeight.withUnsafeBufferPointer { highWeight in
              body(
                linear_axis(
                  inputs: Int32(inputs), outputs: Int32(low.count), low: low.baseAddress, high: high.baseAddress,
                  nearest: nearest.baseAddress, low_weight: lowWeight.baseAddress, high_weight: highWeight.baseAddress))
            }
          }
        }
      }
    }
  }
}

/// Where a resampling's outputs lie among its inputs.
public enum ResamplingPosition {
  /// The input nearest to each output.
  public static func nearest(inputs: Int, outputs: Int) -> [Int] {
    (0..<outputs).map { k in
      Int(min(max(0, (position(k, inputs: inputs, outputs: outputs) + 0.5).rounded(.down)), Double(inputs - 1)))
    }
  }
}
