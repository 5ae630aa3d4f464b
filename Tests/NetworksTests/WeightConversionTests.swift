import Files
import Foundation
import Networks
import Random
import Tensors
import TestSupport
import Testing

struct WeightConversionTests {
  private let form = VisionTransformerConfiguration(width: 16, depth: 2, heads: 2, patch: 4, layerScale: 1)

  /// Every element type through both formats; what HDF5 widens it holds exactly.
  @Test(arguments: ["w.safetensors", "w.h5"]) func arraysAndTextsReadBack(name: String) throws {
    try withTemporaryFolder { folder in
      let types = try WeightFile(contentsOf: fixture("types.pt"))
      let url = folder.appendingPathComponent(name)
      try WeightFile.write(types.tensors, metadata: ["epoch": "9", "note": "a \"b\" ü"], to: url)
      let back = try WeightFile(contentsOf: url, hdf5: .inThisProcess)
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
      for naming in WeightNaming.allCases where naming != .dinoUNet {
        let there = try WeightConversion.convert(WeightFile(contentsOf: file), to: naming)
        let url = folder.appendingPathComponent("\(naming.rawValue).h5")
        try WeightFile.write(there.tensors, metadata: there.metadata, to: url)
        let back = try WeightConversion.convert(WeightFile(contentsOf: url, hdf5: .inThisProcess))
        let isWhole = [.keep, .segbench, .primus].contains(naming)
        #expect(there.notes.isEmpty == isWhole, "\(naming)")
        #expect(back.tensors == (isWhole ? ours : ours.filter { $0.key.hasPrefix("encoder.") }), "\(naming)")
      }
    }
  }

