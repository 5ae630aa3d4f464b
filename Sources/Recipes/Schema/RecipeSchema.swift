/// Every key a recipe may have, with its type, its range and what it means. The typed structures in `Recipe.swift`,
/// `SegmentationRecipe.swift`, `PredictionsRecipe.swift`, `TrainingSettings.swift` and `PretrainingRecipe.swift` and the kinds of networks read the
/// same keys; one that no structure reads is our bug and stops the first recipe that is read.
public struct RecipeSchema: Sendable {
  /// The networks that there are; each brings its own keys.
  let networks: [any NetworkKind.Type]
  /// The whole recipe.
  let recipe: Section

  init(networks: [any NetworkKind.Type]) {
    self.networks = networks
    let segmentation = ["segmentation"]
    let pretraining = ["pretraining"]
    let trainings = ["segmentation", "pretraining"]
    let scored = ["segmentation", "predictions"]
    recipe = Section(
      discriminator: "kind",
      [
        Field(
          "kind", .choice(Recipe.Kind.self),
          "what the recipe is: a training, predictions made elsewhere, or images brought together"),
        Field("title", .text(.any), "one line for tables and messages", affectsResult: false),
        Field("description", .text(.any), "what a reader should know", .optional, affectsResult: false),
        Field(
          "fidelity", .choice(Recipe.Fidelity.self),
          "which value to take where the paper and the published code differ",
          .standard(.text(Recipe.Fidelity.code.rawValue)), affectsResult: false),
        Field(
          "seeds", .list(of: .integer(0...Int(UInt32.max)), count: 1...100), "one run for each seed",
          .standard(.list([YAMLNode(.integer(0), at: .schemaDefault)])), affectsResult: false),
        Field(
          "profile", .text(.name), "the profile it was resolved with; written, not chosen here", .optional,
          affectsResult: false),
        Field("network", .section(Self.network(networks)), "the network", in: trainings),
        Field("dataset", .section(Self.dataset), "what it learns from and is scored on", in: scored),
        Field("predictions", .section(Self.predictions), "what another tool predicted", in: ["predictions"]),
        Field("plan", .section(Self.plan), "nnU-Net's plan and what replaces parts of it", in: segmentation),
        Field(
          "initial_weights", .section(Self.initialWeights), "where the encoder's weights come from", in: trainings),
        Field("training", .section(Self.training), "the supervised training", in: segmentation),
        Field("evaluation", .section(Self.evaluation), "prediction and metrics", in: scored),
        Field("images", .section(Self.images), "what the encoder sees", in: ["pretraining", "curation"]),
        Field("self_distillation", .section(Self.selfDistillation), "the self-supervised training", in: pretraining),
      ])
  }

  // MARK: both kinds

  /// The value of `network.kind` for a ViT that is pretrained alone.
  static let bareEncoder = "vit"

  /// The section `network`: the kinds' own keys, each with the kinds that have it.
  private static func network(_ kinds: [any NetworkKind.Type]) -> Section {
    let encoder = [Field("vit", .section(visionTransformer), "the encoder")]
    let all = kinds.map { ($0.name, $0.fields) } + [(bareEncoder, encoder)]
    precondition(Set(all.map(\.0)).count == all.count, "two kinds of networks share a name")
    var fields = [Field("kind", .choice(all.map(\.0)), "the network; `vit` is an encoder alone, for pretraining")]
    for (name, own) in all {
      for var field in own {
        if let index = fields.firstIndex(where: { $0.key == field.key }) {
          fields[index].variants?.append(name)
        } else {
          field.variants = [name]
          fields.append(field)
        }
      }
    }
    return Section(discriminator: "kind", fields)
  }

