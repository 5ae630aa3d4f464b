/// The keys of pretraining and of its images.
extension RecipeSchema {
  static let images = Section(
    discriminator: "kind",
    [
      Field("kind", .choice(["dead-leaves", "ct-slices"]), "procedural natural images, or axial slices of CT volumes"),
      Field("count", .integer(1...10_000_000), "how many", in: deadLeaves),
      Field("size", .integer(16...4096), "pixels along a side", in: deadLeaves),
      Field("seed", .integer(0...Int(UInt32.max)), "the seed they are drawn from", in: deadLeaves),
      Field("sources", .list(of: .section(source), count: 1...100), "where volumes come from", in: slices),
      Field("pixel_mm", .number(.closed(0.01, 100)), "spacing in plane to resample to first, in mm", in: slices),
      Field("slice_size", .integer(16...4096), "pixels along a stored slice's side", in: slices),
      Field("window", .list(of: .number(.closed(-32768, 32767)), count: 2...2), "HU that are kept apart", in: slices),
      Field("mean", .number(.closed(-1e5, 1e5)), "taken off, in HU", in: slices),
      Field("deviation", .number(.above(0, upTo: 1e5)), "divided by, in HU", in: slices),
      Field("volumes_per_shard", .integer(1...10_000), "volumes in a file", in: slices),
      Field(
        "expected_slices", .integer(1...1_000_000_000), "slices that the published collection has", .optional,
        in: slices, affectsResult: false),
    ])

  private static let deadLeaves = ["dead-leaves"]
  private static let slices = ["ct-slices"]

  static let source = Section(
    discriminator: "source",
    [
      Field("name", .text(.name), "the source's name"),
      Field("source", .choice(["folder", "phantom"]), "a folder of the user's data, or generated phantoms"),
      Field("folder", .text(.relativePath), "below SEGBENCH_DATA", in: ["folder"]),
      Field(
        "files", .list(of: .text(.relativePath), count: 1...20),
        "its volumes: paths below the folder in which `*`, `?` and `[...]` stand for parts of a name", in: ["folder"]),
      Field(
        "expected_volumes", .integer(1...1_000_000), "volumes that the published source has", .optional, in: ["folder"]),
      Field("phantom", .section(phantom), "the phantoms to generate", in: ["phantom"]),
    ])

  static let selfDistillation = Section([
    Field("iterations", .integer(1...10_000_000), "optimiser steps"),
    Field("batch_size", .integer(1...65536), "images in a batch"),
    Field(
      "images_at_once", .integer(1...65536),
      "of these, how many are in memory together: a divisor of the batch; but for rounding, results are the same",
      affectsResult: false),
    Field("crops", .section(crops), "the views of an image"),
    Field("masked_patches", .section(maskedPatches), "the patches that the student must guess"),
    Field("koleo_weight", .number(.closed(0, 100)), "weight of the loss that keeps images apart"),
    Field(
      "koleo_group", .integer(2...65536),
      "images among which it looks for the nearest other one: a divisor of the batch, or all of a smaller one"),
    Field("local_loss", .section(localLoss), "how much the small views count in the loss between views"),
    Field("gram", .section(gram), "Gram anchoring; left out: none", .optional),
    Field("head", .section(head), "the projection heads of the CLS token and of masked patches"),
    Field("teacher", .section(teacher), "the moving average that the student learns from"),
    Field(
      "student_start", .choice(StudentStart.self),
      "whether the student begins at the teacher or at the student of the recipe that this one starts from; the teacher "
        + "always begins at the teacher", .standard(.text("teacher"))),
    Field("student_temperature", .number(.above(0, upTo: 10)), "temperature of the student's softmax"),
    Field("optimizer", .section(pretrainingOptimizer), "the optimiser"),
    Field("gradient_clip", .number(.above(0, upTo: 1e6)), "largest norm of the gradients that are clipped together"),
    Field(
      "gradient_clip_scope", .choice(GradientClipScope.self),
      "what is clipped together: the backbone and each head apart, or all gradients"),
    Field("frozen_last_layer_iterations", .integer(0...10_000_000), "first steps without updates of the prototypes"),
    Field(
      "snapshots", .list(of: .integer(1...10_000_000), count: 0...1000), "steps after which the teacher is kept",
      .standard(.list([]))),
  ])

  static let crops = Section(
    discriminator: "kind",
    [
      Field("kind", .choice(["dinov3", "ct"]), "whose views: DINOv3's, or SegBench's own for CT"),
      Field("sizes", .list(of: .section(viewSizes), count: 1...100), "the views' sizes; a batch has one of them"),
      Field("global", .section(globalCrops), "the two large views, for teacher and student"),
      Field("local", .section(localCrops), "small views, for the student"),
      Field("flips", .section(flips), "mirroring"),
      Field("jitter", .section(jitter), "changes of a view's intensities", in: ["ct"]),
      Field("color", .section(color), "changes of a view's intensities", in: ["dinov3"]),
    ])

  static let viewSizes = Section([
    Field("global", .integer(8...4096), "pixels along a large view's side"),
    Field("local", .integer(8...4096), "pixels along a small view's side"),
    Field("gram", .integer(8...4096), "pixels along a large view's side as the Gram teacher sees it", .optional),
    Field("share", .number(.above(0, upTo: 1e6)), "how often, in parts of all shares", .standard(.number(1))),
  ])

  static let globalCrops = Section([
    Field("scale", areas, "smallest and largest part of the image's area")
  ])

