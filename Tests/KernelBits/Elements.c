// Elementwise kernels and the updates of parameters.

#include "Arrays.h"

static void activations(bits_run *run) {
  static const struct {
    const char *name;
    activation_kind kind;
    double parameter, low, high;
  } cases[] = {
      {"gelu", activation_gelu, 0, -12, 12},          {"relu", activation_relu, 0, -3, 3},
      {"leaky relu", activation_leaky_relu, 0.01, -3, 3}, {"sigmoid", activation_sigmoid, 0, -100, 100},
      {"logarithm", activation_logarithm, 0, 0, 1e3}, {"square root", activation_square_root, 0, 0, 1e3},
  };
  const long count = 1003;
  for (int i = 0; i < (int)(sizeof cases / sizeof *cases); i++) {
    char name[64];
    void *x = drawn_between(run, count, cases[i].low, cases[i].high), *y = zeros(run, count);
    void *g = drawn(run, count), *dx = zeros(run, count);
    kernel_activation_forward(run->type, cases[i].kind, cases[i].parameter, x, y, 0, count);
    kernel_activation_backward(run->type, cases[i].kind, cases[i].parameter, x, y, g, dx, 0, count);
    report(run, cases[i].name, y, count);
    snprintf(name, sizeof name, "%s backward", cases[i].name);
    report(run, name, dx, count);
    give_back(run);
  }
}

static void residuals(bits_run *run, long columns) {
  enum { items = 2, rows = 7 };
  const long all = items * rows, count = all * columns;
  void *x = drawn(run, count), *branch = drawn(run, count), *scale = drawn(run, columns), *keep = drawn(run, items);
  void *y = zeros(run, count), *d_scale = zeros(run, columns);
  for (int has_scale = 0; has_scale < 2; has_scale++) {
    kernel_residual_forward(run->type, x, branch, has_scale ? scale : 0, keep, y, rows, columns, 0, all);
    report(run, "residual", y, count);
    kernel_residual_backward(run->type, x, branch, has_scale ? scale : 0, keep, y, d_scale, rows, columns, 0, all);
    report(run, "residual backward", y, count);
    report(run, "residual backward, scale", d_scale, columns);
  }
  give_back(run);
}

static void arithmetic(bits_run *run) {
  const long count = 1003, shape[2] = {17, 59}, whole[2] = {59, 1}, row[2] = {0, 1};
  void *a = drawn(run, count), *b = drawn_between(run, count, 0.5, 2), *y = zeros(run, count);
  for (int kind = 0; kind < 4; kind++)
    for (int broadcast = 0; broadcast < 2; broadcast++) {
      kernel_binary(run->type, kind, a, b, y, 2, shape, whole, broadcast ? row : whole, 0, 17);
      report(run, "arithmetic", y, count);
    }
  kernel_affine(run->type, a, y, 0.7, -0.3, 0, count);
  report(run, "affine", y, count);
  kernel_add_into(run->type, y, b, 0, count);
  report(run, "sum of two", y, count);
  give_back(run);
}

static void updates(bits_run *run) {
  const long count = 1003;
  void *p = drawn(run, count), *g = drawn(run, count), *m = drawn(run, count), *v = drawn_between(run, count, 0, 2);
  const adamw_step adamw = {1e-3, 0.05, 0.9, 0.999, 1e-8, 0.19, 0.002, 0.3};
  const sgd_step sgd = {1e-2, 3e-5, 0.99, 0.3, 1};
  kernel_adamw(run->type, p, g, m, v, &adamw, 0, count);
  report(run, "AdamW", p, count);
  report(run, "AdamW, first moment", m, count);
  report(run, "AdamW, second moment", v, count);
  kernel_sgd(run->type, p, g, v, &sgd, 0, count);
  report(run, "SGD", p, count);
  kernel_move_towards(run->type, p, g, 0.004, 0, count);
  report(run, "moving average", p, count);
  give_back(run);
}

void bits_of_elements(bits_run *run) {
  activations(run);
  residuals(run, 1);
  residuals(run, 37);
  residuals(run, 384);
  arithmetic(run);
  updates(run);
}