  /// The keys of a vision transformer, for `Field("vit", .section(RecipeSchema.visionTransformer), …)`.
  public static let visionTransformer = Section([
    Field("width", .integer(4...8192), "channels of a token"),
    Field("depth", .integer(1...128), "blocks"),
    Field("heads", .integer(1...128), "attention heads"),
    Field("patch_size", .integer(2...64), "pixels along a patch's side"),
    Field("input_channels", .integer(1...16), "channels of the patch embedding; a single image channel is repeated"),
    Field("mlp_ratio", .number(.above(0, upTo: 16)), "width of the MLP over the token's width"),
    Field("storage_tokens", .integer(0...64), "extra tokens beside the CLS token (registers)"),
    Field("layer_norm_epsilon", .number(.above(0, upTo: 0.01)), "added to the variance by LayerNorm"),
    Field("rope_base", .number(.above(1, upTo: 1e6)), "base of the rotary position embedding's periods"),
    Field(
      "rope_rescale", .number(.closed(1, 100)),
      "greatest factor of all positions, drawn in training for each block; 1 for none", .standard(.number(1))),
    Field(
      "rope_jitter", .number(.closed(1, 100)), "the same for each axis by itself; 1 for none", .standard(.number(1))),
    Field(
      "rope_shift", .number(.closed(0, 100)),
      "greatest offset of each axis's positions, which run from -1 to 1, drawn likewise; 0 for none",
      .standard(.number(0))),
    Field("qkv_bias", .boolean, "whether queries, keys and values have a bias"),
    Field("mask_k_bias", .boolean, "whether the keys' part of that bias is held at zero"),
    Field("layer_scale", .number(.above(0, upTo: 10)), "initial LayerScale"),
    Field("drop_path", .number(.from(0, below: 1)), "rate of stochastic depth"),
    Field(
      "drop_path_selection", .choice(VisionTransformerSettings.DropPathSelection.self),
      "which images skip a branch: all but exactly floor((1 - rate) x images), or each by itself",
      .standard(.text("subset"))),
  ])

  // MARK: segmentation

  static let dataset = Section(
    discriminator: "source",
    [
      Field("name", .text(.datasetName), "the dataset's name"),
      Field(
        "targets", .choice(TargetSettings.self),
        "what networks learn: each label, or the regions of dataset.json; regions if it has any, unless given",
        .optional),
      Field("source", .choice(["folder", "phantom"]), "a folder of the user's data, or generated phantoms"),
      Field(
        "folder", .text(.relativePath), "nnU-Net's raw dataset, below SEGBENCH_DATA", in: ["folder"],
        affectsResult: false),
      Field(
        "expected_cases", .integer(1...1_000_000), "labelled cases the published dataset has", .optional,
        in: ["folder"],
        affectsResult: false),
      Field("phantom", .section(phantom), "the phantoms to generate", in: ["phantom"]),
    ])

  static let phantom = Section([
    Field("kind", .choice(PhantomKind.self), "the dataset that the phantoms imitate"),
    Field("cases", .integer(5...10_000), "how many"),
    Field("seed", .integer(0...Int(UInt32.max)), "the seed of their anatomy"),
    Field("size", .list(of: .integer(8...1024), count: 3...3), "typical voxels along x, y and z"),
  ])

  static let plan = Section([
    Field(
      "configuration",
      .text(
        .form("`2d`, or `2d_N` for a square patch of N from 16 to 4096 pixels, such as `2d_640`") {
          PlanConfiguration(name: $0) != nil
        }), "nnU-Net's 2d configuration, or one derived from it with a square patch"),
    Field("batch_size", .integer(1...4096), "images in a batch in place of the plan's number", .optional),
  ])

  static let predictions = Section([
    Field(
      "folder", .text(.relativePath), "the folder of label maps, CASE.nii.gz or CASE.nii, below SEGBENCH_DATA",
      affectsResult: false)
  ])

  static let initialWeights = Section(
    discriminator: "from",
    [
      Field("from", .choice(["random", "file", "recipe"]), "random, a file of weights, or a pretraining recipe"),
      Field("path", .text(.relativePath), "the file, below SEGBENCH_DATA", in: ["file"], affectsResult: false),
      Field("layout", .choice(WeightLayout.self), "whose names the file's weights have", in: ["file"]),
      Field(
        "model", .choice(WeightModel.self), "which network of a self-distillation's file (the teacher)", .optional,
        in: ["file"]),
      Field("recipe", .text(.relativePath), "the pretraining recipe, below the recipes' root", in: ["recipe"]),
    ])

