/// The name among `candidates` that `word` was probably meant to be: the smallest edit distance, if it is small enough
/// for a slip of the fingers; nil otherwise.
public func nearestName(to word: String, among candidates: [String]) -> String? {
  let scored = candidates.map { (name: $0, distance: editDistance(word, $0)) }
  guard let best = scored.min(by: { ($0.distance, $0.name) < ($1.distance, $1.name) }) else { return nil }
  return best.distance <= max(2, word.count / 3) ? best.name : nil
}

/// The number of insertions, deletions and substitutions that turn one word into the other (Levenshtein).
func editDistance(_ a: String, _ b: String) -> Int {
  let a = Array(a.utf8.prefix(256))
  let b = Array(b.utf8.prefix(256))
  var row = Array(0...b.count)
  for i in 0..<a.count {
    var diagonal = row[0]
    row[0] = i + 1
    for j in 0..<b.count {
      let substituted = diagonal + (a[i] == b[j] ? 0 : 1)
      diagonal = row[j + 1]
      row[j + 1] = min(substituted, row[j] + 1, row[j + 1] + 1)
    }
  }
  return row[b.count]
}
