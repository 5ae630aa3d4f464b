// The closed list of operations, forwards; see `Operation` in Sources/Tensors for what each is.
#include "Plugin.h"

static Tensor activated(const Tensor &x, int64_t function, double slope) {
  switch (function) {
    case segtorch_gelu: return at::gelu(x);
    case segtorch_relu: return at::relu(x);
    case segtorch_leaky_relu: return at::leaky_relu(x, slope);
    case segtorch_sigmoid: return at::sigmoid(x);
    case segtorch_logarithm: return at::log(x);
    case segtorch_square_root: return at::sqrt(x);
    default: throw std::invalid_argument("an activation numbered " + std::to_string(function));
  }
}

static Tensor residual(const Call &call) {
  size_t next = 2;
  auto branch = call.input(1);
  check(branch.sizes() == call.input(0).sizes() && branch.dim() > 0, "a residual connection of different shapes");
  if (call.flag(0)) branch = branch * call.input(next++);
  if (call.flag(1)) {
    Sizes shape(branch.dim(), 1);
    shape[0] = branch.size(0);
    branch = branch * call.input(next).reshape(shape);
  }
  return call.input(0) + branch;
}

static Tensor layerNorm(const Call &call, const Tensor &x) {
  check(x.dim() > 0, "a layer norm of a scalar");
  return at::layer_norm(x, {x.size(-1)}, call.input(1), call.input(2), call.real(0));
}

static Tensor attention(const Call &call) {
  for (size_t place = 0; place < 3; place++) check(call.input(place).dim() == 4, "attention of other than four axes");
  auto heads = [&](size_t place) { return call.input(place).transpose(1, 2); };
  return at::scaled_dot_product_attention(heads(0), heads(1), heads(2), {}, 0, false, call.real(0)).transpose(1, 2);
}

// The tables [L - prefix, D] lie along the second axis of x [N, L, heads, D] and the last one.
static Tensor rotary(const Call &call) {
  const auto &x = call.input(0);
  int64_t prefix = call.integer(0);
  check(x.dim() == 4 && prefix >= 0 && prefix <= x.size(1) && x.size(3) % 2 == 0, "a rotary embedding of another shape");
  auto rest = x.narrow(1, prefix, x.size(1) - prefix);
  auto half = x.size(3) / 2;
  auto turned = at::cat({rest.narrow(3, half, half).neg(), rest.narrow(3, 0, half)}, 3);
  auto y = rest * call.input(1).unsqueeze(1) + turned * call.input(2).unsqueeze(1);
  return prefix == 0 ? y : at::cat({x.narrow(1, 0, prefix).to(y.scalar_type()), y}, 1);
}

// x / max(length, epsilon)
static Tensor normalized(const Tensor &x, double epsilon) {
  return x / at::linalg_vector_norm(x, 2, at::IntArrayRef{-1}, true).clamp_min(epsilon);
}

static Tensor sum(const Call &call) {
  const auto &x = call.input(0);
  bool keep = call.flag(0);
  auto axes = call.integers.slice(1);
  return axes.empty() ? x.alias() : x.sum(axes, keep);
}

static Tensor matrixProduct(const Call &call) {
  auto matrix = [&](size_t place) {
    check(call.input(place).dim() >= 2, "a matrix product of a vector");
    return call.flag(place) ? call.input(place).transpose(-1, -2) : call.input(place);
  };
  return at::matmul(matrix(0), matrix(1));
}

std::vector<Tensor> compute(const Call &call) {
  const auto &x = call.input(0);
  switch (call.kind) {
    case segtorch_add: return {x + call.input(1)};
    case segtorch_subtract: return {x - call.input(1)};
    case segtorch_multiply: return {x * call.input(1)};
    case segtorch_divide: return {x / call.input(1)};
    case segtorch_affine: return {call.real(1) == 0 ? x * call.real(0) : x * call.real(0) + call.real(1)};
    case segtorch_activation: return {activated(x, call.integer(0), call.real(0))};
    case segtorch_residual: return {residual(call)};
    case segtorch_matrix_product: return {matrixProduct(call)};
    case segtorch_linear: {
      check(call.input(1).dim() == 2, "a linear map whose weight is no matrix");
      auto y = at::linear(x, call.input(1), call.flag(0) ? call.input(2) : Tensor());
      return {call.flag(1) ? at::gelu(y) : y};
    }
    case segtorch_convolution: return {convolution(call, false)};
    case segtorch_transposed_convolution: return {convolution(call, true)};
    case segtorch_layer_norm: {
      auto y = layerNorm(call, x);
      return {call.flag(0) ? at::gelu(y) : y};
    }
    case segtorch_group_norm:
    case segtorch_batch_norm:
    case segtorch_fixed_norm: return channelNorm(call);
    case segtorch_normalize: return {normalized(x, call.real(0))};
    case segtorch_softmax: return {at::softmax(x, -1)};
    case segtorch_log_softmax: return {at::log_softmax(x, -1)};
    case segtorch_attention: return {attention(call)};
    case segtorch_rotary: return {rotary(call)};
    case segtorch_deformable_attention: return {deformableAttention(call)};
    case segtorch_reshape: return {x.reshape(call.integers)};
    case segtorch_permute: return {x.permute(call.integers)};
    case segtorch_concatenate: return {at::cat(call.inputs, call.integer(0))};
    case segtorch_slice: return {x.narrow(call.integer(0), call.integer(1), call.integer(2))};
    case segtorch_resize: return {resized(call)};
    case segtorch_max_pool: return {maxPooled(call)};
    case segtorch_gather: return {at::index_select(x, 0, call.input(1))};
    case segtorch_sum: return {sum(call)};
    case segtorch_cross_entropy: return {crossEntropy(x, call.input(1))};
    case segtorch_soft_dice: return {softDice(call)};
    case segtorch_region_cross_entropy: return {regionCrossEntropy(call)};
    case segtorch_region_dice: return {regionDice(call)};
    default: throw std::invalid_argument("an operation numbered " + std::to_string(call.kind));
  }
}