  /// The published `DinoUNet` of ViT-B has as many tensors as counted from its code, and these among them.
  @Test func dinoUNetsPublishedNames() throws {
    let network = DINOUNet(.base, classes: 16, .zeros)
    let arrays = WeightMapping.dinoUNet(network).arrays(of: network.parameters)
    // The transformer: 6 of its own, 15 a block, the last norm's 2.
    let backbone = 6 + 12 * 15 + 2
    // Six convolutions with norms of 5, four projections; six extractors of 20; levels, upsample and four norms.
    let adapter = 6 + 6 * 5 + 4 * 2 + 6 * 20 + 1 + 2 + 4 * 5
    // The shared map; 20 a level and a shortcut's 2 where the rank of 256 is not the width; an upsample a level.
    let encoder = backbone + adapter + 2 + 4 * 20 + 3 * 2 + 4 * 2
    // The decoder's copy, three stages of two units under two names each, three upsamples, three classifiers.
    #expect(arrays.count == 2 * encoder + 3 * 2 * 8 + 3 * 2 + 3 * 2)
    let adapterKey = "encoder.dinov3_adapter"
    let shapes: [(String, [Int])] = [
      ("\(adapterKey).backbone.blocks.11.attn.qkv.weight", [2304, 768]), ("\(adapterKey).level_embed", [3, 768]),
      ("\(adapterKey).spm.stem.0.weight", [64, 3, 3, 3]), ("\(adapterKey).spm.stem.7.running_var", [64]),
      ("\(adapterKey).spm.conv4.0.weight", [256, 256, 3, 3]), ("\(adapterKey).spm.conv4.1.num_batches_tracked", []),
      ("\(adapterKey).spm.fc2.weight", [768, 128, 1, 1]),
      ("\(adapterKey).interactions.0.extractor.attn.sampling_offsets.weight", [128, 768]),
      ("\(adapterKey).interactions.3.extra_extractors.1.attn.attention_weights.bias", [64]),
      ("\(adapterKey).interactions.3.extra_extractors.0.ffn.dwconv.dwconv.weight", [192, 1, 3, 3]),
      ("\(adapterKey).up.weight", [768, 768, 2, 2]), ("\(adapterKey).norm4.running_mean", [768]),
      ("encoder.fapm.shared_basis.weight", [256, 768, 1, 1]),
      ("encoder.fapm.film_generators.2.weight", [512, 256, 1, 1]),
      ("encoder.fapm.refinement_blocks.1.3.pointwise.weight", [64, 64, 1, 1]),
      ("encoder.fapm.refinement_blocks.3.5.fc.0.weight", [16, 256, 1, 1]),
      ("encoder.fapm.shortcut_projections.0.bias", [32]), ("encoder.ups.3.up2.weight", [256, 256, 2, 2]),
      ("decoder.encoder.fapm.specific_bases.3.weight", [256, 768, 1, 1]),
      ("decoder.transpconvs.0.weight", [256, 128, 2, 2]),
      ("decoder.stages.2.convs.1.all_modules.1.bias", [32]),
      ("decoder.stages.0.convs.0.conv.weight", [128, 256, 3, 3]),
      ("decoder.seg_layers.0.weight", [16, 128, 1, 1]), ("decoder.seg_layers.2.weight", [16, 32, 1, 1]),
    ]
    for (key, shape) in shapes { #expect(arrays[key]?.shape == shape, "\(key)") }
    #expect(arrays["encoder.fapm.shortcut_projections.3.weight"] == nil)
  }

  /// A DINO U-Net goes to the published names, also inside nnU-Net's checkpoint, and back with the same values; others refuse.
  @Test func aDINOUNetGoesRoundAndBack() throws {
    var form = DINOUNetConfiguration(
      encoder: VisionTransformerConfiguration(width: 16, depth: 5, heads: 2, patch: 8, mlpRatio: 2, storageTokens: 1),
      blocks: [0, 2, 3, 4])
    form.adapter = .init(heads: 2, points: 2, priorWidth: 2)
    (form.rank, form.widths, form.convolutions) = (6, [2, 4, 6, 8], 1)
    let network = DINOUNet(form, classes: 3, Initializer(seed: 3))
    // Values that tell statistics, norms and biases apart.
    var random = CounterRandom(seed: 4, purpose: "values")
    for parameter in network.parameters {
      parameter.set(Tensor((0..<parameter.count).map { _ in Float(random.normal()) }, shape: parameter.shape))
    }
    let ours = WeightMapping.own(network.parameters).arrays(of: network.parameters)
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("ours.safetensors")
      try WeightFile.write(ours, metadata: network.encoder.configuration.metadata, to: file)
      let there = try WeightConversion.convert(WeightFile(contentsOf: file), to: .dinoUNet)
      #expect(there.notes.isEmpty && there.tensors["encoder.fapm.shortcut_projections.2.weight"] == nil)
      #expect(
        there.tensors["decoder.encoder.dinov3_adapter.spm.stem.4.running_mean"]?.floats()
          == ours["adapter.prior.steps.1.norm.mean"]?.floats())
      for outer in ["", "network_weights."] {
        let url = folder.appendingPathComponent("theirs\(outer).safetensors")
        let renamed = Dictionary(uniqueKeysWithValues: there.tensors.map { (outer + $0.key, $0.value) })
        try WeightFile.write(renamed, metadata: there.metadata, to: url)
        let back = try WeightConversion.convert(WeightFile(contentsOf: url, hdf5: .inThisProcess))
        #expect(back.tensors == ours && back.notes.isEmpty)
      }
      let encoder = try WeightConversion.convert(WeightFile(contentsOf: file), to: .dinov3)
      #expect(encoder.notes.count == 1 && encoder.tensors["blocks.4.ls2.gamma"] != nil)
      #expect(
        errorText { _ = try WeightConversion.convert(WeightFile(contentsOf: file), to: .primus) }.contains(
          "a DINO U-Net"))
      var broken = there.tensors
      broken["encoder.fapm.film_generators.1.bias"] = nil
      let url = folder.appendingPathComponent("broken.safetensors")
      try WeightFile.write(broken, metadata: there.metadata, to: url)
      #expect(
        errorText { _ = try WeightConversion.convert(WeightFile(contentsOf: url, hdf5: .inThisProcess)) }.contains(
          "film_generators.1.bias"))
    }
  }

  /// A checkpoint laid out as nnU-Net's: the network under `network_weights`, beside the optimiser, logs with NumPy's
  /// numbers and plans.
  @Test func nnUNetsCheckpointIsReadWhole() throws {
    let file = try WeightFile(contentsOf: fixture("nnunet_checkpoint.pth"))
    #expect(file.scalars["trainer_name"] == "nnUNetTrainer" && file.scalars["current_epoch"] == "1")
    #expect(file.scalars["_best_ema"] == "0.5" && file.scalars["logging.train_losses.0"] == "1.5")
    #expect(file.scalars["init_args.device"] == "cuda:0")
    let weights = file.tensors.filter { $0.key.hasPrefix("network_weights.") }
    #expect(weights["network_weights.conv.weight"]?.shape == [2, 1, 3, 3])
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
      let lines = WeightTree(try WeightFile(contentsOf: url, hdf5: .inThisProcess)).lines
      #expect(lines == ["\\u{1b}[2J  F32 []", "b", "  9  F32 []", "  10  F32 []", "m  = \\u{7}ring"])
    }
  }
}
