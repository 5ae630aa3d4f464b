import Experiments
import Files
import Foundation

/// A TensorBoard event file: `Event` messages (tensorflow/core/util/event.proto) in TFRecord frames, each with CRC-32C checksums
/// of its length and of its bytes.
public enum TensorBoardEvents {
  /// Writes a run's series and its recipe into `folder/events.out.tfevents.SECONDS.segbench`, which appears whole; an earlier file
  /// of the run there is replaced.
  /// - Returns: the file.
  /// - Throws: `FileError`, `DiskFailure`.
  public static func write(_ series: RunSeries, recipe: String, to folder: URL) throws -> URL {
    try makeFolder(folder)
    let seconds = Int(max(0, series.start.timeIntervalSince1970))
    let name = "events.out.tfevents." + String(format: "%010d", seconds) + ".segbench"
    for old in try FileManager.default.contentsOfDirectory(atPath: folder.path)
    where old.hasPrefix("events.out.tfevents.") && old.hasSuffix(".segbench") && old != name {
      try FileManager.default.removeItem(at: folder.appendingPathComponent(old))
    }
    let file = folder.appendingPathComponent(name)
    try AtomicFile.write(data(series, recipe: recipe), to: file)
    return file
  }

  /// The file's bytes.
  package static func data(_ series: RunSeries, recipe: String) -> Data {
    var file = Data()
    func add(step: Int, time: Date, _ content: (inout ProtobufWriter) -> Void) {
      var event = ProtobufWriter()
      event.write(1, time.timeIntervalSince1970)
      if step != 0 { event.write(2, Int64(step)) }
      content(&event)
      append(event.data, to: &file)
    }
    add(step: 0, time: series.start) { $0.write(3, "brain.Event:2") }
    add(step: 0, time: series.start) { event in
      event.write(5) { summary in summary.write(1) { text(&$0, tag: "recipe", "```yaml\n\(recipe)\n```") } }
    }
    for (name, points) in series.series {
      for point in points {
        add(step: point.step, time: point.time) { event in
          event.write(5) { summary in
            summary.write(1) { value in
              value.write(1, name)
              value.write(2, Float(point.value))
            }
          }
        }
      }
    }
    return file
  }

  /// A `Summary.Value` that the text plugin shows as Markdown: a tensor of one string.
  private static func text(_ value: inout ProtobufWriter, tag: String, _ text: String) {
    value.write(1, tag)
    value.write(9) { metadata in metadata.write(1) { $0.write(1, "text") } }
    value.write(8) { tensor in
      tensor.write(1, Int64(7))  // DT_STRING
      tensor.write(2) { shape in shape.write(2) { $0.write(1, Int64(1)) } }
      tensor.write(8, text)
    }
  }

  private static func append(_ message: Data, to file: inout Data) {
    let length = withUnsafeBytes(of: UInt64(message.count).littleEndian) { Data($0) }
    for part in [length, message] {
      file.append(part)
      withUnsafeBytes(of: masked(CRC32C.checksum(of: part)).littleEndian) { file.append(contentsOf: $0) }
    }
  }

  /// TFRecord's mask: a checksum of data that hold checksums is a weak one.
  private static func masked(_ checksum: UInt32) -> UInt32 { (checksum >> 15 | checksum << 17) &+ 0xA282_EAD8 }
}

/// CRC-32C (Castagnoli, polynomial 0x1EDC6F41, bits reversed).
package enum CRC32C {
  private static let table: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0x82F6_3B78 : value >> 1 }
  }

  package static func checksum(of data: Data) -> UInt32 {
    ~data.reduce(~UInt32(0)) { table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] ^ $0 >> 8 }
  }
}
