/// Lays `layer` over `base`: mappings are merged deeply, everything else is replaced, null takes a value away.
///
/// When the layer changes a section's discriminator, what belongs only to the former kind goes: a recipe that starts
/// from random weights does not keep an inherited path. A recipe that changes the kind of recipe also loses what deeper
/// sections have for the former kind alone.
/// - Parameter isRecipe: whether the two are whole recipes and not sections of them.
func merged(_ base: YAMLNode, with layer: YAMLNode, section: Section?, isRecipe: Bool = true) -> YAMLNode {
  guard var entries = base.entries, let changes = layer.entries else { return layer }
  if let key = section?.discriminator, case .text(let kind)? = layer[key]?.content,
    case .text(let former)? = base[key]?.content, kind != former
  {
    entries.removeAll { entry in section?.field(entry.key).map { !$0.applies(to: kind) } ?? false }
    if isRecipe, let section {
      entries = entries.map { entry in
        YAMLEntry(key: entry.key, keyOrigin: entry.keyOrigin, value: pruned(entry.value, section, entry.key, for: kind))
      }
    }
  }
  for change in changes {
    let index = entries.firstIndex { $0.key == change.key }
    if case .null = change.value.content {
      if let index { entries.remove(at: index) }
      continue
    }
    guard let index else {
      entries.append(YAMLEntry(key: change.key, keyOrigin: change.keyOrigin, value: withoutNulls(change.value)))
      continue
    }
    var inner: Section?
    if case .section(let found)? = section?.field(change.key)?.shape { inner = found }
    let value = merged(entries[index].value, with: change.value, section: inner, isRecipe: false)
    entries[index] = YAMLEntry(key: change.key, keyOrigin: change.keyOrigin, value: value)
  }
  return YAMLNode(.mapping(entries), at: base.origin)
}

/// The value of a section's key without what has no meaning in recipes of that kind.
private func pruned(_ node: YAMLNode, _ section: Section, _ key: String, for kind: String) -> YAMLNode {
  guard let entries = node.entries, case .section(let inner)? = section.field(key)?.shape else { return node }
  let kept = entries.filter { inner.field($0.key)?.recipeKinds?.contains(kind) ?? true }.map { entry in
    YAMLEntry(key: entry.key, keyOrigin: entry.keyOrigin, value: pruned(entry.value, inner, entry.key, for: kind))
  }
  return YAMLNode(.mapping(kept), at: node.origin)
}

private func withoutNulls(_ node: YAMLNode) -> YAMLNode {
  guard let entries = node.entries else { return node }
  let kept = entries.compactMap { entry -> YAMLEntry? in
    if case .null = entry.value.content { return nil }
    return YAMLEntry(key: entry.key, keyOrigin: entry.keyOrigin, value: withoutNulls(entry.value))
  }
  return YAMLNode(.mapping(kept), at: node.origin)
}
