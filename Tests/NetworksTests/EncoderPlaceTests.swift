import Files
import Foundation
import Networks
import Tensors
import TestSupport
import Testing

/// Where a vision transformer stands in a file, and under which wrappers, changes nothing of what is read.
struct EncoderPlaceTests {
  private func arrays(_ name: String) throws -> [String: StoredTensor] {
    try WeightFile(contentsOf: fixture(name)).tensors
  }

  private func prefixed(_ arrays: [String: StoredTensor], _ prefix: String) -> [String: StoredTensor] {
    Dictionary(uniqueKeysWithValues: arrays.map { (prefix + $0.key, $0.value) })
  }

  private func values(_ encoder: VisionTransformer) -> [String: [Float]] {
    Dictionary(uniqueKeysWithValues: encoder.parameters.map { ($0.name, $0.value.values(as: Float.self)) })
  }

  private func read(
    _ arrays: [String: StoredTensor], in folder: URL, heads: Int? = nil, model: EncoderModel? = nil
  ) throws -> EncoderFile {
    let url = folder.appendingPathComponent("\(UUID().uuidString).safetensors")
    try Safetensors.write(arrays, to: url)
    return try EncoderFile(WeightFile(contentsOf: url), heads: heads, model: model)
  }

  @Test(arguments: [
    "module.", "_orig_mod.", "model.", "module._orig_mod.", "state_dict.model.module.", "backbone.",
    "teacher.backbone.",
    "module.teacher._orig_mod.backbone.", "_fsdp_wrapped_module.encoder.", "network_weights.encoder.",
  ])
  func aPrefixChangesNothing(prefix: String) throws {
    try withTemporaryFolder { folder in
      for (name, heads) in [("small_dinov3.pth", nil), ("small_hugging_face.safetensors", 2)] as [(String, Int?)] {
        let plain = try arrays(name)
        let (bare, wrapped) = (
          try read(plain, in: folder, heads: heads), try read(prefixed(plain, prefix), in: folder, heads: heads)
        )
        #expect(wrapped.configuration == bare.configuration, "\(name)")
        #expect(bare.configuration.normEpsilon == 1e-5, "DINOv3's published models")
        #expect(try values(wrapped.load()) == values(bare.load()))
      }
      // MedDINOv3's transformer without biases has 1e-6, also where its prefix is gone.
      let medical = try arrays("small_meddinov3.pth").filter { $0.key.hasPrefix("teacher.backbone.") }
      let bare = Dictionary(uniqueKeysWithValues: medical.map { (String($0.key.dropFirst(17)), $0.value) })
      for prefix in ["", prefix] {
        #expect(try read(prefixed(bare, prefix), in: folder).configuration.normEpsilon == 1e-6)
      }
    }
  }

  /// Wrappers of parts: within the names, not before them.
  @Test func wrappersWithinNamesAreLeftOut() throws {
    try withTemporaryFolder { folder in
      let plain = try arrays("small_dinov3.pth")
      let wrapped = Dictionary(
        uniqueKeysWithValues: plain.map { key, value in
          (key.replacingOccurrences(of: "blocks.1.", with: "blocks.1._checkpoint_wrapped_module."), value)
        })
      #expect(try values(read(wrapped, in: folder).load()) == values(read(plain, in: folder).load()))
      // transformers 5 keeps the blocks of DINOv3ViTModel below `model`.
      let hugging = try arrays("small_hugging_face.safetensors")
      let newer = Dictionary(
        uniqueKeysWithValues: hugging.map { ($0.key.hasPrefix("layer.") ? "model." + $0.key : $0.key, $0.value) })
      for prefix in ["", "net.model."] {
        let found = try read(prefixed(newer, prefix), in: folder, heads: 2)
        #expect(try values(found.load()) == values(self.read(hugging, in: folder, heads: 2).load()))
      }
    }
  }

