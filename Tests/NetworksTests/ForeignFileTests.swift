import Files
import Foundation
import Networks
import TestSupport
import Testing

/// What lies beside weights in a file, and what people give for weights.
struct ForeignFileTests {
  /// `torch.load(weights_only=True)` reads these (Benchmarks/peers/fixtures/weights_other.py asks it).
  @Test(arguments: ["beside.pth", "beside_chain.pth"]) func whatTorchTakesBesideWeightsIsTaken(name: String) throws {
    let file = try WeightFile(contentsOf: fixture(name))
    #expect(file.tensors["state_dict.weight"]?.floats() == [0, 1, 2, 3, 4, 5])
    #expect(file.tensors["state_dict.bias"]?.floats() == [1, 1])
    #expect(file.tensors["parameter"]?.floats() == [2, 2, 2] && file.tensors["buffer"]?.floats() == [0])
    #expect(file.tensors["tensor_key.0"]?.floats() == [1])
    let texts = file.scalars
    #expect(texts["dtype"] == "torch.float32" && texts["dtypes.1"] == "torch.quint8")
    #expect(Set([texts["set.0"], texts["set.1"]]) == ["3", "a"] && texts["counter.a"] == "2")
    #expect(texts["size.1"] == "3" && texts["device"] == "cpu" && texts["bytes"] == "00ff")
    #expect(
      texts["bytearray"] == "6162" && texts["complex"] == "1.0 + 2.0i" && texts["scheme"] == "torch.per_tensor_affine")
    #expect(texts["sparse"] == "(a sparse tensor)" && texts["quantised"] == "(a quantised tensor)")
    #expect(texts["complex_tensor"] == "(a tensor of complex64)")
    #expect(texts["keys.true"] == "1" && texts["keys.1.5"] == "2")
    if name == "beside.pth" {
      #expect(texts["meta"] == "(a tensor without values)")
      #expect(file.tensors["float8"]?.elementType == .float8E4M3 && file.tensors["float8"]?.shape == [2])
      #expect(file.tensors["uint16"]?.data == Data([7, 0, 255, 255]))
    }
  }

  private static let forms: [(name: String, bytes: Data, said: [String])] = {
    func text(_ text: String) -> Data { Data(text.utf8) }
    let onnx = Data([0x08, 0x08, 0x12, 0x07]) + text("pytorch") + Data([0x1a, 0x05]) + text("2.1.0") + Data(count: 40)
    return [
      (
        "a.pth", text("\n<!DOCTYPE html>\n<html><head><title>Meta AI\n Login</title></head></html>"),
        ["a web page (\"Meta AI Login\")", "sign in"]
      ),
      ("a.pth", text("<html><body>403</body></html>"), ["a web page (HTML)"]),
      (
        "a.pth", text("<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>"), ["a web page"]
      ),
      (
        "model.safetensors",
        text("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 343200000\n"),
        ["a Git LFS pointer", "of 343200000 bytes", "git lfs pull"]
      ),
      (
        "model.safetensors.index.json",
        text(
          #"{"metadata": {}, "weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}"#
        ),
        ["lists the 2 files", "model-00001-of-00002.safetensors", "join them"]
      ),
      ("config.json", text(#"{"model_type": "dinov3_vit"}"#), ["config.json", "model.safetensors"]),
      ("a.json", text(#"{"error": "gated"}"#), ["a JSON text"]),
      (
        "a.bin", text("Access to model facebook/dinov3 is restricted."),
        ["begins \"Access to model facebook/dinov3 is restricted.\""]
      ),
      ("checkpoint", text("model_checkpoint_path: \"model.ckpt-1\"\n"), ["TensorFlow"]),
      ("a.pth", Data(), ["it is empty", "not finished"]),
      ("a.pth", Data(count: 5000), ["zeros", "not finished"]),
      ("a.pth", Data([0x1f, 0x8b, 8, 0]) + Data(count: 40), ["packed archive", "unpack"]),
      ("a.npy", Data([0x93]) + text("NUMPY") + Data(count: 100), ["one NumPy array"]),
      ("a.onnx", onnx, ["an ONNX model", "state_dict"]), ("a.pth", onnx, ["an ONNX model"]),
      ("a.gguf", text("GGUF") + Data([3, 0, 0, 0]) + Data(count: 40), ["GGUF"]),
      ("model.ckpt.data-00000-of-00001", Data([1, 200, 3]) + Data(count: 40), ["TensorFlow"]),
      ("m.index", Data([0, 200, 3]) + Data([0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb]), ["TensorFlow"]),
      ("m.h5", Data([0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]) + Data(count: 100), ["HDF5", "Keras"]),
    ]
  }()

  @Test(arguments: 0..<19) func whatIsSavedInPlaceOfWeightsIsNamed(index: Int) throws {
    #expect(Self.forms.count == 19)
    let form = Self.forms[index]
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent(form.name)
      try form.bytes.write(to: url)
      let text = errorText { _ = try WeightFile(contentsOf: url) }
      for part in form.said { #expect(text.contains(part), "\(text)") }
      #expect(text.hasPrefix(url.path) && !text.contains("\n"), "\(text)")
    }
  }

  @Test func archivesAndModulesAreNamed() throws {
    let module = errorText { _ = try WeightFile(contentsOf: fixture("whole_module.pth")) }
    #expect(
      module.contains("torch.nn.modules.container.Sequential") && module.contains("whole pickled module"), "\(module)")
    #expect(module.contains("model.state_dict()"), "\(module)")
    let script = errorText { _ = try WeightFile(contentsOf: fixture("torch_script.pt")) }
    #expect(script.contains("TorchScript program") && script.contains("torch.jit.load"), "\(script)")
    let quantised = errorText { _ = try EncoderFile(WeightFile(contentsOf: fixture("quantised.pth"))) }
    #expect(quantised.contains("quantised (integers"), "\(quantised)")
    let optimiser = errorText { _ = try EncoderFile(WeightFile(contentsOf: fixture("optimiser.pth"))) }
    #expect(optimiser.contains("optimiser's state alone"), "\(optimiser)")
    try withTemporaryFolder { folder in
      let folderText = errorText { _ = try WeightFile(contentsOf: folder) }
      #expect(folderText.contains("it is a folder") && folderText.contains("model.safetensors"), "\(folderText)")
      let whole = try Data(contentsOf: fixture("small_dinov3.pth"))
      let url = folder.appendingPathComponent("half.pth")
      try whole.prefix(whole.count / 2).write(to: url)
      let half = errorText { _ = try WeightFile(contentsOf: url) }
      #expect(half.contains("cut short") && half.contains("\(whole.count / 2) bytes"), "\(half)")
    }
  }

  /// Weights of other models, told by a few of their keys.
  @Test func otherModelsAreNamed() throws {
    func arrays(_ shapes: [String: [Int]]) -> [String: StoredTensor] {
      shapes.mapValues { StoredTensor(shape: $0, floats: [Float](repeating: 0, count: $0.reduce(1, *))) }
    }
    let vit: [String: [Int]] = [
      "patch_embed.proj.weight": [64, 3, 14, 14], "blocks.0.norm1.weight": [64], "blocks.0.mlp.fc1.weight": [256, 64],
    ]
    for (name, shapes, expected) in [
      ("a.safetensors", vit.merging(["pos_embed": [1, 5, 64]]) { $1 }, "learned positions"),
      (
        "a.safetensors", ["net.patch_embed.proj.weight": [64, 3, 14, 14], "net.pos_embed": [1, 5, 64]],
        "\"net.pos_embed\""
      ),
      (
        "a.safetensors", ["patch_embed.proj.weight": [64, 3, 16, 16], "blocks.0.mlp.w1.weight": [8, 64]], "gated MLP"
      ),
      (
        "a.safetensors",
        ["embeddings.patch_embeddings.weight": [64, 3, 16, 16], "layer.0.mlp.gate_proj.weight": [8, 64]], "ViT-7B"
      ),
      ("a.safetensors", vit.merging(["reg_token": [1, 4, 64]]) { $1 }, "timm's form"),
      ("a.safetensors", ["stages.0.0.dwconv.weight": [4, 1, 7, 7]], "a ConvNeXt"),
      ("a.safetensors", ["stages.0.layers.0.depthwise_conv.weight": [4, 1, 7, 7]], "a ConvNeXt"),
      ("a.safetensors", ["dinov2.embeddings.patch_embeddings.projection.weight": [4, 3, 14, 14]], "DINOv2"),
      ("a.safetensors", ["layer1.0.conv1.weight": [4, 3, 3, 3]], "a ResNet"),
      ("model-00001-of-00002.safetensors", ["weight": [2]], "part 1 of 2"),
      ("a.safetensors", ["teacher.dino_head.mlp.0.weight": [2]], "heads alone"),
      ("a.safetensors", ["some.weight": [2]], "some.weight"),
    ] as [(String, [String: [Int]], String)] {
      try withTemporaryFolder { folder in
        let url = folder.appendingPathComponent(name)
        try Safetensors.write(arrays(shapes), to: url)
        let text = errorText { _ = try EncoderFile(WeightFile(contentsOf: url)) }
        #expect(text.contains(expected) && !text.contains("\n"), "\(text)")
      }
    }
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("int8.safetensors")
      let int8 = StoredTensor(shape: [4, 3, 16, 16], elementType: .int8, data: Data(count: 3072))
      try Safetensors.write(["patch_embed.proj.weight": int8], to: url)
      #expect(errorText { _ = try EncoderFile(WeightFile(contentsOf: url)) }.contains("quantised"))
      try Data(#"{"model_type": "whisper"}"#.utf8).write(to: folder.appendingPathComponent("config.json"))
      try Safetensors.write(arrays(["some.weight": [2]]), to: url)
      #expect(errorText { _ = try EncoderFile(WeightFile(contentsOf: url)) }.contains("\"whisper\""))
    }
  }

  /// A message names some keys and says how many more there are.
  @Test func longListsOfKeysAreCut() {
    let keys = (0..<40).map { "k\($0)" }
    let text = WeightFileError.mismatch(path: "f", layout: "l", missing: keys, unexpected: ["u"], wrong: []).description
    #expect(text.contains("k11 and 28 more; unexpected: u.") && !text.contains("k12"), "\(text)")
  }
}
