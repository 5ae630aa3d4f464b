/// What tells the organs of a phantom set apart.
public enum PhantomStyle: String, CaseIterable, Sendable {
  /// Whole patients on their backs, organs as bright as radiology reads them: much can be told from position and brightness.
  case clinical
  /// A window of 105 to 150 mm somewhere in a body that is turned, mirrored and scaled; organs of one brightness, told apart
  /// by texture, edges, shape and neighbours.
  case textured
}
