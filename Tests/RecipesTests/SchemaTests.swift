import Experiments
import Foundation
import Recipes
import Testing

/// The networks that segment, as messages list them.
private let segmenting: String = NetworkRegistry.kinds.map { "`\($0.name)`" }.joined(separator: " or ")

/// Every message names file, line and column, what was found, and what would be right.
@Suite struct SchemaTests {
  /// The base recipe with its line `old` replaced by `new` is refused with `message`.
  @Test(arguments: [
    // Unknown keys: the nearest here, the same word elsewhere, nothing near.
    ("  epochs: 1000", "  epoch: 1000", "31:3: unknown key `epoch` in `training`; did you mean `training.epochs`?"),
    ("title: A row", "titel: A row", "2:1: unknown key `titel`; did you mean `title`?"),
    (
      "title: A row", "title: A row\nlearning_rate: 1e-3",
      "3:1: unknown key `learning_rate`; did you mean `training.optimizer.learning_rate`?"
    ),
    (
      "  fold: 0", "  fold: 0\n  zzzzzzzzz: 1",
      "48:3: unknown key `zzzzzzzzz` in `evaluation`; valid here: `absent`, `classes`, `fold`, `gaussian`, `hd95_missing`, `mirroring`, `nsd`, `splits`, `tile_step`, `training_cases`"
    ),
    // Folds of the user's.
    (
      "  fold: 0", "  fold: 5",
      "47:9: `evaluation.fold` is 5, but nnU-Net's folds are 0 to 4; `splits` may name a file with more"
    ),
    (
      "  fold: 0", "  fold: 0\n  splits: ../splits_final.json",
      "48:11: `evaluation.splits` is the text \"../splits_final.json\", but must be a relative path without `..`, such as `weights/model.pth`"
    ),
    // Wrong types.
    (
      "  epochs: 1000", "  epochs: many",
      "31:11: `training.epochs` is the text \"many\", but must be a whole number from 1 to 1000000"
    ),
    (
      "  epochs: 1000", "  epochs: 1000.0",
      "31:11: `training.epochs` is the number 1000.0, but must be a whole number from 1 to 1000000"
    ),
    (
      "  epochs: 1000", "  epochs: \"1000\"",
      "31:11: `training.epochs` is the text \"1000\", but must be a whole number from 1 to 1000000"
    ),
    (
      "  epochs: 1000", "  epochs: [1000]",
      "31:11: `training.epochs` is a list of 1, but must be a whole number from 1 to 1000000"
    ),
    (
      "  epochs: 1000", "  epochs:",
      "31:10: `training.epochs` is nothing (null), but must be a whole number from 1 to 1000000"
    ),
    (
      "  gaussian: true", "  gaussian: yes",
      "49:13: `evaluation.gaussian` is the text \"yes\", but must be true or false"
    ),
    (
      "    blocks: [2, 5, 8, 11]", "    blocks: 11",
      "27:13: `network.decoder.blocks` is the whole number 11, but must be a list of 1 to 16 (each a whole number from 0 to 127)"
    ),
    (
      "    blocks: [2, 5, 8, 11]", "    blocks: [2, 5, x, 11]",
      "27:20: `network.decoder.blocks[2]` is the text \"x\", but must be a whole number from 0 to 127"
    ),
    ("title: A row", "title: 640", "2:8: `title` is the whole number 640, but must be a text"),
    (
      "plan:\n  configuration: 2d_640", "plan: 2d_640",
      "7:7: `plan` is the text \"2d_640\", but must be a mapping with keys such as `configuration`, `batch_size`"
    ),
    // Out of range.
    (
      "  epochs: 1000", "  epochs: 0",
      "31:11: `training.epochs` is the whole number 0, but must be a whole number from 1 to 1000000"
    ),
    (
      "    drop_path: 0.2", "    drop_path: 1",
      "24:16: `network.vit.drop_path` is the whole number 1, but must be a number of at least 0.0 and below 1.0"
    ),
    (
      "  gradient_clip: 12", "  gradient_clip: .inf",
      "34:18: `training.gradient_clip` is the number inf, but must be a number above 0.0 and at most 1000000.0"
    ),
    (
      "  gradient_clip: 12", "  gradient_clip: .nan",
      "34:18: `training.gradient_clip` is the number nan, but must be a number above 0.0 and at most 1000000.0"
    ),
    (
      "  fold: 0", "  fold: 1000",
      "47:9: `evaluation.fold` is the whole number 1000, but must be a whole number from 0 to 999"
    ),
    (
      "    betas: [0.9, 0.98]", "    betas: [0.9]",
      "41:12: `training.optimizer.betas` is a list of 1, but must be a list of 2 (each a number of at least 0.0 and below 1.0)"
    ),
    (
      "  folder: datasets/amos22", "  folder: ../secrets",
      "6:11: `dataset.folder` is the text \"../secrets\", but must be a relative path without `..`, such as `weights/model.pth`"
    ),
    (
      "  folder: datasets/amos22", "  folder: /etc",
      "6:11: `dataset.folder` is the text \"/etc\", but must be a relative path without `..`, such as `weights/model.pth`"
    ),
    (
      "  configuration: 2d_640", "  configuration: 3d_fullres",
      "8:18: `plan.configuration` is the text \"3d_fullres\", but must be `2d`, or `2d_N` for a square patch of N from 16 to 4096 pixels, such as `2d_640`"
    ),
    (
      "  configuration: 2d_640", "  configuration: 2d_0640",
      "8:18: `plan.configuration` is the text \"2d_0640\", but must be `2d`, or `2d_N` for a square patch of N from 16 to 4096 pixels, such as `2d_640`"
    ),
    // Choices, with the nearest.
    (
      "    kind: monai", "    kind: monay",
      "52:11: `evaluation.nsd.kind` is the text \"monay\", but must be one of `monai`, `deepmind`; did you mean `monai`?"
    ),
    (
      "    kind: adamw", "    kind: rmsprop",
      "38:11: `training.optimizer.kind` is the text \"rmsprop\", but must be one of `adamw`, `sgd`"
    ),
    // Missing.
    (
      "  epochs: 1000\n", "", "31:3: `training.epochs` (epochs) is missing; it must be a whole number from 1 to 1000000"
    ),
    (
      "initial_weights:\n  from: random\n", "",
      "1:1: `initial_weights.from` (random, a file of the user's, one of the repository's, or a pretraining recipe) is missing; it must be one of `random`, `file`, `released`, `recipe`"
    ),
    // Another kind's keys.
    (
      "  from: random", "  from: random\n  path: weights/a.pth",
      "30:9: `initial_weights.path` has no meaning where `initial_weights.from` is `random` (Recipes/row.yaml:29:9); it belongs to `file`"
    ),
    (
      "title: A row", "title: A row\nimages: {count: 3}",
      "3:17: `images` has no meaning where `kind` is `segmentation` (Recipes/row.yaml:1:7); it belongs to `pretraining`, `curation`"
    ),
    // Right alone, wrong together.
    (
      "    heads: 12", "    heads: 7",
      "12:12: `network.vit.width` is 768, which 7 heads cannot share: rotary positions need a multiple of 4 for each head"
    ),
    ("    patch_size: 16", "    patch_size: 12", "15:17: `network.vit.patch_size` is 12, but must be a power of two"),
    (
      "  configuration: 2d_640", "  configuration: 2d_648",
      "8:18: `plan.configuration` is 2d_648, but 648 is not a multiple of the ViT's patch of 16"
    ),
    (
      "    blocks: [2, 5, 8, 11]", "    blocks: [2, 5, 8, 12]",
      "27:13: `network.decoder.blocks` names block 12, but the ViT's blocks are 0 to 11"
    ),
    (
      "    blocks: [2, 5, 8, 11]", "    blocks: [5, 2, 8, 11]",
      "27:13: `network.decoder.blocks` must name blocks in rising order, each once"
    ),
    (
      "  kind: primus", "  kind: vit\n  decoder: null",
      "10:9: `network.kind` is `vit`, which cannot segment; a segmentation recipe needs \(segmenting)"
    ),
    (
      "    encoder_learning_rate: 1e-4\n", "",
      "38:5: `training.optimizer.encoder_learning_rate` is missing: `primus` has an encoder that learns"
    ),
    (
      "  from: random", "  from: file\n  path: w.pth\n  layout: nnu-net",
      "31:11: `initial_weights.layout` is `nnu-net`, but `primus` takes `dinov3` or `hugging-face` or `meddinov3` or `segbench`"
    ),
    (
      "    betas: [0.9, 0.98]", "    momentum: 0.9",
      "41:15: `training.optimizer.momentum` has no meaning where `training.optimizer.kind` is `adamw` (Recipes/row.yaml:38:11); it belongs to `sgd`"
    ),
    (
      "    power: 1", "    power: 1\n    warmup_epochs: 1000",
      "46:20: `training.schedule.warmup_epochs` is 1000, but there are only 1000 epochs"
    ),
    ("title: A row", "title: A row\nseeds: [0, 1, 0]", "3:8: `seeds` names a seed twice"),
    // The document itself.
    (
      "kind: segmentation\n", "kind: segmentation\nkind: pretraining\n",
      "2:1: the key \"kind\" is here a second time; line 1 already has it"
    ),
    ("title: A row", "title: A row\nprofile: phantom", "3:1: unknown key `profile`; did you mean `profiles`?"),
    ("title: A row", "title: A row\nprofiles: {fantom: {}}", "3:12: there is no profile `fantom`; there are: none"),
    ("title: A row", "title: A row\nfidelities: {cod: {}}", "3:14: there is no fidelity `cod`; did you mean `code`?"),
    // Sections that are not chosen are checked as well.
    (
      "title: A row", "title: A row\nfidelities: {paper: {training: {epoch: 1}}}",
      "3:33: unknown key `epoch` in `fidelities.paper.training`; did you mean `fidelities.paper.training.epochs`?"
    ),
    (
      "title: A row", "title: A row\nfidelities: {paper: {training: {epochs: 0}}}",
      "3:41: `fidelities.paper.training.epochs` is the whole number 0, but must be a whole number from 1 to 1000000"
    ),
  ])
  func refusals(old: String, new: String, message: String) throws {
    #expect(TemporaryLibrary.base.contains(old), "the base recipe has no \(old)")
    let folder = try TemporaryLibrary(["row.yaml": TemporaryLibrary.base.replacingOccurrences(of: old, with: new)])
    // `  kind: primus` with `decoder: null` names the decoder twice unless the original goes.
    if new.contains("decoder: null") {
      let text = TemporaryLibrary.base.replacingOccurrences(of: old, with: "  kind: vit")
        .replacingOccurrences(of: "  decoder:\n    multi_scale: true\n    blocks: [2, 5, 8, 11]\n", with: "")
      try folder.write(text, to: "row.yaml")
    }
    #expect(folder.complaint() == "Recipes/row.yaml:" + message)
  }