  static let training = Section([
    Field("epochs", .integer(1...1_000_000), "epochs"),
    Field("steps_per_epoch", .integer(1...1_000_000), "optimiser steps in an epoch"),
    Field("validation_steps", .integer(1...1_000_000), "batches for an epoch's validation pseudo-Dice"),
    Field("optimizer", .section(optimizer), "the optimiser"),
    Field("schedule", .section(schedule), "the learning rate over the epochs"),
    Field("gradient_clip", .number(.above(0, upTo: 1e6)), "largest norm of all gradients together"),
    Field("foreground_oversampling", .number(.closed(0, 1)), "part of a batch that must show foreground"),
    Field("augmentation", .choice(Augmentation.self), "what is done to training patches"),
    Field(
      "recompute", .boolean, "whether networks' parts are computed twice to save memory; the same bits", .optional,
      affectsResult: false),
  ])

  static let optimizer = Section(
    discriminator: "kind",
    [
      Field("kind", .choice(["adamw", "sgd"]), "the algorithm"),
      Field("learning_rate", .number(.above(0, upTo: 10)), "initial learning rate of everything but the encoder"),
      Field(
        "encoder_learning_rate", .number(.closed(0, 10)),
        "initial learning rate of the encoder, where the network has one that learns", .optional),
      Field(
        "betas", .list(of: .number(.from(0, below: 1)), count: 2...2), "decay of the two moments", in: ["adamw"]),
      Field(
        "epsilon", .number(.above(0, upTo: 0.1)), "added to the root of the second moment", .standard(.number(1e-8)),
        in: ["adamw"]),
      Field("momentum", .number(.from(0, below: 1)), "decay of the velocity", in: ["sgd"]),
      Field(
        "nesterov", .boolean, "whether the velocity is looked ahead along", .standard(.boolean(true)), in: ["sgd"]),
      Field("weight_decay", .number(.closed(0, 10)), "weight decay: adamw's decoupled, sgd's added to the gradient"),
    ])

  static let schedule = Section(
    discriminator: "kind",
    [
      Field(
        "kind", .choice(["polynomial", "linear", "cosine", "constant"]),
        "its form; polynomial is (1 - epoch / epochs) to a power"),
      Field("power", .number(.above(0, upTo: 10)), "that power; 1 is a straight line", in: ["polynomial"]),
      Field(
        "final_fraction", .number(.closed(0, 1)), "the part of the initial rate that it comes to",
        .standard(.number(0)), in: ["linear", "cosine"]),
      Field(
        "warmup_epochs", .integer(0...1_000_000), "epochs over which the rate rises before the form begins", .optional),
    ])

  static let evaluation = Section([
    Field("fold", .integer(0...999), "the fold that is left out for evaluation: of nnU-Net's five, or of `splits`"),
    Field(
      "splits", .text(.relativePath), "a splits_final.json below SEGBENCH_DATA in place of nnU-Net's five folds",
      .optional, affectsResult: false),
    Field(
      "tile_step", .number(.above(0, upTo: 1)), "step of the sliding window in patch sizes",
      ofRecipes: ["segmentation"]),
    Field("gaussian", .boolean, "whether a window's middle counts more", ofRecipes: ["segmentation"]),
    Field(
      "mirroring", .boolean, "whether predictions are averaged over mirrored inputs", ofRecipes: ["segmentation"]),
    Field(
      "classes", .choice(TargetSettings.self),
      "what is scored: each label, or each region of dataset.json; what networks learn, unless given", .optional),
    Field("nsd", .section(surfaceDice), "the normalised surface distance"),
    // A run keeps what every rule needs, so that its scores may be averaged again by another without running it again.
    Field(
      "absent", .choice(AbsentClassRule.self),
      "whether a case that lacks a class is left out of the class's means, or counts 0 where the class was predicted",
      .standard(.text(AbsentClassRule.exclude.rawValue)), affectsResult: false),
    Field(
      "hd95_missing", .choice(MissingDistanceRule.self),
      "whether HD95's mean leaves out a case in which the class was missed, or counts the image's diagonal",
      .standard(.text(MissingDistanceRule.exclude.rawValue)), affectsResult: false),
  ])

  static let surfaceDice = Section([
    Field("kind", .choice(SurfaceDiceKind.self), "whose definition of surface"),
    Field("tolerance_mm", .number(.closed(0, 1000)), "distance that still counts as right, in mm"),
  ])
}
