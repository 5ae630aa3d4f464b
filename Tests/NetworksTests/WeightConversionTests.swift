import Files
import Foundation
import Networks
import Tensors
import Testing

struct WeightConversionTests {
  private let form = VisionTransformerConfiguration(width: 16, depth: 2, heads: 2, patch: 4, layerScale: 1)

  /// Every element type through both formats; what HDF5 widens it holds exactly.
  @Test(arguments: ["w.safetensors", "w.h5"]) func arraysAndTextsReadBack(name: String) throws {
    try withTemporaryFolder { folder in
      let types = try WeightFile(contentsOf: fixture("types.pt"))
      let url = folder.appendingPathComponent(name)
      try WeightFile.write(types.tensors, metadata: ["epoch": "9", "note": "a \"b\" ü"], to: url)
      let back = try WeightFile(contentsOf: url)
      #expect(back.scalars["epoch"] == "9" && back.scalars["note"] == "a \"b\" ü")
      #expect(Set(back.tensors.keys) == Set(types.tensors.keys))
      for (key, tensor) in types.tensors {
        let found = try #require(back.tensors[key])
        #expect(found.shape == tensor.shape && found.floats() == tensor.floats(), "\(key)")
        let isWidened = name.hasSuffix("h5") && [.float16, .bfloat16].contains(tensor.elementType)
        #expect(isWidened ? found.elementType == .float32 : found == tensor, "\(key)")
      }
      let first = try Data(contentsOf: url)
      try WeightFile.write(types.tensors, metadata: ["epoch": "9", "note": "a \"b\" ü"], to: url)
      #expect(try Data(contentsOf: url) == first)
    }
  }

  @Test func otherEndingsAndTypesAreRefusedAndNothingIsLeft() throws {
    try withTemporaryFolder { folder in
      let one = StoredTensor(shape: [1], elementType: .uint32, data: Data(count: 4))
      for (name, key, expected) in [
        ("w.pth", "a", ".safetensors or .h5"), ("w.h5", "a", "U32"), ("w.h5", "a/b", "a name"),
      ] {
        let text = errorText { try WeightFile.write([key: one], to: folder.appendingPathComponent(name)) }
        #expect(text.contains(expected), "\(text)")
      }
      let left = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      #expect(left == [])
    }
  }

  /// A network through every naming and back to ours.
  @Test func namesGoRoundAndBack() throws {
    try withTemporaryFolder { folder in
      let network = PrimusNetwork(form, blocks: [0, 1], classes: 3, Initializer(seed: 2))
      let ours = WeightMapping.own(network.parameters).arrays(of: network.parameters)
      let file = folder.appendingPathComponent("ours.safetensors")
      try WeightFile.write(ours, metadata: network.weightMetadata, to: file)
      for naming in WeightNaming.allCases {
        let there = try WeightConversion.convert(WeightFile(contentsOf: file), to: naming)
        let url = folder.appendingPathComponent("\(naming.rawValue).h5")
        try WeightFile.write(there.tensors, metadata: there.metadata, to: url)
        let back = try WeightConversion.convert(WeightFile(contentsOf: url))
        let isWhole = [.keep, .segbench, .primus].contains(naming)
        #expect(there.notes.isEmpty == isWhole, "\(naming)")
        #expect(back.tensors == (isWhole ? ours : ours.filter { $0.key.hasPrefix("encoder.") }), "\(naming)")
      }
    }
  }

  /// nnU-Net's checkpoint: the network under `network_weights`, beside the optimiser, logs with NumPy's numbers and plans.
  @Test func nnUNetsCheckpointIsReadWhole() throws {
    let file = try WeightFile(contentsOf: fixture("nnunet_checkpoint.pth"))
    #expect(file.scalars["trainer_name"] == "nnUNetTrainer" && file.scalars["current_epoch"] == "1")
    #expect(file.scalars["_best_ema"] == "0.5")
    let weights = file.tensors.filter { $0.key.hasPrefix("network_weights.") }
    #expect(weights.keys.contains("network_weights.encoder.stages.0.0.convs.0.conv.weight"))
    #expect(file.tensors.keys.contains { $0.hasPrefix("optimizer_state.state.") })
    let kept = try WeightConversion.convert(file)
    #expect(kept.tensors == file.tensors && kept.notes.count == 1)
    #expect(kept.notes[0].contains("no vision transformer"))
  }

  @Test func theTreeHasAPlaceForEveryName() throws {
    let lines = WeightTree(try WeightFile(contentsOf: fixture("small_dinov3.pth"))).lines
    #expect(lines.contains("cls_token  F32 [1, 1, 16]"))
    let block = try #require(lines.firstIndex(of: "blocks"))
    #expect(lines[block + 1] == "  0" && lines[block + 2] == "    attn" && lines[block + 3] == "      proj")
    #expect(lines.contains("        bias_mask  F32 [48]"))
    let nested = WeightTree(try WeightFile(contentsOf: fixture("types.pt"))).lines
    #expect(nested.contains("    3  = text"))
  }

  /// Names in a file may not steer the terminal that shows them; numbers are in their order.
  @Test func theTreeIsSafeToShow() throws {
    try withTemporaryFolder { folder in
      let url = folder.appendingPathComponent("w.safetensors")
      let one = StoredTensor(shape: [], floats: [0])
      try Safetensors.write(["b.10": one, "b.9": one, "\u{1B}[2J": one], metadata: ["m": "\u{7}ring"], to: url)
      let lines = WeightTree(try WeightFile(contentsOf: url)).lines
      #expect(lines == ["\u{FFFD}[2J  F32 []", "b", "  9  F32 []", "  10  F32 []", "m  = \u{FFFD}ring"])
    }
  }
}
