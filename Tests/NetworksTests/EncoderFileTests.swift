import Files
import Foundation
import Networks
import Tensors
import TestSupport
import Testing

struct EncoderFileTests {
  private func parameters(_ encoder: VisionTransformer) -> [String: [Float]] {
    Dictionary(uniqueKeysWithValues: encoder.parameters.map { ($0.name, $0.value.values(as: Float.self)) })
  }

  /// One model in several files: form, layout and weights are found from each.
  @Test func theFormIsReadOffEveryLayout() throws {
    let expected = VisionTransformerConfiguration(width: 16, depth: 2, heads: 2, patch: 4)
    var all: [[String: [Float]]] = []
    for (name, layout) in [
      ("small_dinov3.pth", WeightLayout.dinov3), ("small_dinov3_chain.pth", .dinov3),
      ("small_hugging_face.safetensors", .huggingFace),
    ] {
      let found = try EncoderFile(
        WeightFile(contentsOf: fixture(name)), heads: layout == .huggingFace ? 2 : nil)
      #expect(found.configuration == expected && found.layout == layout && found.prefix == "", "\(name)")
      all.append(parameters(try found.load()))
    }
    #expect(all[0] == all[1] && all[0] == all[2])
    let medical = try EncoderFile(WeightFile(contentsOf: fixture("small_meddinov3.pth")))
    #expect(medical.layout == .medDINOv3 && medical.prefix == "teacher.backbone.")
    #expect(medical.configuration.attentionBias == .none && medical.configuration.normEpsilon == 1e-6)
    #expect(medical.configuration.storageTokens == 4 && medical.configuration.heads == 2)
    _ = try medical.load()
  }

  /// Our own files: an encoder's alone, and one within a network, whose form's texts come with it.
  @Test func ownEncodersAreFoundWithinNetworks() throws {
    let form = VisionTransformerConfiguration(
      width: 48, depth: 2, heads: 3, patch: 8, mlpRatio: 2.5, channels: 1, storageTokens: 0, attentionBias: .all,
      layerScale: nil, normEpsilon: 1e-4, rotaryBase: 50)
    let network = PrimusNetwork(form, classes: 3, Initializer(seed: 4))
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("weights.safetensors")
      let arrays = WeightMapping.own(network.parameters).arrays(of: network.parameters)
      try Safetensors.write(arrays, metadata: network.weightMetadata, to: url)
      let found = try EncoderFile(WeightFile(contentsOf: url))
      var expected = form
      // The initial value of a LayerScale that isn't there.
      expected.layerScale = nil
      #expect(found.configuration == expected && found.layout == .segbench && found.prefix == "encoder.")
      #expect(parameters(try found.load()) == parameters(network.encoder))
      let published = folder.appendingPathComponent("primus.safetensors")
      try Safetensors.write(
        WeightMapping.primus(network).arrays(of: network.parameters), metadata: network.weightMetadata, to: published)
      let primus = try EncoderFile(WeightFile(contentsOf: published))
      #expect(primus.configuration == expected && primus.layout == .dinov3 && primus.prefix == "dino_encoder.")
      #expect(parameters(try primus.load()) == parameters(network.encoder))
      try Safetensors.write(arrays, to: url)
      let text = errorText { _ = try EncoderFile(WeightFile(contentsOf: url)) }
      #expect(text.contains("how many attention heads"), "\(text)")
    }
  }

  @Test func huggingFacesDescriptionIsReadBesideItsWeights() throws {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("model.safetensors")
      try FileManager.default.copyItem(at: fixture("small_hugging_face.safetensors"), to: url)
      let config = folder.appendingPathComponent("config.json")
      try Data(#"{"num_attention_heads": 4, "layer_norm_eps": 1e-06, "hidden_size": 16}"#.utf8).write(to: config)
      let found = try EncoderFile(WeightFile(contentsOf: url))
      #expect(found.configuration.heads == 4 && found.configuration.normEpsilon == 1e-6)
      try Data("{".utf8).write(to: config)
      #expect(errorText { _ = try EncoderFile(WeightFile(contentsOf: url)) }.contains("config.json"))
    }
  }

  /// Arrays that only claim a network are refused before anything of its size is made.
  @Test func whatIsNoEncoderIsRefused() throws {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("w.safetensors")
      func text(_ arrays: [String: [Int]]) throws -> String {
        try Safetensors.write(
          arrays.mapValues { StoredTensor(shape: $0, floats: [Float](repeating: 0, count: $0.reduce(1, *))) }, to: url)
        return errorText { _ = try EncoderFile(WeightFile(contentsOf: url)).load() }
      }
      for (arrays, expected) in [
        (["weight": [2]], "holds no vision transformer"),
        (["patch_embed.proj.weight": [16, 4]], "[width, channels, patch, patch]"),
        (["patch_embed.proj.weight": [16, 1, 4, 4]], "no blocks"),
        (["a.patch_embed.proj.weight": [16, 1, 4, 4], "b.patch_embed.proj.weight": [16, 1, 4, 4]], "\"a.\", \"b.\""),
        (
          [
            "patch_embed.proj.weight": [65536, 1, 1, 1], "blocks.0.norm1.weight": [1],
            "blocks.0.mlp.fc1.weight": [1, 1],
          ], "fewer numbers"
        ),
        (
          [
            "patch_embed.proj.weight": [8192, 1, 1, 1], "blocks.0.norm1.weight": [1],
            "blocks.0.mlp.fc1.weight": [8192, 1],
          ], "fewer numbers"
        ),
      ] {
        let found = try text(arrays)
        #expect(found.contains(expected), "\(found)")
      }
    }
  }
}
