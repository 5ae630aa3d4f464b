/// KiTS23's labels and the regions that its owners score and nnU-Net's conversion trains on, which is the one that the paper's
/// published code has.
package enum KiTS23Labels {
  /// Of the label maps, from 1 on.
  package static let names = ["kidney", "tumor", "cyst"]

  package static let labels = (["background"] + names).enumerated().map {
    DatasetDescription.Label(name: $0.element, value: $0.offset)
  }

  /// Each is learnt by itself; a predicted voxel gets the label of the last one that claims it.
  package static let regions: [DatasetDescription.Region] = [
    .init(name: "kidney", labels: [1, 2, 3], predictedLabel: 1),
    .init(name: "masses", labels: [2, 3], predictedLabel: 3),
    .init(name: "tumor", labels: [2], predictedLabel: 2),
  ]
}
