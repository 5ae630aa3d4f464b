// Matrix products of all forms, and convolutions by Winograd's filtering.

#include "Arrays.h"

static void product(bits_run *run, const long sizes[3], int form) {
  const long m = sizes[0], n = sizes[1], k = sizes[2];
  const int transpose_a = form & 1, transpose_b = form >> 1 & 1, accumulate = form >> 2 & 1, with_gelu = form >> 3 & 1;
  void *a = drawn(run, m * k), *b = drawn(run, k * n), *bias = drawn(run, n), *c = drawn(run, m * n);
  void *activated = drawn(run, m * n);
  const matrix_product product = {
      .rows = m, .columns = n, .depth = k,
      .a = {a, transpose_a ? 1 : k, one_step, 0, 0}, .a_column = transpose_a ? m : 1,
      .b = {b, transpose_b ? 1 : n, one_step, 0, 0}, .b_column = transpose_b ? k : 1,
      .c = {c, n, one_step, 0, 0}, .bias = bias, .activated = with_gelu ? activated : NULL, .accumulate = accumulate};
  kernel_gemm(run->type, &product, blank(run, kernel_gemm_scratch(run->type, &product)));
  report(run, "matrix product", c, m * n);
  report(run, "matrix product, GELU", activated, m * n);
  give_back(run);
}

// The layout of what lies between the steps depends on the instruction set; the results don't.
static void winograd(bits_run *run, long inputs, long outputs, long height, long width) {
  enum { border = 1 };
  const long down = (height + 1) / 2, across = (width + 1) / 2, tiles = 2 * down * across;
  const winograd_image image = {height, width, inputs, border, border, down, across, tiles};
  const winograd_image result = {height, width, outputs, 0, 0, down, across, tiles};
  const long x_count = 2 * inputs * height * width, y_count = 2 * outputs * height * width, kernels = inputs * outputs;
  void *x = drawn(run, x_count), *y = zeros(run, y_count), *dy = drawn(run, y_count), *g = drawn(run, 9 * kernels);
  void *dg = zeros(run, 9 * kernels), *bias = drawn(run, outputs), *d_bias = zeros(run, outputs);
  const product_tile tile = kernel_product_tile(run->type);
  const long rows = (tiles + tile.rows - 1) / tile.rows * tile.rows, pitch = outputs + 16;
  void *u = zeros(run, 16 * kernels), *v = zeros(run, 16 * rows * inputs), *m = zeros(run, 16 * rows * pitch);
  kernel_winograd_kernels(run->type, g, 9, 9 * inputs, 0, inputs, u, kernels, 0, outputs / tile.columns);
  kernel_winograd_patches(run->type, &image, x, v, rows * inputs, inputs, tile.columns, 0, rows);
  kernel_winograd_products(
      run->type, v, rows * inputs, inputs, u, kernels, m, rows * pitch, pitch, rows, inputs, outputs / tile.columns, 0, 16);
  kernel_winograd_results(run->type, &result, m, rows * pitch, pitch, bias, y, 0, tiles);
  report(run, "Winograd's convolution", y, y_count);

  void *z = zeros(run, 16 * tiles * pitch), *du = zeros(run, 16 * pitch * inputs);
  kernel_winograd_patches(run->type, &image, x, v, tiles * inputs, tile.columns, tiles * tile.columns, 0, tiles);
  kernel_winograd_slopes(run->type, &result, dy, z, tiles * pitch, pitch, 0, tiles);
  kernel_winograd_kernel_products(
      run->type, z, tiles * pitch, pitch, v, tiles * inputs, tiles * tile.columns, du, pitch * inputs, d_bias, tiles,
      inputs, outputs, 0, 16);
  kernel_winograd_kernel_slopes(run->type, du, pitch * inputs, inputs, dg, 0, outputs);
  report(run, "Winograd's convolution backward, kernels", dg, 9 * kernels);
  report(run, "Winograd's convolution backward, bias", d_bias, outputs);
  give_back(run);
}

void bits_of_products(bits_run *run) {
  static const long sizes[][3] = {{1, 1, 1}, {5, 7, 3}, {6, 16, 384}, {97, 33, 385}, {13, 65, 500}, {1, 130, 70}, {3, 2, 4100}};
  for (int i = 0; i < (int)(sizeof sizes / sizeof *sizes); i++)
    for (int form = 0; form < 16; form++) product(run, sizes[i], form);
  // Baseline panels of doubles are narrower than what it works with.
  if (run->type != kernel_float32) return;
  winograd(run, 32, 64, 7, 6);
  winograd(run, 64, 32, 5, 9);
}
