// Convolutions, norms by channel, resizing, pooling and deformable attention. Images are seen as [N, C, H, W] however they lie:
// channels last are strides that cuDNN and oneDNN take as they are.
#include "Plugin.h"

static Tensor planes(const Tensor &x, int64_t layout) {
  check(x.dim() == 4, "images of other than four axes");
  return layout == segtorch_channels_last ? x.permute({0, 3, 1, 2}) : x;
}

static Tensor laidOut(const Tensor &y, int64_t layout) {
  return layout == segtorch_channels_last ? y.permute({0, 2, 3, 1}) : y;
}

Tensor convolution(const Call &call, bool transposed) {
  auto pair = [&](size_t place) { return Sizes{call.integer(place), call.integer(place + 1)}; };
  auto stride = pair(0), padding = pair(2), dilation = pair(4);
  int64_t groups = call.integer(6), layout = call.integer(7);
  auto x = planes(call.input(0), layout);
  auto bias = call.flag(8) ? call.input(2) : Tensor();
  check(groups > 0 && stride[0] > 0 && stride[1] > 0 && dilation[0] > 0 && dilation[1] > 0 && padding[0] >= 0 && padding[1] >= 0,
        "a convolution's attributes");
  check(call.input(1).dim() == 4 && x.size(1) % groups == 0, "a convolution by another shape");
  auto y = transposed ? at::conv_transpose2d(x, call.input(1), bias, stride, padding, at::IntArrayRef{0, 0}, groups, dilation)
                      : at::conv2d(x, call.input(1), bias, stride, padding, dilation, groups);
  return laidOut(y, layout);
}

static Tensor leaky(const Tensor &y, double slope) { return slope == 1 ? y : slope == 0 ? at::relu(y) : at::leaky_relu(y, slope); }

// PyTorch's gradient of it on CPUs is wrong where x and the gradient lie differently.
static Tensor batchNorm(const Tensor &x, const Tensor &weight, const Tensor &bias, double epsilon, const Tensor &mean = {},
                        const Tensor &variance = {}) {
  auto format = x.suggest_memory_format();
  auto y = std::get<0>(at::native_batch_norm(x.contiguous(format), weight, bias, mean, variance, !mean.defined(), 0, epsilon));
  if (y.requires_grad()) y.register_hook([format](const Tensor &gradient) { return gradient.contiguous(format); });
  return y;
}

std::vector<Tensor> channelNorm(const Call &call) {
  bool grouped = call.kind == segtorch_group_norm;
  int64_t layout = call.integer(grouped ? 1 : 0);
  double epsilon = call.real(0), slope = call.real(1);
  auto x = planes(call.input(0), layout);
  const auto &weight = call.input(1), &bias = call.input(2);
  auto finished = [&](const Tensor &y) { return laidOut(leaky(y, slope), layout); };
  check(weight.dim() == 1 && weight.sizes() == bias.sizes() && weight.size(0) == x.size(1), "a norm of other channels");
  if (grouped) {
    int64_t groups = call.integer(0);
    check(groups > 0 && x.size(1) % groups == 0, "a norm of groups that do not divide the channels");
    // As nnU-Net's instance norm, batch norm of each image's groups; `group_norm` on CPUs loses digits where a map is nearly constant.
    bool single = groups == x.size(1);
    auto rows = x.reshape({1, x.size(0) * groups, -1, 1});
    auto repeated = [&](const Tensor &factor) { return single ? factor.repeat({x.size(0)}) : Tensor(); };
    auto y = batchNorm(rows, repeated(weight), repeated(bias), epsilon).reshape(x.sizes());
    return {finished(single ? y : y * weight.view({1, -1, 1, 1}) + bias.view({1, -1, 1, 1}))};
  }
  if (call.kind == segtorch_fixed_norm) {
    check(call.input(3).sizes() == weight.sizes() && call.input(4).sizes() == weight.sizes(), "a norm by other moments");
    return {finished(batchNorm(x, weight, bias, epsilon, call.input(3), call.input(4)))};
  }
  auto y = batchNorm(x, weight, bias, epsilon);
  auto moments = at::var_mean(x.detach(), at::IntArrayRef{0, 2, 3}, false);
  return {finished(y), std::get<1>(moments), std::get<0>(moments)};
}

static Tensor interpolated(const Tensor &x, int64_t height, int64_t width, int64_t mode) {
  Sizes size{height, width};
  switch (mode) {
    case segtorch_nearest: return at::upsample_nearest2d(x, size);
    case segtorch_bilinear: return at::upsample_bilinear2d(x, size, false);
    case segtorch_bilinear_antialiased: return at::_upsample_bilinear2d_aa(x, size, false);
    case segtorch_bicubic: return at::upsample_bicubic2d(x, size, false);
    case segtorch_bicubic_antialiased: return at::_upsample_bicubic2d_aa(x, size, false);
    default: throw std::invalid_argument("a mode of resizing numbered " + std::to_string(mode));
  }
}

