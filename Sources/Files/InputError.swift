/// An error in what the user gave: a file, a recipe, an option. Its description is one clear sentence that names the
/// file, line or key, what was found there and what would be right. The command line prints it and exits with code 2;
/// every other error ends with code 1.
public protocol InputError: Error, CustomStringConvertible {}

/// What `body` returns; nil when the input is refused. A machine that fails is no refusal.
/// - Throws: every error of `body` but an `InputError`.
public func unlessRefused<Value>(_ body: () throws -> Value) throws -> Value? {
  do { return try body() } catch is any InputError { return nil }
}
