import Experiments
import Files
import Foundation
import TestSupport
import Testing

/// Names of files that are no text, or one text spelled twice, and files that change behind a remembered digest.
@Suite struct FileNameTests {
  private func withDataset(_ body: (URL, URL) throws -> Void) throws {
    try withTemporaryHome { home in
      let dataset = home.appendingPathComponent("dataset")
      #expect(
        try segbench(["dataset", "phantom", "lits", "dataset", "--cases", "5", "--size", "32,32,8"], home: home).code
          == 0)
      try body(home, dataset)
    }
  }

  /// Copies the first training image under a name of these bytes.
  private func copy(in dataset: URL, to name: [UInt8]) throws {
    let images = dataset.appendingPathComponent("imagesTr")
    let first = try #require(FileManager.default.contentsOfDirectory(atPath: images.path).sorted().first)
    let data = try Data(contentsOf: images.appendingPathComponent(first))
    let path = (Array((images.path + "/").utf8) + name + [0]).map { CChar(bitPattern: $0) }
    let file = try #require(fopen(path, "wb"))
    data.withUnsafeBytes { #expect(fwrite($0.baseAddress, 1, $0.count, file) == $0.count) }
    fclose(file)
  }

  private let commands = [["dataset", "verify", "dataset"], ["plan", "dataset", "--output", "plans"]]

  @Test func twoSpellingsOfAWordAreNamed() throws {
    try withDataset { home, dataset in
      try copy(in: dataset, to: Array("e\u{301}_0000.nii.gz".utf8))
      try copy(in: dataset, to: Array("\u{E9}_0000.nii.gz".utf8))
      for words in commands {
        let result = try segbench(words, home: home)
        #expect(result.code == 2 && result.errors.contains(#""e\u{301}_0000.nii.gz" and "\u{e9}_0000.nii.gz""#))
      }
    }
  }

  /// Below the dataset's folder, too, where only the digests look.
  @Test func twoSpellingsBesideTheImagesAreNamed() throws {
    try withTemporaryHome { home in
      let data = home.appendingPathComponent("data/datasets/amos22")
      let made = ["dataset", "phantom", "amos22", data.path, "--cases", "5", "--size", "32,32,8"]
      #expect(try segbench(made, home: home).code == 0)
      try Data().write(to: data.appendingPathComponent("e\u{301}.txt"))
      try Data().write(to: data.appendingPathComponent("\u{E9}.txt"))
      let result = try segbench(["dataset", "verify", data.path, "--digests"], home: home)
      #expect(result.code == 2 && result.errors.contains(#""e\u{301}.txt" and "\u{e9}.txt""#), "\(result)")
    }
  }

  @Test func aNameThatIsNotUTF8IsNamed() throws {
    try withDataset { home, dataset in
      try copy(in: dataset, to: [0xe9] + Array("_0000.nii.gz".utf8))
      for words in commands {
        let result = try segbench(words, home: home)
        #expect(result.code == 2 && result.errors.contains(#""\xe9_0000.nii.gz""#))
      }
    }
  }

  @Test func aControlCharacterIsNamed() throws {
    try withDataset { home, dataset in
      try copy(in: dataset, to: Array("a\nb_0000.nii.gz".utf8))
      let result = try segbench(commands[0], home: home)
      #expect(result.code == 2 && result.errors.contains(#""a\u{a}b_0000.nii.gz""#))
    }
  }

  @Test func wordsOfTheCommandLineAreNamed() throws {
    try withTemporaryFolder { home in
      let program = repository.appendingPathComponent(".build/release/segbench").path
      let shell = Process()
      shell.executableURL = URL(fileURLWithPath: "/bin/sh")
      shell.arguments = ["-c", "\(program) dataset verify \"$(printf 'a\\377')\""]
      let errors = Pipe()
      shell.standardError = errors
      try shell.run()
      let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      shell.waitUntilExit()
      #expect(shell.terminationStatus == 2 && text.contains(#""a\xff""#), "\(text)")
      let result = try segbench(["dataset", "verify", "a\nb\u{1B}[2J"], home: home)
      #expect(result.code == 2 && result.errors.contains(#"a\u{a}b\u{1b}[2J: there is no"#), "\(result.errors)")
      #expect(result.errors.filter { $0 == "\n" }.count == 1)
    }
  }

  /// The bytes that a gzip file holds.
  private func content(_ file: URL) throws -> [UInt8] {
    let gzip = Process()
    gzip.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    gzip.arguments = ["gzip", "-dc", file.path]
    let output = Pipe()
    gzip.standardOutput = output
    try gzip.run()
    let bytes = output.fileHandleForReading.readDataToEndOfFile()
    gzip.waitUntilExit()
    try #require(gzip.terminationStatus == 0)
    return [UInt8](bytes)
  }

  /// Writes bytes as a gzip file that stores them as they are: files of equally many are equally long.
  private func store(_ bytes: [UInt8], in file: URL) throws {
    func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
      withUnsafeBytes(of: value.littleEndian, Array.init)
    }
    var check = UInt32.max
    for byte in bytes {
      check ^= UInt32(byte)
      for _ in 0..<8 { check = check >> 1 ^ (check & 1 == 1 ? 0xEDB8_8320 : 0) }
    }
    var gzip: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3]
    for start in Swift.stride(from: 0, to: bytes.count, by: 0xFFFF) {
      let block = bytes[start..<min(bytes.count, start + 0xFFFF)]
      let length = UInt16(block.count)
      gzip += [block.endIndex == bytes.count ? 1 : 0] + littleEndian(length) + littleEndian(~length) + block
    }
    gzip += littleEndian(~check) + littleEndian(UInt32(bytes.count))
    let handle = try FileHandle(forWritingTo: file)
    try handle.truncate(atOffset: 0)
    try handle.write(contentsOf: gzip)
    try handle.close()
  }

  /// Another label in the last voxel, and the old modification time.
  private func change(_ file: URL) throws {
    var before = stat()
    try #require(stat(file.path, &before) == 0)
    var bytes = try content(file)
    bytes[bytes.count - 1] ^= 1
    try store(bytes, in: file)
    let times = [before.st_atim, before.st_mtim]
    try #require(utimensat(AT_FDCWD, file.path, times, 0) == 0)
  }

  /// The same size and the same modification time, another content: the digest of before is not taken, and `--digests` tells.
  @Test func aFileChangedWithItsOldTimeIsReadAgain() throws {
    try withDataset { home, dataset in
      let labels = dataset.appendingPathComponent("labelsTr")
      let name = try #require(FileManager.default.contentsOfDirectory(atPath: labels.path).sorted().first)
      let label = labels.appendingPathComponent(name)
      try store(content(label), in: label)
      Thread.sleep(forTimeInterval: 1.1)
      let words = ["dataset", "verify", "dataset", "--digests"]
      #expect(try segbench(words, home: home).code == 0)
      let again = try segbench(words, home: home)
      #expect(again.code == 0 && again.errors.contains("11 files read, 11 of them remembered"), "\(again.errors)")
      try change(label)
      let changed = try segbench(words, home: home)
      #expect(changed.code == 1 && changed.errors.contains("labelsTr/\(name): another content"), "\(changed.errors)")
    }
  }

  /// The same as a run sees it: another dataset, so another run.
  @Test func aRunOfAFileChangedWithItsOldTimeIsAnother() throws {
    try withTemporaryHome { home in
      let words = [
        "run", "Recipes/meddinov3/table1/1-random-init-640.yaml", "--profile", "quick", "--set", "training.epochs=1",
        "--set", "training.steps_per_epoch=1", "--set", "dataset.phantom.size=[48, 48, 8]",
      ]
      #expect(try segbench(words, home: home).code == 0)
      let paths = try #require(FileManager.default.enumerator(atPath: home.path)).compactMap { $0 as? String }
      let path = try #require(paths.sorted().first { $0.contains("labelsTr/") && $0.hasSuffix(".nii.gz") })
      let label = home.appendingPathComponent(path)
      try store(content(label), in: label)
      // What was made just now is not remembered yet.
      Thread.sleep(forTimeInterval: 1.1)
      let first = try segbench(words, home: home)
      #expect(first.code == 0)
      try change(label)
      let second = try segbench(words, home: home)
      #expect(second.code == 0 && first.output != second.output, "\(first.output) \(second.output)")
    }
  }
}