  static let localCrops = Section([
    Field("count", .integer(0...64), "views of each image"),
    Field("scale", areas, "smallest and largest part of the image's area"),
  ])

  private static let areas = Shape.list(of: .number(.above(0, upTo: 1)), count: 2...2)

  static let flips = Section([
    Field("vertical", .number(.closed(0, 1)), "how likely a view is upside down"),
    Field("horizontal", .number(.closed(0, 1)), "how likely left is right"),
  ])

  static let jitter = Section([
    Field("brightness", .number(.closed(0, 10)), "greatest shift in standard deviations"),
    Field("contrast", .number(.from(0, below: 1)), "greatest change of the factor, which lies around 1"),
    Field("gamma", .number(.closed(1, 10)), "greatest exponent; its inverse is the smallest"),
    Field("blur", .number(.closed(0, 20)), "greatest deviation of a Gaussian blur in pixels"),
    Field("noise", .number(.closed(0, 10)), "greatest deviation of noise in standard deviations"),
  ])

  static let color = Section([
    Field("jitter", .number(.closed(0, 1)), "how likely brightness and contrast change"),
    Field("brightness", .number(.from(0, below: 1)), "greatest change of the factor, which lies around 1"),
    Field("contrast", .number(.from(0, below: 1)), "greatest change of the factor, which lies around 1"),
    Field("blur", .section(blur), "how likely a view is blurred, by 0.1 to 2 pixels"),
    Field("solarize", .number(.closed(0, 1)), "how likely the second large view's bright half is turned over"),
  ])

  static let blur = Section([
    Field("first", .number(.closed(0, 1)), "the first large view"),
    Field("second", .number(.closed(0, 1)), "the second large view"),
    Field("local", .number(.closed(0, 1)), "a small view"),
  ])

  static let localLoss = Section([
    Field(
      "weight", .list(of: .number(.closed(0, 100)), count: 2...2), "first and last weight, half a cosine between them"),
    Field(
      "iterations", .integer(0...10_000_000), "steps from the first weight to the last; 0: the last from the start"),
  ])

  static let maskedPatches = Section([
    Field("weight", .number(.closed(0, 100)), "weight of the loss on masked patches; 0 masks nothing"),
    Field("probability", .number(.closed(0, 1)), "the part of the large views that has masked patches, rounded down"),
    Field(
      "ratio", .list(of: .number(.closed(0, 1)), count: 2...2),
      "smallest and largest part of them masked, shared out in equal steps"),
  ])

  static let gram = Section([
    Field("weight", .number(.above(0, upTo: 100)), "weight of the loss"),
    Field(
      "rise_iterations", .integer(0...10_000_000),
      "steps in which the weight rises from 0 along half a cosine; 0: none"),
    Field(
      "normalization", .choice(GramNormalization.self),
      "the mean of the squared differences, or their sum, the squared Frobenius norm"),
    Field("teacher", .section(gramTeacher), "the earlier model"),
  ])

  static let gramTeacher = Section(
    discriminator: "from",
    [
      Field(
        "from", .choice(["snapshot", "previous"]),
        "a snapshot of the recipe that this one starts from, or the Gram teacher which that one had"),
      Field("iteration", .integer(1...10_000_000), "the snapshot's step", in: ["snapshot"]),
    ])

  static let head = Section([
    Field("start", .choice(HeadStart.self), "random, or where the recipe that this one starts from left them"),
    Field("prototypes", .integer(2...1_000_000), "outputs"),
    Field("hidden_width", .integer(1...65536), "width of the two hidden layers"),
    Field("bottleneck_width", .integer(1...65536), "width before the prototypes"),
    Field("initial_deviation", .number(.above(0, upTo: 10)), "standard deviation of random weights"),
  ])

  static let teacher = Section([
    Field("momentum", .list(of: .number(.closed(0, 1)), count: 2...2), "first and last, a cosine between them"),
    Field("temperature", .list(of: .number(.above(0, upTo: 10)), count: 2...2), "first and last, a line between them"),
    Field("temperature_warmup_iterations", .integer(0...10_000_000), "steps from the first to the last temperature"),
  ])

  static let pretrainingOptimizer = Section(
    discriminator: "schedule",
    [
      Field("kind", .choice(["adamw"]), "the algorithm"),
      Field("learning_rate", .number(.above(0, upTo: 10)), "highest learning rate, before its scaling"),
      Field(
        "rate_scaling", .choice(RateScaling.self),
        "what the highest learning rate is multiplied by: 1, or 4 times the square root of batch / 1024"),
      Field(
        "schedule", .choice(["cosine", "constant", "rising"]),
        "half a cosine down after the warm-up, constant after it, or half a cosine up for the warm-up, then constant"),
      Field(
        "final_learning_rate", .number(.closed(0, 10)), "last learning rate, at the end of the cosine; never scaled",
        in: ["cosine"]),
      Field("warmup_iterations", .integer(0...10_000_000), "steps from zero to the highest learning rate"),
      Field("layer_decay", .number(.above(0, upTo: 1)), "factor of the learning rate for each block below the last"),
      Field(
        "patch_embedding_rate", .number(.closed(0, 10)), "factor of the patch embedding's learning rate beside that"),
      Field("betas", .list(of: .number(.from(0, below: 1)), count: 2...2), "decay of the two moments"),
      Field(
        "epsilon", .number(.above(0, upTo: 0.1)), "added to the root of the second moment", .standard(.number(1e-8))),
      Field("weight_decay", .list(of: .number(.closed(0, 10)), count: 2...2), "first and last, a cosine between them"),
    ])
}
