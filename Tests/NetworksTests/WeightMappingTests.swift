import Files
import Foundation
import Networks
import Tensors
import TestSupport
import Testing

struct WeightMappingTests {
  private let form = VisionTransformerConfiguration(width: 16, depth: 2, heads: 2, patch: 4)

  private func encoder(_ form: VisionTransformerConfiguration) -> VisionTransformer {
    VisionTransformer(form, Initializer(seed: 0))
  }

  private func values(_ encoder: VisionTransformer) -> [String: [Float]] {
    Dictionary(uniqueKeysWithValues: encoder.parameters.map { ($0.name, $0.value.values(as: Float.self)) })
  }

  @Test func publishedLayoutsOfOneModelGiveOneNetwork() throws {
    let theirs = encoder(form)
    let hugging = try WeightFile(contentsOf: fixture("small_hugging_face.safetensors"))
    try WeightLayout.huggingFace.mapping(for: theirs).load(hugging, into: theirs.parameters)
    let key = hugging.tensors["layer.1.attention.v_proj.weight"]!.floats()
    #expect(values(theirs)["encoder.blocks.1.attention.value.weight"] == key)
    for name in ["small_dinov3.pth", "small_dinov3_chain.pth"] {
      let published = encoder(form)
      try WeightLayout.dinov3.mapping(for: published).load(
        WeightFile(contentsOf: fixture(name)), into: published.parameters)
      #expect(values(published) == values(theirs))
    }
  }

  @Test func medDINOv3sTeacherLoadsWithoutItsHeads() throws {
    var form = form
    form.attentionBias = .none
    let network = encoder(form)
    let file = try WeightFile(contentsOf: fixture("small_meddinov3.pth"))
    #expect(file.scalars["iteration"] == "9")
    try WeightLayout.medDINOv3.mapping(for: network).load(file, into: network.parameters)
    let stored = file.tensors["teacher.backbone.blocks.0.attn.qkv.weight"]!.floats()!
    #expect(values(network)["encoder.blocks.0.attention.key.weight"] == Array(stored[256..<512]))
  }

  /// What the published code does with DINOv3's checkpoint: no storage tokens, no mask on the keys' bias.
  @Test func droppedKeysAreNamedAndAllOthersStayStrict() throws {
    var form = form
    (form.storageTokens, form.attentionBias, form.normEpsilon) = (0, .all, 1e-6)
    let network = encoder(form)
    let before = values(network)
    let mapping = WeightLayout.dinov3.mapping(for: network)
    let file = try WeightFile(contentsOf: fixture("small_dinov3.pth"))
    let text = errorText { try mapping.load(file, into: network.parameters) }
    #expect(
      text.contains(
        "unexpected: blocks.0.attn.qkv.bias_mask, blocks.1.attn.qkv.bias_mask, storage_tokens."), "\(text)")
    #expect(values(network) == before)
    try mapping.load(file, into: network.parameters, dropping: ["storage_tokens", "blocks.*.attn.qkv.bias_mask"])
    #expect(values(network)["encoder.blocks.1.attention.key.bias"] == [Float](repeating: 0, count: 16))
    #expect(values(network)["encoder.classToken"] == file.tensors["cls_token"]?.floats())
  }

  @Test func missingUnexpectedAndWrongKeysAreListedTogether() throws {
    try withTemporaryFolder { folder in
      let network = encoder(form)
      let before = values(network)
      var arrays = try Safetensors.read(fixture("small_hugging_face.safetensors"))
      arrays["norm.bias"] = nil
      arrays["layer.7.norm1.bias"] = StoredTensor(shape: [1], floats: [0])
      arrays["norm.weight"] = StoredTensor(shape: [4, 4], floats: [Float](repeating: 1, count: 16))
      arrays["layer.0.norm1.bias"] = StoredTensor(shape: [16], floats: [Float](repeating: .nan, count: 16))
      let url = folder.appendingPathComponent("bad.safetensors")
      try Safetensors.write(arrays, to: url)
      let text = errorText {
        try WeightLayout.huggingFace.mapping(for: network).load(WeightFile(contentsOf: url), into: network.parameters)
      }
      #expect(text.contains("missing: norm.bias; unexpected: layer.7.norm1.bias; wrong: "), "\(text)")
      #expect(text.contains("norm.weight has the shape [4, 4] instead of [16]"), "\(text)")
      #expect(text.contains("layer.0.norm1.bias holds a value that is not finite"), "\(text)")
      #expect(values(network) == before)
    }
  }

  @Test func anotherRotaryBaseIsNoticed() throws {
    var form = form
    form.rotaryBase = 10000
    let network = encoder(form)
    let text = errorText {
      try WeightLayout.dinov3.mapping(for: network).load(
        WeightFile(contentsOf: fixture("small_dinov3.pth")), into: network.parameters)
    }
    #expect(text.contains("rope_embed.periods holds other values"), "\(text)")
  }

  /// Every layout's export reads back as the same network. With SEGBENCH_FIXTURES_OUT set, the files stay there for
  /// `Benchmarks/peers/fixtures/weights.py check`.
  @Test(arguments: WeightLayout.allCases) func exportsReadBack(layout: WeightLayout) throws {
    try withTemporaryFolder { folder in
      let first = encoder(form)
      try WeightLayout.huggingFace.mapping(for: first).load(
        WeightFile(contentsOf: fixture("small_hugging_face.safetensors")), into: first.parameters)
      let kept = ProcessInfo.processInfo.environment["SEGBENCH_FIXTURES_OUT"].map { URL(fileURLWithPath: $0) }
      let url = (kept ?? folder).appendingPathComponent("\(layout.rawValue).safetensors")
      try Safetensors.write(layout.mapping(for: first).arrays(of: first.parameters), to: url)
      let second = encoder(form)
      try layout.mapping(for: second).load(WeightFile(contentsOf: url), into: second.parameters)
      #expect(values(first) == values(second))
    }
  }

  @Test func aWholeNetworkGoesOutUnderThePublishedCodesNames() {
    let network = PrimusNetwork(form, blocks: [0, 1], classes: 3, Initializer(seed: 0))
    let arrays = WeightMapping.primus(network).arrays(of: network.parameters)
    #expect(arrays["up_projection.decode.0.0.weight"]?.shape == [32, 16, 2, 2])
    #expect(arrays["up_projection.decode.1.1.bias"]?.shape == [8])
    #expect(arrays["up_projection.decode.2.weight"]?.shape == [3, 8, 1, 1])
    #expect(arrays["dino_encoder.blocks.1.attn.qkv.weight"]?.shape == [48, 16])
    let head = network.parameters.first { $0.name == "decoder.head.weight" }!
    #expect(arrays["up_projection.decode.2.weight"]?.floats() == head.value.values(as: Float.self))
  }
}
