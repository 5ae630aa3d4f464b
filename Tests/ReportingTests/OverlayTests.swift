import Files
import Imaging
import Reporting
import Testing

@Suite("Overlays")
struct OverlayTests {
  /// Four slices of 20 x 30 voxels, 2 mm x 1 mm; in slice 2 a bright corner at low x and low y, labelled 1.
  func volumes(affineSign: Double) -> (image: Volume<Float>, labels: Volume<Int16>) {
    let shape = [4, 20, 30]
    let header = NIfTIHeader(
      shape: shape, spacing: [5, 2, 1],
      affine: [[affineSign, 0, 0, 0], [0, 2 * affineSign, 0, 0], [0, 0, 5, 0]])
    var image = [Float](repeating: -1000, count: 4 * 600)
    var labels = [Int16](repeating: 0, count: 4 * 600)
    for y in 0..<10 {
      for x in 0..<10 { (image[2 * 600 + y * 30 + x], labels[2 * 600 + y * 30 + x]) = (1000, 1) }
    }
    return (
      Volume(shape: shape, voxels: image, header: header), Volume(shape: shape, voxels: labels, header: header)
    )
  }

  func pixel(_ picture: PNGImage, _ x: Int, _ y: Int) -> [UInt8] {
    Array(picture.pixels[3 * (y * picture.width + x)..<3 * (y * picture.width + x) + 3])
  }

  // Panels of 120 x 160 pixels (30 x 1 mm by 20 x 2 mm) start at y = 36 without a title, at x = 12, 142 and 272.
  @Test("the patient's right is on the left and the front at the top, whichever way the voxels run")
  func orientation() throws {
    // With x to the patient's right and y to the front, low x and low y are the patient's left and back: lower right.
    let ras = volumes(affineSign: 1)
    let picture = try Overlay.picture(
      image: ras.image, reference: nil, prediction: ras.labels, slice: 2, labels: [PictureLabel(value: 1, name: "a")],
      panelWidth: 120)
    #expect(pixel(picture, 12 + 115, 36 + 155) == [255, 255, 255])
    #expect(pixel(picture, 12 + 5, 36 + 5) == [0, 0, 0])
    let lps = volumes(affineSign: -1)
    let turned = try Overlay.picture(
      image: lps.image, reference: nil, prediction: lps.labels, slice: 2, labels: [PictureLabel(value: 1, name: "a")],
      panelWidth: 120)
    #expect(pixel(turned, 12 + 5, 36 + 5) == [255, 255, 255])
    #expect(pixel(turned, 12 + 115, 36 + 155) == [0, 0, 0])
  }

  @Test("slices along x are drawn as the same slices along z are")
  func otherAxes() throws {
    let axial = volumes(affineSign: -1)
    // The same volume with x for z and z for x, as KiTS23 stores its scans.
    let shape = [30, 20, 4]
    let header = NIfTIHeader(
      shape: shape, spacing: [1, 2, 5], affine: [[0, 0, -1.0, 0], [0, -2, 0, 0], [5, 0, 0, 0]])
    func turned<Value>(_ volume: Volume<Value>) -> Volume<Value> {
      var voxels: [Value] = []
      for x in 0..<30 { for y in 0..<20 { for z in 0..<4 { voxels.append(volume.voxels[z * 600 + y * 30 + x]) } } }
      return Volume(shape: shape, voxels: voxels, header: header)
    }
    let labels = [PictureLabel(value: 1, name: "a")]
    let expected = try Overlay.picture(
      image: axial.image, reference: axial.labels, prediction: axial.labels, slice: 2, labels: labels, panelWidth: 120)
    let (image, map) = (turned(axial.image), turned(axial.labels))
    #expect(Overlay.fullestSlice(of: map, across: 2) == 2)
    let picture = try Overlay.picture(
      image: image, reference: map, prediction: map, slice: 2, across: 2, labels: labels, panelWidth: 120)
    #expect(picture == expected)
  }

  @Test("the fill is the prediction's and the outline the reference's")
  func fillAndOutline() throws {
    let (image, labels) = volumes(affineSign: -1)
    let empty = Volume(voxels: [Int16](repeating: 0, count: 2400), like: labels)
    let missed = try Overlay.picture(
      image: image, reference: labels, prediction: empty, slice: 2, labels: [PictureLabel(value: 1, name: "a")],
      panelWidth: 120)
    let red: [UInt8] = [228, 60, 60]
    // The organ's right edge is at x = 10 mm = 40 pixels, its lower one at y = 20 mm = 80 pixels.
    #expect(pixel(missed, 142 + 39, 36 + 40) == red)
    #expect(pixel(missed, 142 + 20, 36 + 79) == red)
    #expect(pixel(missed, 142 + 20, 36 + 40) == [243, 167, 167])  // 45 % of the red over white
    #expect(pixel(missed, 272 + 39, 36 + 40) == red)
    #expect(pixel(missed, 272 + 20, 36 + 40) == [255, 255, 255])
    #expect(pixel(missed, 272 + 46, 36 + 40) == [0, 0, 0])
    let found = try Overlay.picture(
      image: image, reference: labels, prediction: labels, slice: 2, labels: [PictureLabel(value: 1, name: "a")],
      panelWidth: 120)
    #expect(pixel(found, 272 + 20, 36 + 40) == [243, 167, 167])
  }

  @Test("the fullest slice has the most classes, then the most voxels")
  func fullest() {
    let header = NIfTIHeader(shape: [3, 2, 2], spacing: [1, 1, 1])
    let volume = Volume<Int16>(shape: [3, 2, 2], voxels: [1, 1, 1, 1, 1, 2, 0, 0, 1, 2, 2, 0], header: header)
    #expect(Overlay.fullestSlice(of: volume) == 2)
  }

  @Test("other shapes and slices that aren't there are refused")
  func refused() {
    let (image, labels) = volumes(affineSign: 1)
    let other = Volume<Int16>(
      shape: [1, 1, 1], voxels: [0], header: NIfTIHeader(shape: [1, 1, 1], spacing: [1, 1, 1]))
    #expect(throws: ReportError.differentShapes("prediction", [1, 1, 1], [4, 20, 30])) {
      try Overlay.picture(image: image, reference: labels, prediction: other, slice: 0, labels: [])
    }
    #expect(throws: ReportError.noSuchSlice(4, 4)) {
      try Overlay.picture(image: image, reference: labels, prediction: labels, slice: 4, labels: [])
    }
  }

  @Test("percentiles leave out what isn't finite, and a flat image still has a window")
  func percentiles() {
    let header = NIfTIHeader(shape: [1, 1, 101], spacing: [1, 1, 1])
    var values = (0...100).map { Float($0) }
    let window = IntensityWindow.percentiles(of: Volume(shape: [1, 1, 101], voxels: values, header: header))
    #expect(window == IntensityWindow(black: 1, white: 99))
    values = [Float](repeating: .nan, count: 101)
    let flat = IntensityWindow.percentiles(of: Volume(shape: [1, 1, 101], voxels: values, header: header))
    #expect(flat.black < flat.white)
  }
}
