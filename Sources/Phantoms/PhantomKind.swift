import Datasets

/// Which public dataset a phantom set stands in for: its labels, its file names, and how its scans are taken.
public enum PhantomKind: String, CaseIterable, Sendable {
  case amos22, kits23, lits, btcv

  /// The names of the labels 1, 2, ..., in the dataset's own order.
  public var labelNames: [String] { labels.map(\.name) }

  /// The regions that the dataset is trained on, if there are any.
  var regions: [DatasetDescription.Region] { self == .kits23 ? KiTS23Labels.regions : [] }

  /// The name of case number `index`, in the dataset's own manner; AMOS22 numbers its MR scans from 507.
  func caseName(index: Int, isMR: Bool) -> String {
    func padded(_ number: Int, _ width: Int) -> String {
      let digits = String(number)
      return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    switch self {
    case .amos22: return "amos_" + padded(index + 1 + (isMR ? 506 : 0), 4)
    case .kits23: return "case_" + padded(index, 5)
    case .lits: return "liver_\(index)"
    case .btcv: return "img" + padded(index + 1, 4)
    }
  }

  /// The channel's name in `dataset.json`, which decides the normalisation: nnU-Net's own conversions of these datasets
  /// write "CT", except for AMOS22 with both of its modalities.
  var channelName: String { self == .amos22 ? "either_CT_or_MR" : "CT" }

  /// How much of the body a scan covers along z, in mm from the kidneys' level: the range its lower and upper ends are
  /// drawn from.
  var coverage: (lower: ClosedRange<Double>, upper: ClosedRange<Double>) {
    switch self {
    case .amos22: (-262 ... -225, 120...165)
    case .kits23: (-120 ... -85, 75...120)
    case .lits: (-110 ... -50, 140...175)
    case .btcv: (-150 ... -80, 130...170)
    }
  }

  /// What windows of textured phantoms lie around, in the anatomy's mm, one case after another.
  var windows: [Millimetres] {
    let (right, left, center) = (Millimetres(-60, 10, 35), Millimetres(60, 20, 45), Millimetres(5, 5, 15))
    let (upper, pelvis) = (Millimetres(30, 10, 95), Millimetres(0, -8, -208))
    switch self {
    case .amos22: return [right, left, center, pelvis, upper]
    case .btcv: return [right, left, center, upper]
    case .kits23: return [Millimetres(-66, 40, -14), Millimetres(66, 40, 4)]
    case .lits: return [Millimetres(-65, 0, 60), Millimetres(-20, -25, 70)]
    }
  }

  /// The label of each tissue, 0 where the dataset does not mark it.
  var labelOfTissue: [Int16] {
    var table = [Int16](repeating: 0, count: PhantomTissue.allCases.count)
    for (index, entry) in labels.enumerated() {
      for tissue in entry.tissues { table[Int(tissue.rawValue)] = Int16(index + 1) }
    }
    return table
  }

  private var labels: [(name: String, tissues: [PhantomTissue])] {
    switch self {
    case .amos22:
      // Names as its dataset.json spells them, "arota" included.
      [
        ("spleen", [.spleen]), ("right kidney", [.rightKidney]), ("left kidney", [.leftKidney]),
        ("gall bladder", [.gallbladder]), ("esophagus", [.esophagus]), ("liver", [.liver, .liverTumor]),
        ("stomach", [.stomach]), ("arota", [.aorta]), ("postcava", [.cava]), ("pancreas", [.pancreas]),
        ("right adrenal gland", [.rightAdrenal]), ("left adrenal gland", [.leftAdrenal]),
        ("duodenum", [.duodenum]), ("bladder", [.bladder]), ("prostate/uterus", [.prostate, .uterus]),
      ]
    case .kits23:
      Array(zip(KiTS23Labels.names, [[.rightKidney, .leftKidney], [.kidneyTumor], [.kidneyCyst]]))
    case .lits:
      [("liver", [.liver]), ("tumor", [.liverTumor])]
    case .btcv:
      [
        ("spleen", [.spleen]), ("right kidney", [.rightKidney]), ("left kidney", [.leftKidney]),
        ("gallbladder", [.gallbladder]), ("esophagus", [.esophagus]), ("liver", [.liver, .liverTumor]),
        ("stomach", [.stomach]), ("aorta", [.aorta]), ("inferior vena cava", [.cava]),
        ("portal vein and splenic vein", [.portalVein]), ("pancreas", [.pancreas]),
        ("right adrenal gland", [.rightAdrenal]), ("left adrenal gland", [.leftAdrenal]),
      ]
    }
  }
}
