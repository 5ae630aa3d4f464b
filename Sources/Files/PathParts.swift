extension String {
  /// The names between a path's slashes. By bytes: a slash and a combining mark that follows it are one `Character`, and
  /// still the slash ends a name.
  package func pathParts(keepingEmpty: Bool = false) -> [String] {
    utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: !keepingEmpty).map { String(Substring($0)) }
  }
}
