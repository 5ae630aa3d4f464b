#if os(Linux)
  import Foundation
  import Glibc
  import TestSupport
  import Testing

  /// The program takes nothing from the C library's mathematics but what is exact, or rounded once, on every machine: other
  /// functions give other bits with another version of the library. Its own are in Sources/Elementary.
  @Suite struct ImportedFunctionTests {
    /// Exact or correctly rounded by the standard, in double and in single precision.
    private static let allowed = Set(
      [
        "sqrt", "fma", "fmod", "remainder", "floor", "ceil", "trunc", "round", "roundeven", "rint", "nearbyint",
        "ldexp",
        "scalbn", "scalbln", "frexp", "modf", "copysign", "fabs", "fmin", "fmax", "fdim", "lrint", "llrint", "lround",
        "llround", "ilogb", "logb", "nextafter",
      ].flatMap { [$0, $0 + "f"] })

    @Test func onlyExactMathematicsIsImported() throws {
      let library = try #require(try Self.mathematicsLibrary(), "no libm on this machine")
      let mathematics = try DynamicSymbols(of: library).defined
      #expect(mathematics.isSuperset(of: ["exp", "sin", "powf"]))
      let imported = try DynamicSymbols(of: repository.appendingPathComponent(".build/release/segbench")).imported
      #expect(imported.contains("memcpy"))
      let inexact = imported.intersection(mathematics).subtracting(Self.allowed)
      #expect(inexact.isEmpty, "\(inexact.sorted().joined(separator: ", "))")
    }

    private static func mathematicsLibrary() throws -> URL? {
      // This process may have had no use for it.
      guard dlopen("libm.so.6", RTLD_NOW) != nil else { return nil }
      let maps = try FileHandle(forReadingFrom: URL(fileURLWithPath: "/proc/self/maps"))
      return String(decoding: try maps.readToEnd() ?? Data(), as: UTF8.self).split(separator: "\n")
        .compactMap { line in line.firstIndex(of: "/").map { URL(fileURLWithPath: String(line[$0...])) } }
        .first { $0.lastPathComponent.hasPrefix("libm.so") }
    }
  }

  /// The names in a 64-bit little-endian ELF file's table of dynamic symbols.
  private struct DynamicSymbols {
    private(set) var defined: Set<String> = []
    private(set) var imported: Set<String> = []

    init(of url: URL) throws {
      let file = try [UInt8](Data(contentsOf: url, options: .mappedIfSafe))
      func number<Number: FixedWidthInteger>(_ place: Int, _: Number.Type) -> Int {
        file.withUnsafeBytes { Int(Number(littleEndian: $0.loadUnaligned(fromByteOffset: place, as: Number.self))) }
      }
      // A section's header: its type at 4, its offset at 24, its size at 32, the section of its names at 40.
      let sections = number(40, UInt64.self)
      func section(_ index: Int) -> Int { sections + index * number(58, UInt16.self) }
      let table = try #require(
        (0..<number(60, UInt16.self)).map(section).first { number($0 + 4, UInt32.self) == 11 }, "no dynamic symbols")
      let names = number(section(number(table + 40, UInt32.self)) + 24, UInt64.self)
      let start = number(table + 24, UInt64.self)
      for symbol in stride(from: start, to: start + number(table + 32, UInt64.self), by: 24) {
        let bytes = file[(names + number(symbol, UInt32.self))...].prefix { $0 != 0 }
        let name = String(decoding: bytes, as: UTF8.self)
        // The section it is defined in, 0 where another file is to define it.
        if number(symbol + 6, UInt16.self) == 0 { imported.insert(name) } else { defined.insert(name) }
      }
    }
  }
#endif
