import Tensors

/// A part of a network, with parameters and further modules as its stored properties, by themselves or in optionals and arrays.
public protocol Module {
  /// Every parameter of this module and of those in it, once each, always in the same order. A parameter's name is the path to it.
  var parameters: [Parameter] { get }
}

extension Module {
  /// In the order in which the properties are declared.
  public var parameters: [Parameter] {
    var walk = ModuleWalk()
    walk.visit(self)
    return walk.parameters
  }

  /// Where its parameters live; where there are none, the current device.
  public var device: Device { parameters.first?.value.device ?? .current }

  /// Says whether gradients are computed by its parameters: frozen ones cost no backward pass.
  public func setTrainable(_ isTrainable: Bool) {
    for parameter in parameters { parameter.isTrainable = isTrainable }
  }
}

/// Collects the parameters of a tree of modules.
private struct ModuleWalk {
  var parameters: [Parameter] = []
  private var seen: Set<ObjectIdentifier> = []

  mutating func visit(_ value: Any) {
    if let parameter = value as? Parameter {
      if seen.insert(ObjectIdentifier(parameter)).inserted { parameters.append(parameter) }
      return
    }
    let mirror = Mirror(reflecting: value)
    guard value is any Module || mirror.displayStyle == .optional || mirror.displayStyle == .collection else { return }
    for child in mirror.children { visit(child.value) }
  }
}
