/// An error in what the user gave: a file, a recipe, an option. Its description is one clear sentence that names the
/// file, line or key, what was found there and what would be right. The command line prints it and exits with code 2;
/// every other error ends with code 1.
public protocol InputError: Error, CustomStringConvertible {}
