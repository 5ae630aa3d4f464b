import Experiments
import Files
import Foundation
import Recipes
import TestSupport
import Testing

/// The reference, the JSON Schemas and the editors' lines, all made of the declarations.
@Suite struct ReferenceTests {
  let library = RecipeLibrary(root: shippedRecipes)

  @Test func theReferenceIsAsGenerated() throws {
    let committed = try String(
      contentsOf: repository.appendingPathComponent("Docs/recipe-reference.md"), encoding: .utf8)
    #expect(committed == library.referenceText, "make reference writes it anew")
    #expect(committed.contains("| `koleo_weight` | number of at least 0.0 and at most 100.0 | required |"))
    #expect(
      committed.contains("| `epsilon` | number above 0.0 and at most 0.1 | `1.0e-08` |")
        || committed.contains("`1e-08`"))
  }

  @Test(arguments: DocumentKind.allCases) func schemasAreAsGenerated(kind: DocumentKind) throws {
    let url = shippedRecipes.appendingPathComponent("schema/\(kind.rawValue).json")
    #expect(
      try String(contentsOf: url, encoding: .utf8) == library.jsonSchema(kind).text(), "make reference writes it anew")
  }

  /// A key, a section, a key by its last word alone.
  @Test func keysAreFoundByTheirPath() throws {
    let epochs = try #require(library.reference(below: "training.epochs").first)
    #expect(
      epochs.values == "whole number from 1 to 1000000" && epochs.standard == "required" && epochs.since == "0.4.0")
    #expect(try library.reference(below: "training.optimizer").map(\.key).contains("training.optimizer.nesterov"))
    #expect(
      try library.reference(below: "self_distillation.crops.sizes").contains { $0.key.hasSuffix("sizes[].ratio") })
    let folder = try TemporaryLibrary()
    #expect(
      folder.complaint { _ = try $0.reference(below: "training.epoch") }
        == "there is no key `training.epoch`; did you mean `training.epochs`?")
    #expect(
      folder.complaint { _ = try $0.reference(below: "koleo_weight") }.hasSuffix("`self_distillation.koleo_weight`?"))
  }

  /// Every value of a resolved recipe has a meaning.
  @Test func explainedValuesHaveMeanings() throws {
    for path in ["meddinov3/table1/4-dinov3-multi-scale-896.yaml", "meddinov3/pretraining/stage-3.yaml"] {
      let values = try library.resolve(path, profile: "phantom").values
      #expect(values.allSatisfy { !$0.meaning.isEmpty }, "\(values.filter(\.meaning.isEmpty).map(\.key))")
    }
  }

  private static let files: [String] = {
    let all = FileManager.default.enumerator(atPath: shippedRecipes.path)?.allObjects ?? []
    return all.compactMap { $0 as? String }.filter { $0.hasSuffix(".yaml") }.sorted()
  }()

  /// The first line names the schema of what the file is, and the file follows it.
  @Test(arguments: files) func everyFileFollowsTheSchemaThatItNames(path: String) throws {
    let url = shippedRecipes.appendingPathComponent(path)
    let first = try String(contentsOf: url, encoding: .utf8).prefix { $0 != "\n" } + "\n"
    let kind = try #require(DocumentKind.allCases.first { $0.editorLine(for: path) == first }, "\(path): \(first)")
    let schema = try schema(kind)
    let problem = try SchemaEvaluator(root: schema).problem(YAMLReader().read(url, name: path), schema)
    #expect(problem == nil, "\(path): \(problem!)")
    // What the program takes a file for is what the line says.
    let others = DocumentKind.allCases.filter { $0 != kind && $0 != .profile && kind != .profile }
    #expect(
      try others.allSatisfy {
        try SchemaEvaluator(root: self.schema($0)).problem(YAMLReader().read(url, name: path), self.schema($0)) != nil
      },
      "\(path)")
  }

  /// What the program refuses of one file, the schema refuses.
  @Test(arguments: [
    ("  epochs: 1000", "  epoch: 1000"), ("  epochs: 1000", "  epochs: 0"), ("  epochs: 1000", "  epochs: 1.5"),
    ("  epochs: 1000", "  epochs: many"), ("    kind: adamw", "    kind: adam"), ("  gaussian: true", "  gaussian: 1"),
    ("    betas: [0.9, 0.98]", "    betas: [0.9]"), ("    betas: [0.9, 0.98]", "    betas: [0.9, 1.0]"),
    ("    betas: [0.9, 0.98]", "    betas: 0.9"), ("title: A row", "titel: A row"), ("title: A row", "title: 3"),
    ("  kind: primus", "  kind: primos"), ("  gradient_clip: 12", "  gradient_clip: 0"),
    ("plan:\n  configuration: 2d_640", "plan: 2d_640"), ("  epochs: 1000", "  epochs: null"),
  ])
  func mistakesAreRefused(old: String, new: String) throws {
    let text = TemporaryLibrary.base
    #expect(text.contains(old))
    let schema = try schema(.recipe)
    func problem(_ text: String) throws -> String? {
      try SchemaEvaluator(root: schema).problem(YAMLReader().read(Data(text.utf8), name: "row.yaml"), schema)
    }
    #expect(try problem(text) == nil)
    for wrapped in [false, true] {
      let changed = text.replacingOccurrences(of: old, with: new)
      let all =
        wrapped ? "profiles:\n  quick:\n" + changed.split(separator: "\n").map { "    \($0)\n" }.joined() : changed
      #expect(try problem(all) != nil, "\(all)")
    }
    // Null takes away what may be left out.
    #expect(try problem(text + "description: null\nprofiles: {quick: {plan: {batch_size: null}}}\n") == nil)
  }

  private func schema(_ kind: DocumentKind) throws -> JSONValue {
    try JSONValue.parse(
      Data(contentsOf: shippedRecipes.appendingPathComponent("schema/\(kind.rawValue).json")), name: kind.rawValue)
  }
}

