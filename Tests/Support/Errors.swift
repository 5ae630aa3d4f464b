import Files

/// The description of the error that `body` throws; empty when it throws none.
package func errorText(_ body: () throws -> Void) -> String {
  do {
    try body()
    return ""
  } catch {
    return "\(error)"
  }
}

/// The sentence of the input error that `body` throws; "no error" when it throws none, and what it is when it is no
/// input error, so that neither passes for one.
package func inputError(_ body: () throws -> Void) -> String {
  do {
    try body()
    return "no error"
  } catch let error as any InputError {
    return error.description
  } catch {
    return "no input error: \(error)"
  }
}
