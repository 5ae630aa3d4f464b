/// The views of an image.
public struct CropSettings: RecipeSection {
  @Key("kind", "whose views: DINOv3's, or SegBench's own for CT", selects: true) private var kind: Kind
  @Key("sizes", .list(1...100), "the views' sizes; a batch has one of them") public var sizes: [ViewSizeSettings]
  @Key("global", "the two large views, for teacher and student") public var global: GlobalCropSettings
  @Key("local", "small views, for the student") public var local: LocalCropSettings
  @Key("flips", "mirroring") public var flips: FlipSettings
  @Key("jitter", "changes of a view's intensities", in: ["ct"]) private var jitter: JitterSettings
  @Key("color", "changes of a view's intensities", in: ["dinov3"]) private var color: ColorSettings

  private enum Kind: String, KeyChoice {
    case dinov3, ct
  }

  /// Whose changes of the views' intensities, and whose resampling with them.
  public enum Intensities: Sendable, Equatable {
    case ct(JitterSettings)
    case dinov3(ColorSettings)
  }

  public init() {}

  public var intensities: Intensities {
    switch kind {
    case .ct: .ct(jitter)
    case .dinov3: .dinov3(color)
    }
  }
}

/// Sides of the views of a batch, in pixels: multiples of the ViT's patch.
public struct ViewSizeSettings: RecipeSection {
  @Key("global", 8...4096, "pixels along a large view's side") public var global: Int
  @Key("local", 8...4096, "pixels along a small view's side") public var local: Int
  @Key("gram", 8...4096, "pixels along a large view's side as the Gram teacher sees it") public var gram: Int?
  @Key("ratio", .above(0, upTo: 1e6), default: 1, "how often, in parts of the sum of all ratios") public var ratio:
    Double

  public init() {}
}

public struct GlobalCropSettings: RecipeSection {
  @Key("scale", .above(0, upTo: 1), "smallest and largest part of the image's area")
  public var scale: ClosedRange<Double>

  public init() {}
}

public struct LocalCropSettings: RecipeSection {
  @Key("count", 0...64, "views of each image") public var count: Int
  @Key("scale", .above(0, upTo: 1), "smallest and largest part of the image's area")
  public var scale: ClosedRange<Double>

  public init() {}
}

public struct FlipSettings: RecipeSection {
  @Key("vertical", .closed(0, 1), "how likely a view is upside down") public var vertical: Double
  @Key("horizontal", .closed(0, 1), "how likely left is right") public var horizontal: Double

  public init() {}
}

/// DINOv3's changes of a view's intensities, of which grey images see brightness, contrast, blur and solarisation.
public struct ColorSettings: RecipeSection {
  @Key("jitter", .closed(0, 1), "how likely brightness and contrast change") public var jitter: Double
  /// The factor lies between 1 - brightness and 1 + brightness.
  @Key("brightness", .from(0, below: 1), "greatest change of the factor, which lies around 1")
  public var brightness: Double
  @Key("contrast", .from(0, below: 1), "greatest change of the factor, which lies around 1") public var contrast: Double
  @Key("blur", "how likely a view is blurred, by 0.1 to 2 pixels") public var blur: BlurSettings
  @Key("solarize", .closed(0, 1), "how likely the second large view's bright half is turned over")
  public var solarize: Double

  public init() {}

  public struct BlurSettings: RecipeSection {
    @Key("first", .closed(0, 1), "the first large view") public var first: Double
    @Key("second", .closed(0, 1), "the second large view") public var second: Double
    @Key("local", .closed(0, 1), "a small view") public var local: Double

    public init() {}
  }
}

/// SegBench's own changes of a CT view's intensities.
public struct JitterSettings: RecipeSection {
  @Key("brightness", .closed(0, 10), "greatest shift in standard deviations") public var brightness: Double
  /// The factor lies between 1 - contrast and 1 + contrast.
  @Key("contrast", .from(0, below: 1), "greatest change of the factor, which lies around 1") public var contrast: Double
  @Key("gamma", .closed(1, 10), "greatest exponent; its inverse is the smallest") public var gamma: Double
  @Key("blur", .closed(0, 20), "greatest deviation of a Gaussian blur in pixels") public var blur: Double
  @Key("noise", .closed(0, 10), "greatest deviation of noise in standard deviations") public var noise: Double

  public init() {}
}
