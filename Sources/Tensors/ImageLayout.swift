import COneDNN

#if canImport(Glibc)
  import Glibc
#endif

/// How the channels of images lie in memory.
enum ImageLayout: Equatable {
  /// `[N, C, H, W]`
  case channelsFirst
  /// `[N, H, W, C]`
  case channelsLast
  /// `[N, C / size, H, W, size]`
  case blocked(Int)

  /// The layout of a tensor: one of five axes is in blocks, another lies as the layout says.
  init(of x: Tensor, _ layout: DataLayout) {
    precondition(x.rank == 4 || x.rank == 5, "\(x.shape) are no images")
    self = x.rank == 5 ? .blocked(x.shape[4]) : layout == .channelsLast ? .channelsLast : .channelsFirst
  }

  /// The layout that an operation's result has.
  init(ofResult layout: DataLayout) {
    switch layout {
    case .channelsFirst: self = .channelsFirst
    case .channelsLast: self = .channelsLast
    case .blocked: self = .blocked(Compute.channelBlock)
    }
  }

  func sizes(of x: Tensor) -> (items: Int, channels: Int, height: Int, width: Int) {
    switch self {
    case .channelsFirst: (x.shape[0], x.shape[1], x.shape[2], x.shape[3])
    case .channelsLast: (x.shape[0], x.shape[3], x.shape[1], x.shape[2])
    case .blocked(let size): (x.shape[0], x.shape[1] * size, x.shape[2], x.shape[3])
    }
  }

  func shape(_ items: Int, _ channels: Int, _ height: Int, _ width: Int) -> [Int] {
    switch self {
    case .channelsFirst: return [items, channels, height, width]
    case .channelsLast: return [items, height, width, channels]
    case .blocked(let size):
      precondition(channels % size == 0, "\(channels) channels in blocks of \(size)")
      return [items, channels / size, height, width, size]
    }
  }

  /// What oneDNN's shim calls it.
  var oneDNN: Int {
    switch self {
    case .channelsFirst: 0
    case .channelsLast: -1
    case .blocked(let size): size
    }
  }
}

extension Compute {
  /// How many channels lie together in images of the layout `blocked`: what oneDNN's convolutions want on this processor.
  public static var channelBlock: Int { onednn_channel_block() }
}

extension CPUBackend {
  /// Images in another layout, with their channels first.
  func channelsFirst(_ x: Tensor, from layout: ImageLayout) -> Tensor {
    switch layout {
    case .channelsFirst: return x
    case .channelsLast: return permute(x, [0, 3, 1, 2])
    case .blocked:
      let (items, channels, height, width) = layout.sizes(of: x)
      return reshape(permute(x, [0, 1, 4, 2, 3]), [items, channels, height, width])
    }
  }

  /// Images with their channels first, in another layout.
  func arranged(_ images: Tensor, to layout: ImageLayout) -> Tensor {
    switch layout {
    case .channelsFirst: return images
    case .channelsLast: return permute(images, [0, 2, 3, 1])
    case .blocked(let size):
      let shape = images.shape
      let blocks = reshape(images, [shape[0], shape[1] / size, size, shape[2], shape[3]])
      return permute(blocks, [0, 1, 3, 4, 2])
    }
  }
}
