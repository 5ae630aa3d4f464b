import Files
import Foundation
import Recipes
import TestSupport
import Testing

/// Damaged recipes end in one clear sentence or in a recipe, never in a crash.
@Suite struct HostileInputTests {
  /// `text` with a few bytes, lines or pieces changed.
  private func mutated(_ bytes: [UInt8], changes: Int = 4, _ random: inout Numbers) -> [UInt8] {
    var bytes = bytes
    let pieces: [String] = [
      "[", "]", "{", "}", ": ", "- ", "&a ", "*a", "!!map ", "\"", "'", "\n", "\t", "#", "|", ">", "%", "---\n",
      "...\n", "? ",
      "null", "~", "-1", "1e999", ".nan", ".inf", "99999999999999999999", "0x7fffffffffffffff", "true", "<<: ", "\u{0}",
      "\u{FEFF}",
      "\u{2028}", "é", "9223372036854775807", "-9223372036854775808", "[]", "{}", "1e-320", "0",
    ]
    for _ in 0..<Int.random(in: 1...changes, using: &random) where !bytes.isEmpty {
      let at = Int.random(in: 0..<bytes.count, using: &random)
      switch Int.random(in: 0..<6, using: &random) {
      case 0: bytes[at] = UInt8.random(in: 0...255, using: &random)
      case 1: bytes.remove(at: at)
      case 2: bytes.insert(contentsOf: pieces.randomElement(using: &random)!.utf8, at: at)
      case 3:
        let end = min(bytes.count, at + Int.random(in: 1...40, using: &random))
        bytes.replaceSubrange(at..<end, with: pieces.randomElement(using: &random)!.utf8)
      case 4:
        // A value replaced whole.
        guard let colon = bytes[at...].firstIndex(of: UInt8(ascii: ":")),
          let end = bytes[colon...].firstIndex(of: UInt8(ascii: "\n"))
        else { continue }
        bytes.replaceSubrange((colon + 1)..<end, with: (" " + pieces.randomElement(using: &random)!).utf8)
      default:
        let end = min(bytes.count, at + Int.random(in: 1...80, using: &random))
        bytes.insert(contentsOf: bytes[at..<end], at: Int.random(in: 0...bytes.count, using: &random))
      }
    }
    return bytes
  }

  @Test func mutatedFilesAreReadOrRefused() throws {
    var random = Numbers(state: 2)
    var read = 0
    var refused = 0
    for name in [
      "methods/vit-b16.yaml", "meddinov3/published.yaml", "meddinov3/deviations.yaml", "profiles/phantom.yaml",
    ] {
      let bytes = [UInt8](try Data(contentsOf: shippedRecipes.appendingPathComponent(name)))
      for _ in 0..<1500 {
        do {
          _ = try YAMLReader().read(Data(mutated(bytes, &random)), name: "x.yaml")
          read += 1
        } catch let error as YAMLError {
          #expect(!error.description.isEmpty && !error.description.contains("\n"))
          refused += 1
        }
      }
    }
    #expect(read > 500 && refused > 500, "\(read) read, \(refused) refused: the mutations are too mild or too strong")
  }

  @Test func mutatedRecipesResolveOrAreRefused() throws {
    var random = Numbers(state: 3)
    let base = [UInt8](TemporaryLibrary.base.utf8)
    let profile = [UInt8](try Data(contentsOf: shippedRecipes.appendingPathComponent("profiles/phantom.yaml")))
    let folder = try TemporaryLibrary(["base.yaml": TemporaryLibrary.base])
    let row = [UInt8](
      "inherits: [base.yaml]\ntitle: x\nfidelities: {code: {training: {epochs: 3}}}\nprofiles: {phantom: {dataset: {phantom: {kind: lits}}}}\n"
        .utf8)
    var resolved = 0
    var refused = 0
    let files = [("base.yaml", base), ("row.yaml", row), ("profiles/phantom.yaml", profile)]
    for (path, bytes) in files { try folder.write(Data(bytes), to: path) }
    for round in 0..<450 {
      let (path, bytes) = files[round % files.count]
      let (before, whole) = files[(round + files.count - 1) % files.count]
      try folder.write(Data(whole), to: before)
      try folder.write(Data(mutated(bytes, changes: 1, &random)), to: path)
      do {
        let recipe = try folder.library.resolve("row.yaml", profile: "phantom")
        _ = recipe.yamlText + recipe.explanation + recipe.identityText(seed: 1)
        resolved += 1
      } catch let error as any InputError {
        #expect(!error.description.isEmpty && !error.description.contains("\n"), "\(error)")
        refused += 1
      }
    }
    #expect(resolved > 40 && refused > 150, "\(resolved) resolved, \(refused) refused")
  }

  @Test func mutatedSettingsAreTakenOrRefused() throws {
    var random = Numbers(state: 4)
    let folder = try TemporaryLibrary(["row.yaml": TemporaryLibrary.base])
    let settings = [
      "training.epochs=3", "network.decoder={blocks: [1, 2]}", "seeds=[1, 2]", "dataset={name: a, folder: b}",
    ]
    for round in 0..<1500 {
      let setting = String(decoding: mutated([UInt8](settings[round % settings.count].utf8), &random), as: UTF8.self)
      do {
        _ = try folder.library.resolve("row.yaml", overrides: [setting])
      } catch let error as any InputError {
        #expect(!error.description.contains("\n"), "\(error)")
      }
    }
  }
}
