import Tensors

/// Two linear layers with an exact GELU between them.
struct MLP: Module {
  let expand: Linear
  let contract: Linear

  init(_ name: String, width: Int, hidden: Int, _ initializer: Initializer) {
    expand = Linear("\(name).expand", inputs: width, outputs: hidden, initializer)
    contract = Linear("\(name).contract", inputs: hidden, outputs: width, initializer)
  }

  func callAsFunction(_ x: Tensor) -> Tensor { contract(expand(x, gelu: true)) }
}
