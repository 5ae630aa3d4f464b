import CPNG
import Foundation

/// An 8-bit picture: grey (one channel) or RGB (three), rows from the top, pixels interleaved.
public struct PNGImage: Equatable, Sendable {
  public let width: Int
  public let height: Int
  /// 1 for grey, 3 for RGB.
  public let channels: Int
  /// `height * width * channels` bytes.
  public var pixels: [UInt8]

  /// Pictures of more pixels than this are refused on reading.
  public static let maximumPixels = 1 << 28

  public init(width: Int, height: Int, channels: Int, pixels: [UInt8]) {
    precondition(width > 0 && height > 0 && (channels == 1 || channels == 3), "a picture needs pixels, 1 or 3 channels")
    precondition(pixels.count == width * height * channels, "a picture of \(width) x \(height) x \(channels) bytes")
    self.width = width
    self.height = height
    self.channels = channels
    self.pixels = pixels
  }

  /// Writes the picture as a PNG file; equal pictures give equal bytes.
  /// - Throws: `PNGError` or `FileError`.
  public func write(to url: URL) throws { try AtomicFile.write(data(named: url.path), to: url) }

  /// The PNG file's bytes.
  /// - Parameter name: what the picture is called in an error.
  /// - Throws: `PNGError`.
  public func data(named name: String = "a picture") throws -> Data {
    var image = png_image()
    image.version = UInt32(PNG_IMAGE_VERSION)
    image.width = UInt32(width)
    image.height = UInt32(height)
    image.format = channels == 3 ? UInt32(PNG_FORMAT_FLAG_COLOR) : 0
    let stride = Int32(width * channels)
    // In memory first: libpng's own files tell less of what went wrong.
    var length = png_alloc_size_t(0)
    guard png_image_write_to_memory(&image, nil, &length, 0, pixels, stride, nil) != 0 else {
      throw PNGError(path: name, message: Self.message(of: image))
    }
    var bytes = [UInt8](repeating: 0, count: Int(length))
    guard png_image_write_to_memory(&image, &bytes, &length, 0, pixels, stride, nil) != 0 else {
      throw PNGError(path: name, message: Self.message(of: image))
    }
    return Data(bytes.prefix(Int(length)))
  }

  /// Reads a PNG file of any kind as 8-bit grey or RGB; transparency is laid over black.
  /// - Throws: `PNGError` when it is no whole PNG or too large, or `FileError`.
  public static func read(_ url: URL) throws -> PNGImage {
    _ = try fileSize(url)
    var image = png_image()
    image.version = UInt32(PNG_IMAGE_VERSION)
    guard png_image_begin_read_from_file(&image, url.path) != 0 else {
      throw PNGError(path: url.path, message: message(of: image))
    }
    defer { png_image_free(&image) }
    let (width, height) = (Int(image.width), Int(image.height))
    guard width > 0, height > 0, width <= maximumPixels / height else {
      throw PNGError(path: url.path, message: "\(width) x \(height) pixels; at most \(maximumPixels) in all are read")
    }
    let channels = image.format & UInt32(PNG_FORMAT_FLAG_COLOR) != 0 ? 3 : 1
    image.format = channels == 3 ? UInt32(PNG_FORMAT_FLAG_COLOR) : 0
    var pixels = [UInt8](repeating: 0, count: width * height * channels)
    var black = png_color(red: 0, green: 0, blue: 0)
    guard png_image_finish_read(&image, &black, &pixels, Int32(width * channels), nil) != 0 else {
      throw PNGError(path: url.path, message: message(of: image))
    }
    return PNGImage(width: width, height: height, channels: channels, pixels: pixels)
  }

  private static func message(of image: png_image) -> String {
    withUnsafeBytes(of: image.message) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
  }
}

/// A file that is no whole PNG.
public struct PNGError: InputError, Equatable {
  public let path: String
  public let message: String
  public var description: String { "\(path): not a PNG picture that can be used here: \(message)." }
}
