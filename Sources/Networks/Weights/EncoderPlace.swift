import Files

/// Which of a self-distillation's networks a file of weights is read for.
public enum EncoderModel: String, Sendable, CaseIterable {
  /// The average over the training: the network that is used.
  case teacher
  case student
  /// The network whose Gram matrices a later stage was held to.
  case gramTeacher = "gram-teacher"
}

/// Where in a file a vision transformer stands.
struct EncoderPlace {
  let layout: WeightLayout
  /// What its keys begin with.
  let prefix: String

  /// What its prefix calls it; nil for a file's only network, or one of another name.
  var model: EncoderModel? {
    let parts = prefix.lowercased().split(separator: ".")
    func says(_ word: String) -> Bool { parts.contains { $0.split(separator: "_").contains { $0 == word } } }
    if says("gram") { return .gramTeacher }
    if says("teacher") || says("ema") { return .teacher }
    return says("student") ? .student : nil
  }

  /// As people are told of it.
  var description: String { "\"\(prefix)\"" + (model.map { " (\($0.rawValue))" } ?? "") }

  /// The key by which each layout's encoder is found.
  private static let marks: [(WeightLayout, key: String)] = [
    (.segbench, "patchEmbedding.weight"), (.dinov3, "patch_embed.proj.weight"),
    (.huggingFace, "embeddings.patch_embeddings.weight"),
  ]

  /// Every vision transformer of a file, in the order of their prefixes.
  static func all(in file: WeightFile) -> [EncoderPlace] {
    var places: [EncoderPlace] = []
    for (layout, mark) in marks {
      for key in file.tensors.keys where key.hasSuffix(mark) {
        let prefix = String(key.dropLast(mark.count))
        if prefix.isEmpty || prefix.hasSuffix(".") { places.append(EncoderPlace(layout: layout, prefix: prefix)) }
      }
    }
    // The published DINO U-Net's decoder names the encoder once more.
    let second = "decoder." + DINOUNetKeys.backbone
    let prefixes = places.map(\.prefix)
    places.removeAll { place in
      place.prefix.hasSuffix(second)
        && prefixes.contains(place.prefix.dropLast(second.count) + DINOUNetKeys.backbone)
    }
    return places.sorted { $0.prefix.utf8.lexicographicallyPrecedes($1.prefix.utf8) }
  }

  /// The one that is meant: the file's only one, or its teacher.
  /// - Parameter model: another of them.
  static func chosen(in file: WeightFile, _ model: EncoderModel?) throws -> EncoderPlace {
    func refuse(_ problem: String) -> WeightFileError { .unreadable(path: file.path, problem: problem) }
    let all = all(in: file)
    guard !all.isEmpty else { throw refuse("it holds no vision transformer: \(OtherModel.problem(in: file))") }
    let list = all.map(\.description).joined(separator: ", ")
    var places = all
    if let model {
      places = all.filter { $0.model == model }
      guard !places.isEmpty else { throw refuse("it holds no \(model.rawValue); its vision transformers are \(list)") }
    } else if all.count > 1, all.contains(where: { $0.model == .teacher }) {
      places = all.filter { $0.model == .teacher }
    }
    // One network under two names, such as "teacher" and "model_ema".
    let first = places.first { $0.prefix.contains("teacher") } ?? places[0]
    places.removeAll { $0.prefix != first.prefix && $0.model != nil && isSame(first, $0, in: file) }
    guard places.count == 1 else {
      let models = EncoderModel.allCases.filter { model in all.count { $0.model == model } == 1 }.map(\.rawValue)
      throw refuse(
        "it holds several vision transformers, with the prefixes \(list)"
          + (models.isEmpty
            ? "; a file with one of them is needed" : "; choose the model \(models.joined(separator: " or "))"))
    }
    return first
  }

  private static func isSame(_ a: EncoderPlace, _ b: EncoderPlace, in file: WeightFile) -> Bool {
    guard a.layout == b.layout else { return false }
    let ours = file.tensors.filter { $0.key.hasPrefix(a.prefix) }
    let count = file.tensors.keys.count { $0.hasPrefix(b.prefix) }
    return count == ours.count
      && ours.allSatisfy { file.tensors[b.prefix + $0.key.dropFirst(a.prefix.count)] == $0.value }
  }
}

extension WeightFile {
  /// What wrappers of PyTorch's put into the names of what they wrap: data parallelism, compilation, sharding, recomputation.
  private static let wrappers: Set<Substring> = [
    "module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_forward_module",
  ]

  /// The same arrays without wrappers in their names, and with the newer names of Hugging Face's blocks (`model.layer.`) as in
  /// its published files (`layer.`). The file as it is where two arrays would come to have one name.
  public var unwrapped: WeightFile {
    let plain = tensors.keys.map { key in
      let parts = key.split(separator: ".", omittingEmptySubsequences: false)
      return (
        key,
        parts.contains(where: Self.wrappers.contains)
          ? parts.filter { !Self.wrappers.contains($0) }.joined(separator: ".") : key
      )
    }
    let owners = plain.map(\.1).filter { $0.hasSuffix("embeddings.patch_embeddings.weight") }.map {
      String($0.dropLast("embeddings.patch_embeddings.weight".count))
    }
    var renamed: [String: StoredTensor] = [:]
    for (key, name) in plain {
      var name = name
      if let owner = owners.first(where: { name.hasPrefix("\($0)model.layer.") }) {
        name = owner + name.dropFirst(owner.count + "model.".count)
      }
      guard renamed.updateValue(tensors[key]!, forKey: name) == nil else { return self }
    }
    return WeightFile(path: path, format: format, tensors: renamed, scalars: scalars)
  }
}
