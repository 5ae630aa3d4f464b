// What training changes in place.
#include "Plugin.h"

static void checkAlike(std::initializer_list<Tensor> tensors) {
  for (const auto &tensor : tensors)
    check(tensor.numel() == tensors.begin()->numel() && tensor.scalar_type() == at::kFloat && tensor.device() == tensors.begin()->device(),
          "an update of tensors that do not match");
}

static Tensor scaled(const segtorch_tensor *gradient, double scale) {
  auto found = view(gradient).to(at::kFloat);
  return (scale == 1 ? found : found * scale).contiguous();
}

static int32_t adamw(const segtorch_tensor *valuesView, const segtorch_tensor *gradientView, const segtorch_tensor *firstView,
                     const segtorch_tensor *secondView, const segtorch_adamw *step) {
  return guarded([&] {
    at::NoGradGuard none;
    check(step, "a step without constants");
    auto values = writable(valuesView), first = writable(firstView), second = writable(secondView);
    auto gradient = scaled(gradientView, step->gradient_scale);
    checkAlike({values, gradient, first, second});
    if (values.numel() == 0) return;
    std::vector<Tensor> number{at::full({}, (double)step->step, values.options())};
    std::vector<Tensor> all{values}, gradients{gradient.view(values.sizes())}, means{first.view(values.sizes())}, squares{second.view(values.sizes())};
    at::_fused_adamw_(all, gradients, means, squares, {}, number, step->rate, step->beta1, step->beta2, step->decay, step->epsilon, false, false);
  });
}

static int32_t sgd(const segtorch_tensor *valuesView, const segtorch_tensor *gradientView, const segtorch_tensor *velocityView,
                   const segtorch_sgd *step) {
  return guarded([&] {
    at::NoGradGuard none;
    check(step, "a step without constants");
    auto values = writable(valuesView), velocity = writable(velocityView);
    auto gradient = scaled(gradientView, step->gradient_scale);
    checkAlike({values, gradient, velocity});
    if (values.numel() == 0) return;
    std::vector<Tensor> all{values}, gradients{gradient.view(values.sizes())}, velocities{velocity.view(values.sizes())};
    at::_fused_sgd_(all, gradients, velocities, step->decay, step->momentum, step->rate, 0, step->nesterov, false, false);
  });
}

static int32_t lerp(const segtorch_tensor *targetView, const segtorch_tensor *sourceView, double weight) {
  return guarded([&] {
    at::NoGradGuard none;
    auto target = writable(targetView), source = view(sourceView);
    checkAlike({target, source});
    target.lerp_(source.view(target.sizes()), weight);
  });
}

static int32_t sumOfSquares(const segtorch_tensor *tensors, int32_t count, double *sum) {
  return guarded([&] {
    at::NoGradGuard none;
    check(sum && count >= 0 && (tensors || count == 0), "a sum without a place");
    std::vector<Tensor> all;
    for (int32_t place = 0; place < count; place++) {
      auto tensor = view(tensors + place);
      check(tensor.is_floating_point(), "the norm of whole numbers");
      if (tensor.numel() > 0) all.push_back(tensor.to(at::promote_types(tensor.scalar_type(), at::kFloat)));
    }
    if (all.empty()) {
      *sum = 0;
      return;
    }
    auto norms = at::stack(at::_foreach_norm(all, 2)).to(at::kDouble);
    *sum = (norms * norms).sum().item<double>();
  });
}
