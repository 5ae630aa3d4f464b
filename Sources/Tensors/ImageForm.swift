import COneDNN

#if canImport(Glibc)
  import Glibc
#endif

/// How the channels of images lie in memory.
enum ImageForm: Equatable {
  /// `[N, C, H, W]`
  case planes
  /// `[N, H, W, C]`
  case rows
  /// `[N, C / size, H, W, size]`
  case blocks(Int)

  /// The form of a tensor: one of five axes is in blocks, another lies as the layout says.
  init(of x: Tensor, _ layout: DataLayout) {
    precondition(x.rank == 4 || x.rank == 5, "\(x.shape) are no images")
    self = x.rank == 5 ? .blocks(x.shape[4]) : layout == .channelsLast ? .rows : .planes
  }

  /// The form that an operation's result has.
  init(ofResult layout: DataLayout) {
    switch layout {
    case .channelsFirst: self = .planes
    case .channelsLast: self = .rows
    case .blocked: self = .blocks(Compute.channelBlock)
    }
  }

  func sizes(of x: Tensor) -> (items: Int, channels: Int, height: Int, width: Int) {
    switch self {
    case .planes: (x.shape[0], x.shape[1], x.shape[2], x.shape[3])
    case .rows: (x.shape[0], x.shape[3], x.shape[1], x.shape[2])
    case .blocks(let size): (x.shape[0], x.shape[1] * size, x.shape[2], x.shape[3])
    }
  }

  func shape(_ items: Int, _ channels: Int, _ height: Int, _ width: Int) -> [Int] {
    switch self {
    case .planes: return [items, channels, height, width]
    case .rows: return [items, height, width, channels]
    case .blocks(let size):
      precondition(channels % size == 0, "\(channels) channels in blocks of \(size)")
      return [items, channels / size, height, width, size]
    }
  }

  /// What oneDNN's shim calls it.
  var oneDNN: Int {
    switch self {
    case .planes: 0
    case .rows: -1
    case .blocks(let size): size
    }
  }
}

extension Compute {
  /// How many channels lie together in images of the layout `blocked`: what oneDNN's convolutions want on this processor.
  public static var channelBlock: Int { onednn_channel_block() }
}

extension CPUBackend {
  /// Images brought to planes.
  func planes(_ x: Tensor, from form: ImageForm) -> Tensor {
    switch form {
    case .planes: return x
    case .rows: return permute(x, [0, 3, 1, 2])
    case .blocks:
      let (items, channels, height, width) = form.sizes(of: x)
      return reshape(permute(x, [0, 1, 4, 2, 3]), [items, channels, height, width])
    }
  }

  /// Planes brought to another form.
  func images(_ planes: Tensor, to form: ImageForm) -> Tensor {
    switch form {
    case .planes: return planes
    case .rows: return permute(planes, [0, 2, 3, 1])
    case .blocks(let size):
      let shape = planes.shape
      let blocks = reshape(planes, [shape[0], shape[1] / size, size, shape[2], shape[3]])
      return permute(blocks, [0, 1, 3, 4, 2])
    }
  }
}
