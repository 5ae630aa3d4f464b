extension String {
  /// The text with what could steer a terminal written out: controls, line breaks, and marks that turn the
  /// direction of writing. Texts of others are printed so.
  public var visible: String { visible { $0.steersTerminals } }

  /// The same of each line: for messages that have several.
  public var visibleLines: String {
    split(separator: "\n", omittingEmptySubsequences: false).map { String($0).visible }.joined(separator: "\n")
  }

  /// The text with every scalar beyond ASCII written out, so that two spellings of one word can be told apart.
  var spelled: String { visible { !$0.isASCII || $0.steersTerminals } }

  /// Bytes that may be no text at all: ASCII as it is, others as `\xNN`.
  public init(visible bytes: some Sequence<UInt8>) {
    self = bytes.reduce(into: "") { text, byte in
      if (0x20..<0x7f).contains(byte) {
        text.unicodeScalars.append(Unicode.Scalar(byte))
      } else {
        text += "\\x" + String(Int(byte) + 256, radix: 16).suffix(2)
      }
    }
  }

  private func visible(_ isWrittenOut: (Unicode.Scalar) -> Bool) -> String {
    guard unicodeScalars.contains(where: isWrittenOut) else { return self }
    return unicodeScalars.reduce(into: "") { text, scalar in
      if isWrittenOut(scalar) {
        text += "\\u{\(String(scalar.value, radix: 16))}"
      } else {
        text.unicodeScalars.append(scalar)
      }
    }
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