  @Test func theBaseIsRight() throws {
    let folder = try TemporaryLibrary(["row.yaml": TemporaryLibrary.base])
    let recipe = try #require(try folder.library.resolve("row.yaml").recipe.segmentation)
    #expect(recipe.training.optimizer.learningRate == 3e-4)
    #expect(recipe.training.schedule.kind == .polynomial(power: 1))
    #expect(recipe.primus.decoderBlocks == [2, 5, 8, 11])
    #expect(recipe.plan.configuration.patchSize == 640)
    #expect(recipe.plan.batchSize == nil)
    #expect(recipe.dataset.source == .folder(path: "datasets/amos22", expectedCases: nil))
    #expect(recipe.initialWeights == .random)
  }

  @Test func filesThatAreNoRecipes() throws {
    let folder = try TemporaryLibrary(["empty.yaml": "", "list.yaml": "[1]", "part.yaml": "title: only a part"])
    #expect(folder.complaint("empty.yaml") == "Recipes/empty.yaml is empty, but must hold a mapping of keys to values")
    #expect(
      folder.complaint("list.yaml") == "Recipes/list.yaml holds a list of 1, but must hold a mapping of keys to values")
    #expect(
      folder.complaint("part.yaml")
        == "Recipes/part.yaml is not a whole recipe: neither it nor what it inherits says `kind`; it is there to be inherited"
    )
  }

  @Test func settingsAreCheckedToo() throws {
    let folder = try TemporaryLibrary(["row.yaml": TemporaryLibrary.base])
    func complaint(_ setting: String) -> String { folder.complaint(overrides: [setting]) }
    #expect(
      complaint("training.epoch=3")
        == "--set training.epoch=3: unknown key `epoch` in `training`; did you mean `training.epochs`?")
    #expect(
      complaint("training.epochs=x")
        == "--set training.epochs=x: `training.epochs` is the text \"x\", but must be a whole number from 1 to 1000000")
    #expect(
      complaint("training.epochs")
        == "--set training.epochs: has no `=`; write --set key.path=value, such as --set training.epochs=2")
    #expect(
      complaint("=3")
        == "--set =3: has no key path before its `=`; write --set key.path=value, such as --set training.epochs=2")
    #expect(complaint("training..epochs=3").hasPrefix("--set training..epochs=3: has no key path"))
    #expect(complaint("training.epochs=[1").hasPrefix("--set training.epochs=[1: not YAML: "))
    #expect(complaint("training.epochs={a: 1, a: 2}").contains("here a second time"))
    #expect(complaint("training={epochs: 3}") == "nothing")
    #expect(
      complaint("profile=paper") == "--set profile=paper: unknown key `profile`; did you mean `title`?"
        || complaint("profile=paper").hasPrefix("--set profile=paper: unknown key `profile`"))
  }
}
