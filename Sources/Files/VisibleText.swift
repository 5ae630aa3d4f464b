extension String {
  /// The text with what could steer a terminal written out: controls, line breaks, and marks that turn the
  /// direction of writing. Texts of others are printed so.
  public var visible: String {
    guard unicodeScalars.contains(where: \.steersTerminals) else { return self }
    return unicodeScalars.reduce(into: "") { text, scalar in
      if scalar.steersTerminals {
        text += "\\u{\(String(scalar.value, radix: 16))}"
      } else {
        text.unicodeScalars.append(scalar)
      }
    }
  }

  /// The same of each line: for messages that have several.
  public var visibleLines: String {
    split(separator: "\n", omittingEmptySubsequences: false).map { String($0).visible }.joined(separator: "\n")
  }
}

extension Unicode.Scalar {
  /// Controls (C0, DEL, C1), separators of lines and paragraphs, and directional marks and embeddings.
  package var steersTerminals: Bool {
    switch value {
    case 0..<0x20, 0x7F..<0xA0, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069: true
    default: false
    }
  }
}