// What each of `to` pixels along one axis takes from `from`: [to, from].
static Tensor resizingMatrix(int64_t from, int64_t to, int64_t mode, const Tensor &like) {
  auto key = std::make_tuple(from, to, mode, (int)like.scalar_type());
  return constant(key, like.device(), [&] {
    auto unit = at::eye(from, at::kDouble).view({1, 1, from, from});
    return interpolated(unit, to, from, mode).view({to, from}).to(like.scalar_type());
  });
}

// Every mode is one linear map of the rows and one of the columns. As products they have a gradient that is the same each time;
// PyTorch's own on CUDA have not.
Tensor resized(const Call &call) {
  int64_t height = call.integer(0), width = call.integer(1), mode = call.integer(2), layout = call.integer(3);
  auto x = planes(call.input(0), layout);
  check(height > 0 && width > 0 && height <= 1 << 16 && width <= 1 << 16 && x.size(2) > 0 && x.size(3) > 0, "resizing an empty image");
  auto y = x;
  if (width != x.size(3)) y = at::matmul(y, resizingMatrix(x.size(3), width, mode, x).t());
  if (height != x.size(2)) y = at::matmul(resizingMatrix(x.size(2), height, mode, x), y);
  return laidOut(y, layout);
}

// Windows as views and their greatest element, whose gradient PyTorch can compute in the same order each time.
Tensor maxPooled(const Call &call) {
  const auto &x = call.input(0);
  int64_t padY = call.integer(4), padX = call.integer(5);
  check(x.dim() == 4 && padY >= 0 && padX >= 0 && x.numel() > 0, "pooling of other than four axes");
  for (size_t place = 0; place < 4; place++) check(call.integer(place) > 0, "a pooling's attributes");
  auto padded = padY || padX ? at::constant_pad_nd(x, {padX, padX, padY, padY}, -INFINITY) : x;
  auto windows = padded.unfold(2, call.integer(0), call.integer(2)).unfold(3, call.integer(1), call.integer(3));
  return std::get<0>(windows.flatten(4).max(4));
}

// The four pixels around each place, each times its share; a row of `values` for every pixel and head.
Tensor deformableAttention(const Call &call) {
  const auto &value = call.input(0), &places = call.input(1), &weights = call.input(2);
  check(value.dim() == 4 && places.dim() == 6 && weights.dim() == 5, "deformable attention of other shapes");
  int64_t maps = (int64_t)call.integers.size() / 2, all = 0;
  for (int64_t map = 0; map < maps; map++) {
    check(call.integer(2 * map) > 0 && call.integer(2 * map + 1) > 0, "a map without pixels");
    all += call.integer(2 * map) * call.integer(2 * map + 1);
  }
  check(all == value.size(1) && places.size(3) == maps && places.size(5) == 2 && maps > 0, "deformable attention on other maps");
  int64_t items = value.size(0), length = value.size(1), heads = value.size(2), depth = value.size(3), first = 0;
  auto values = value.reshape({items * length * heads, depth});
  auto whole = at::TensorOptions().dtype(at::kLong).device(value.device());
  auto item = at::arange(items, whole).view({items, 1, 1, 1}) * length;
  auto head = at::arange(heads, whole).view({1, 1, heads, 1});
  Tensor sum;
  for (int64_t map = 0; map < maps; map++) {
    int64_t height = call.integer(2 * map), width = call.integer(2 * map + 1);
    auto at = places.select(3, map); // [N, Q, heads, points, 2]
    // Rounded once, as by a multiply-add: places begin on pixels' centres, where rounding decides between which pixels they are.
    auto pixels = [&](int64_t which, int64_t size) {
      return (at.select(4, which).to(at::kDouble) * (double)size - 0.5).to(at.scalar_type());
    };
    auto x = pixels(0, width), y = pixels(1, height);
    auto left = x.detach().floor(), top = y.detach().floor();
    auto right = x - left, below = y - top;
    // As Zhu et al.'s own: a point at exactly -1 reads nothing, and has no gradient.
    auto touches = x.detach().gt(-1) & y.detach().gt(-1);
    for (int corner = 0; corner < 4; corner++) {
      auto column = left + (double)(corner & 1), row = top + (double)(corner >> 1);
      auto inside = touches & column.ge(0) & column.lt(width) & row.ge(0) & row.lt(height);
      auto pixel = row.clamp(0, height - 1).to(at::kLong) * width + column.clamp(0, width - 1).to(at::kLong);
      auto index = ((item + first + pixel) * heads + head).flatten();
      auto share = (corner & 1 ? right : 1 - right) * (corner >> 1 ? below : 1 - below) * inside * weights.select(3, map);
      auto shape = share.sizes().vec();
      shape.push_back(depth);
      auto part = (at::index_select(values, 0, index).view(shape) * share.unsqueeze(-1)).sum(3);
      sum = sum.defined() ? sum + part : part;
    }
    first += height * width;
  }
  return sum;
}
