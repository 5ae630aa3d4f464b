import Foundation

/// An error in words for people: system errors say which file they were about, and a stop is no error of Swift's.
public func errorText(_ error: any Error) -> String {
  if error is CancellationError { return "interrupted" }
  guard error is CocoaError || error is POSIXError else { return "\(error)" }
  let system = error as NSError
  let path = (system.userInfo[NSFilePathErrorKey] as? String) ?? (system.userInfo[NSURLErrorKey] as? URL)?.path
  return (path.map { $0 + ": " } ?? "") + system.localizedDescription
}
