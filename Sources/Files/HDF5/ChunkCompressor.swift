import CZlib
import Foundation

/// Compresses chunks as HDF5's shuffle and deflate filters do, for `HDF5File.writeChunk`; any HDF5 reads the result.
///
/// The bytes of the elements are sorted by significance. Of floats only the most significant bytes, sign and exponent, are
/// worth zlib's time: the others, near to noise in resampled images, go into the stream as they are. A CT shrinks to four
/// fifths, where zlib on everything takes several times as long. Of integers everything is compressed.
///
/// One thread at a time may use it.
public final class ChunkCompressor {
  private var stream = z_stream()
  private var planes: [UInt8] = []
  private var output: [UInt8] = []

  public init() {
    guard czlib_deflate_init(&stream, Z_NO_COMPRESSION) == Z_OK else {
      let sentence =
        "segbench: out of memory: zlib asked for a quarter of a MiB for its state, which is not to be had\n"
      _ = sentence.withCString { write(2, $0, strlen($0)) }
      exit(1)
    }
  }

  deinit { deflateEnd(&stream) }

  /// The compressed bytes of a chunk's elements, good until the next call.
  func compress<Element: HDF5Element>(_ values: UnsafeBufferPointer<Element>) -> UnsafeRawBufferPointer {
    let size = MemoryLayout<Element>.size
    let isFloatingPoint = Element.self == Float.self || Element.self == Double.self
    let storedCount = isFloatingPoint ? (size - 1) * values.count : 0
    sortBytes(of: UnsafeRawBufferPointer(values), elementSize: size)
    deflateReset(&stream)
    let bound = Int(deflateBound(&stream, uLong(planes.count))) + 64
    if output.count < bound { output = [UInt8](repeating: 0, count: bound) }
    let written = planes.withUnsafeMutableBufferPointer { planes in
      output.withUnsafeMutableBufferPointer { output in
        stream.next_out = output.baseAddress
        stream.avail_out = uInt(output.count)
        stream.next_in = planes.baseAddress
        if storedCount > 0 {
          deflateParams(&stream, Z_NO_COMPRESSION, Z_DEFAULT_STRATEGY)
          stream.avail_in = uInt(storedCount)
          deflate(&stream, Z_NO_FLUSH)
        }
        deflateParams(&stream, Z_BEST_SPEED, Z_RLE)
        stream.avail_in += uInt(planes.count - storedCount)
        let state = deflate(&stream, Z_FINISH)
        precondition(state == Z_STREAM_END, "zlib's own bound was too small")
        return output.count - Int(stream.avail_out)
      }
    }
    return output.withUnsafeBytes { UnsafeRawBufferPointer(rebasing: $0[..<written]) }
  }

  /// First the lowest byte of every element, then the next: what HDF5's shuffle filter does, on a little-endian machine.
  private func sortBytes(of bytes: UnsafeRawBufferPointer, elementSize size: Int) {
    if planes.count != bytes.count { planes = [UInt8](repeating: 0, count: bytes.count) }
    let count = bytes.count / size
    planes.withUnsafeMutableBufferPointer { planes in
      guard let source = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), let target = planes.baseAddress else {
        return
      }
      switch size {
      case 1: target.update(from: source, count: count)
      case 4:
        for i in 0..<count {
          target[i] = source[4 * i]
          target[count + i] = source[4 * i + 1]
          target[2 * count + i] = source[4 * i + 2]
          target[3 * count + i] = source[4 * i + 3]
        }
      default:
        for plane in 0..<size {
          for i in 0..<count { target[plane * count + i] = source[size * i + plane] }
        }
      }
    }
  }
}