  @Test func theDescriptionBesideAWrappedFileIsRead() throws {
    try withTemporaryFolder { folder in
      let config = folder.appendingPathComponent("config.json")
      func write(_ text: String) throws { try Data(text.utf8).write(to: config) }
      let wrapped = prefixed(try arrays("small_hugging_face.safetensors"), "module.model.")
      try write(#"{"model_type": "dinov3_vit", "num_attention_heads": 4, "layer_norm_eps": 1e-06, "hidden_size": 16}"#)
      let form = try read(wrapped, in: folder).configuration
      #expect(form.heads == 4 && form.normEpsilon == 1e-6)
      try write(#"{"model_type": "dinov3_vit", "num_attention_heads": 12, "hidden_size": 768}"#)
      let text = errorText { _ = try read(wrapped, in: folder) }
      #expect(text.contains("16 wide") && text.contains("one of 768"), "\(text)")
      // Another model's description, which happens to lie there.
      try write(#"{"model_type": "bert", "num_attention_heads": 12, "layer_norm_eps": 1e-12, "hidden_size": 768}"#)
      #expect(try read(wrapped, in: folder, heads: 2).configuration.normEpsilon == 1e-5)
    }
  }

  @Test func theTeacherIsMeantAndOthersCanBeChosen() throws {
    try withTemporaryFolder { folder in
      let plain = try arrays("small_dinov3.pth")
      func scaled(_ factor: Float) -> [String: StoredTensor] {
        plain.mapValues { tensor in StoredTensor(shape: tensor.shape, floats: tensor.floats()!.map { $0 * factor }) }
          .merging(plain.filter { $0.key.hasSuffix("bias_mask") || $0.key.hasSuffix("periods") }) { $1 }
      }
      func only(_ factor: Float) throws -> [String: [Float]] { try values(read(scaled(factor), in: folder).load()) }
      func all(_ names: [(String, Float)]) -> [String: StoredTensor] {
        names.reduce(into: [:]) { $0.merge(prefixed(scaled($1.1), $1.0)) { $1 } }
      }
      let three = all([("student.backbone.", 1), ("teacher.backbone.", 2), ("gram_teacher.backbone.", 3)])
      for (model, factor) in [(nil, 2), (.teacher, 2), (.student, 1), (.gramTeacher, 3)] as [(EncoderModel?, Float)] {
        let found = try read(three, in: folder, model: model)
        #expect(try values(found.load()) == only(factor), "\(String(describing: model))")
        #expect(found.model == model ?? .teacher)
      }
      // DINOv3's trainer knows its teacher by two names.
      let twice = all([("student.backbone.", 1), ("model_ema.backbone.", 2), ("teacher.backbone.", 2)])
      #expect(try read(twice, in: folder).prefix == "teacher.backbone.")
      // A Gram teacher is no teacher.
      let two = all([("model.student.", 1), ("model.gram_teacher.", 3)])
      let text = errorText { _ = try read(two, in: folder) }
      #expect(
        text.contains("\"model.gram_teacher.\" (gram-teacher)") && text.contains("student or gram-teacher"), "\(text)")
      #expect(errorText { _ = try read(two, in: folder, model: .teacher) }.contains("it holds no teacher"))
      let url = folder.appendingPathComponent("three.safetensors")
      try Safetensors.write(three, to: url)
      #expect(
        EncoderFile.all(in: try WeightFile(contentsOf: url)).map(\.model) == [.gramTeacher, .student, .teacher])
      let student = try WeightConversion.convert(WeightFile(contentsOf: url), model: .student)
      #expect(student.tensors["encoder.classToken"]?.floats() == scaled(1)["cls_token"]?.floats())
    }
  }

  /// ViT-L's published file holds the norm of local crops' class tokens, which nothing but pretraining uses.
  @Test func theNormOfLocalCropsIsLeftOut() throws {
    try withTemporaryFolder { folder in
      var plain = try arrays("small_dinov3.pth")
      let without = try read(plain, in: folder)
      for part in ["weight", "bias"] {
        plain["local_cls_norm.\(part)"] = StoredTensor(shape: [16], floats: [Float](repeating: 3, count: 16))
      }
      let with = try read(plain, in: folder)
      #expect(with.leftOut == ["local_cls_norm.weight", "local_cls_norm.bias"] && without.leftOut == [])
      #expect(try values(with.load()) == values(without.load()))
      let written = WeightLayout.dinov3.mapping(for: try with.load()).arrays(of: try with.load().parameters)
      #expect(!written.keys.contains { $0.hasPrefix("local_cls_norm") })
      plain["cls_norm.weight"] = plain["norm.weight"]
      #expect(errorText { _ = try read(plain, in: folder).load() }.contains("unexpected: cls_norm.weight"))
    }
  }
}
