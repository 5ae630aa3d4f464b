/// Stored voxels to Float.
enum ImageConversion {
  /// Converts a block and returns how many results are not finite numbers.
  static func convert(
    _ block: UnsafeRawBufferPointer, header: NIfTIHeader, into output: UnsafeMutableBufferPointer<Float>,
    from first: Int
  ) -> Int {
    let scale = header.slope == 1 && header.intercept == 0 ? nil : (header.slope, header.intercept)
    let output = UnsafeMutableBufferPointer(rebasing: output[first...])
    switch header.voxelType {
    case .uint8: return integers(UInt8.self, block, scale, output)
    case .int8: return integers(Int8.self, block, scale, output)
    case .uint16: return integers(UInt16.self, block, scale, output)
    case .int16: return integers(Int16.self, block, scale, output)
    case .uint32: return integers(UInt32.self, block, scale, output)
    case .int32: return integers(Int32.self, block, scale, output)
    case .uint64: return integers(UInt64.self, block, scale, output)
    case .int64: return integers(Int64.self, block, scale, output)
    case .float32: return floats(Float.self, block, scale, output)
    case .float64: return floats(Double.self, block, scale, output)
    }
  }

  @inline(__always)
  private static func integers<Stored: FixedWidthInteger & BitwiseCopyable>(
    _: Stored.Type, _ block: UnsafeRawBufferPointer, _ scale: (Double, Double)?,
    _ output: UnsafeMutableBufferPointer<Float>
  ) -> Int {
    let stored = block.assumingMemoryBound(to: Stored.self)
    guard let (slope, intercept) = scale else {
      for index in stored.indices { output[index] = Float(stored[index]) }
      return 0
    }
    var nonFinite = 0
    for index in stored.indices {
      let value = Float(Double(stored[index]) * slope + intercept)
      output[index] = value
      nonFinite += value.isFinite ? 0 : 1
    }
    return nonFinite
  }

  @inline(__always)
  private static func floats<Stored: BinaryFloatingPoint & BitwiseCopyable>(
    _: Stored.Type, _ block: UnsafeRawBufferPointer, _ scale: (Double, Double)?,
    _ output: UnsafeMutableBufferPointer<Float>
  ) -> Int {
    let stored = block.assumingMemoryBound(to: Stored.self)
    let (slope, intercept) = scale ?? (1, 0)
    let isScaled = scale != nil
    var nonFinite = 0
    for index in stored.indices {
      let value = isScaled ? Float(Double(stored[index]) * slope + intercept) : Float(stored[index])
      output[index] = value
      nonFinite += value.isFinite ? 0 : 1
    }
    return nonFinite
  }
}

/// Stored voxels to labels.
enum LabelConversion {
  /// Converts a block; the index and value of the first voxel that is no whole number of 16 bits, or nil.
  static func convert(
    _ block: UnsafeRawBufferPointer, header: NIfTIHeader, into output: UnsafeMutableBufferPointer<Int16>,
    from first: Int
  ) -> (index: Int, value: Double)? {
    let isScaled = header.slope != 1 || header.intercept != 0
    func scaled(_ value: Double) -> Double { isScaled ? value * header.slope + header.intercept : value }
    let output = UnsafeMutableBufferPointer(rebasing: output[first...])
    let problem: (index: Int, value: Double)?
    switch header.voxelType {
    case .uint8 where !isScaled:
      let stored = block.assumingMemoryBound(to: UInt8.self)
      for index in stored.indices { output[index] = Int16(stored[index]) }
      problem = nil
    case .int16 where !isScaled:
      let stored = block.assumingMemoryBound(to: Int16.self)
      for index in stored.indices { output[index] = stored[index] }
      problem = nil
    case .uint8: problem = whole(UInt8.self, block, output) { scaled(Double($0)) }
    case .int8: problem = whole(Int8.self, block, output) { scaled(Double($0)) }
    case .uint16: problem = whole(UInt16.self, block, output) { scaled(Double($0)) }
    case .int16: problem = whole(Int16.self, block, output) { scaled(Double($0)) }
    case .uint32: problem = whole(UInt32.self, block, output) { scaled(Double($0)) }
    case .int32: problem = whole(Int32.self, block, output) { scaled(Double($0)) }
    case .uint64: problem = whole(UInt64.self, block, output) { scaled(Double($0)) }
    case .int64: problem = whole(Int64.self, block, output) { scaled(Double($0)) }
    case .float32: problem = whole(Float.self, block, output) { scaled(Double($0)) }
    case .float64: problem = whole(Double.self, block, output) { scaled($0) }
    }
    return problem.map { (first + $0.index, $0.value) }
  }

  @inline(__always)
  private static func whole<Stored: BitwiseCopyable>(
    _: Stored.Type, _ block: UnsafeRawBufferPointer, _ output: UnsafeMutableBufferPointer<Int16>,
    _ value: (Stored) -> Double
  ) -> (index: Int, value: Double)? {
    let stored = block.assumingMemoryBound(to: Stored.self)
    for index in stored.indices {
      let number = value(stored[index])
      guard let label = Int16(exactly: number) else { return (index, number) }
      output[index] = label
    }
    return nil
  }
}