/// JSON Schema's draft 7, as far as the schemas use it; another keyword is refused.
private struct SchemaEvaluator {
  let root: JSONValue

  /// What of a value is against the schema; nil for nothing.
  func problem(_ node: YAMLNode, _ schema: JSONValue, at path: String = "") -> String? {
    guard let members = schema.object else { return "\(path): no schema" }
    for member in members {
      if let found = problem(node, member.key, member.value, in: schema, at: path) { return found }
    }
    return nil
  }

  private func problem(_ node: YAMLNode, _ keyword: String, _ rule: JSONValue, in schema: JSONValue, at path: String)
    -> String?
  {
    func wrong(_ isWrong: Bool) -> String? { isWrong ? "\(path) is \(node.content), against \(keyword)" : nil }
    let number: Double? =
      if case .integer(let value) = node.content { Double(value) } else if case .number(let value) = node.content {
        value
      } else { nil }
    let items: [YAMLNode]? = if case .list(let items) = node.content { items } else { nil }
    switch keyword {
    case "$schema", "title", "description", "default", "definitions": return nil
    case "$ref":
      let name = rule.string!.split(separator: "/").last.map(String.init)!
      return problem(node, root["definitions"]![name]!, at: path)
    case "type": return wrong(!(rule.strings ?? [rule.string!]).contains { isOf($0, node) })
    case "enum":
      let word: JSONValue = if case .text(let text) = node.content { .string(text) } else { .null }
      if case .text = node.content { return wrong(!rule.array!.contains(word)) }
      if case .null = node.content { return wrong(!rule.array!.contains(.null)) }
      return wrong(true)
    case "minimum": return wrong(number.map { $0 < rule.double! } ?? false)
    case "maximum": return wrong(number.map { $0 > rule.double! } ?? false)
    case "exclusiveMinimum": return wrong(number.map { $0 <= rule.double! } ?? false)
    case "exclusiveMaximum": return wrong(number.map { $0 >= rule.double! } ?? false)
    case "minItems": return wrong(items.map { $0.count < rule.int! } ?? false)
    case "maxItems": return wrong(items.map { $0.count > rule.int! } ?? false)
    case "items":
      return items?.enumerated().lazy.compactMap { problem($0.element, rule, at: "\(path)[\($0.offset)]") }.first
    case "properties":
      return node.entries?.lazy.compactMap { entry in
        rule[entry.key].flatMap { problem(entry.value, $0, at: "\(path).\(entry.key)") }
      }.first
    case "required":
      return node.entries.flatMap { entries in
        rule.strings!.first { key in !entries.contains { $0.key == key } }.map { "\(path) lacks \($0)" }
      }
    case "additionalProperties":
      return node.entries?.lazy.compactMap { entry in
        if schema["properties"]?[entry.key] != nil { return nil }
        return rule == .bool(false)
          ? "\(path).\(entry.key) is no key" : problem(entry.value, rule, at: "\(path).\(entry.key)")
      }.first
    default: return "the schema has the keyword \(keyword), which this test does not know"
    }
  }

  private func isOf(_ type: String, _ node: YAMLNode) -> Bool {
    switch (type, node.content) {
    case ("null", .null), ("boolean", .boolean), ("string", .text), ("array", .list), ("object", .mapping),
      ("number", .number), ("number", .integer), ("integer", .integer):
      true
    case ("integer", .number(let value)): value == value.rounded()
    default: false
    }
  }
}
