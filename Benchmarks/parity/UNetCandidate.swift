import Networks

/// nnU-Net's network from dynamic-network-architectures.
func unetCandidate(_ file: PeerFile) throws -> Candidate {
  func pairs(_ name: String) throws -> [[Int]] {
    let flat = try file.form(name)
    return stride(from: 0, to: flat.count, by: 2).map { [flat[$0], flat[$0 + 1]] }
  }
  let network = UNet(
    UNetConfiguration(
      channels: try file.form("channels")[0], features: try file.form("features"), kernels: try pairs("kernels"),
      strides: try pairs("strides"), convolutions: try file.form("convolutions"),
      decoderConvolutions: try file.form("decoder"), deepSupervision: try file.form("deep")[0] == 1),
    classes: try file.form("classes")[0], Initializer(seed: 0))
  return Candidate(network: network, mapping: .nnUNet(network, prefix: "value."))
}
