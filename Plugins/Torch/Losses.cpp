// Losses. Targets are masks and not scattered, so that every gradient is the same each time.
#include "Plugin.h"

// Whether each pixel of labels [N, ...] is of each class: [N, classes, ...]. Of a label below 0, none.
static Tensor classes(const Tensor &labels, int64_t count) {
  check(labels.scalar_type() == at::kInt && labels.dim() > 0, "labels that are no integers");
  Sizes shape(labels.dim() + 1, 1);
  shape[1] = count;
  return labels.unsqueeze(1).eq(at::arange(count, labels.options()).view(shape));
}

static void checkLosses(const Tensor &logits, const Tensor &labels) {
  check(logits.dim() >= 2 && logits.is_floating_point() && labels.dim() == logits.dim() - 1 && labels.size(0) == logits.size(0) &&
            labels.sizes().slice(1) == logits.sizes().slice(2) && labels.scalar_type() == at::kInt,
        "logits and labels that do not match");
}

Tensor crossEntropy(const Tensor &logits, const Tensor &labels) {
  checkLosses(logits, labels);
  auto logarithms = at::log_softmax(logits, 1);
  auto picked = at::where(classes(labels, logits.size(1)), logarithms, at::zeros({}, logarithms.options().requires_grad(false)));
  return -picked.sum() / labels.ge(0).sum().clamp_min(1).to(logits.scalar_type());
}

// Minus the mean of (2 Σ p t + smooth) / max(Σ p + Σ t + smooth, 1e-8) over what the axis 1 counts.
static Tensor dice(const Tensor &probabilities, const Tensor &targets, const Tensor &labels, bool overBatch, int64_t firstClass, double smooth) {
  auto type = probabilities.scalar_type();
  auto valid = labels.ge(0).unsqueeze(1).to(type);
  auto p = probabilities * valid, t = targets.to(type) * valid;
  Sizes axes;
  for (int64_t axis = overBatch ? 0 : 2; axis < p.dim(); axis += axis == 0 ? 2 : 1) axes.push_back(axis);
  auto both = axes.empty() ? p * t : (p * t).sum(axes), all = axes.empty() ? p + t : p.sum(axes) + t.sum(axes);
  auto ratio = (both * 2 + smooth) / (all + smooth).clamp_min(1e-8);
  check(firstClass < ratio.size(-1), "a Dice loss of no class");
  return -ratio.narrow(-1, firstClass, ratio.size(-1) - firstClass).mean();
}

Tensor softDice(const Call &call) {
  const auto &logits = call.input(0), &labels = call.input(1);
  checkLosses(logits, labels);
  return dice(at::softmax(logits, 1), classes(labels, logits.size(1)), labels, call.flag(0), call.flag(1) ? 0 : 1, call.real(0));
}

Tensor membership(const Call &call, const Tensor &labels) {
  int64_t count = call.integer(1), regions = call.integer(2);
  check(count > 0 && regions > 0 && count < 1 << 20 && regions < 1 << 20 && call.integers.size() == (size_t)(3 + count * regions),
        "a table of regions of another size");
  check(labels.scalar_type() == at::kInt && labels.dim() > 0, "labels that are no integers");
  auto key = call.integers.slice(1).vec();
  auto table = constant(key, labels.device(), [&] {
    return at::tensor(call.integers.slice(3), at::kLong).view({count, regions}).ne(0);
  });
  auto shape = labels.sizes().vec();
  shape.push_back(regions);
  return table.index_select(0, labels.clamp(0, count - 1).flatten()).view(shape).movedim(-1, 1);
}

Tensor regionCrossEntropy(const Call &call) {
  const auto &x = call.input(0), &labels = call.input(1);
  checkLosses(x, labels);
  check(x.size(1) == call.integer(2), "logits of another number of regions");
  auto type = x.scalar_type();
  auto targets = membership(call, labels).to(type);
  auto loss = at::relu(x) - x * targets + at::log1p(at::exp(-x.abs()));
  auto valid = labels.ge(0).unsqueeze(1);
  auto pixels = valid.sum().to(type);
  auto count = call.flag(0) ? pixels : pixels * (double)x.size(1);
  return (loss * valid.to(type)).sum() / count.clamp_min(1);
}

Tensor regionDice(const Call &call) {
  const auto &x = call.input(0), &labels = call.input(1);
  checkLosses(x, labels);
  check(x.size(1) == call.integer(2), "logits of another number of regions");
  return dice(at::sigmoid(x), membership(call, labels), labels, call.flag(0), 0, call.real(0));
}
