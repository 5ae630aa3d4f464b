// The C kernels whose memory is the hardest to get right, matrix products, attention and convolutions, on arrays of exactly their
// size, against the definition: for the sanitizers and valgrind (Setup/test-sanitizers.sh). Exits with 1 when one differs.

#include "Kernels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures = 0;

static void *taken(long bytes) { return aligned_alloc(64, (size_t)((bytes + 63) / 64 * 64)); }

// Not rounded up, so that a byte too many is noticed.
static float *drawn(long count) {
  float *values = malloc((size_t)count * sizeof(float));
  for (long i = 0; i < count; i++) values[i] = (float)(rand() % 2001 - 1000) / 1000;
  return values;
}

static void compare(const char *what, const float *found, const double *wanted, long count, double tolerance) {
  double most = 0;
  for (long i = 0; i < count; i++) most = fmax(most, fabs(found[i] - wanted[i]));
  if (most <= tolerance) return;
  printf("%s differs by %.1e\n", what, most);
  failures++;
}

static double gelu(double x) { return 0.5 * x * erfc(-x * sqrt(0.5)); }

static void check_product(long m, long n, long k, int transpose_a, int transpose_b, int accumulate, int with_gelu) {
  float *a = drawn(m * k), *b = drawn(k * n), *bias = drawn(n), *c = drawn(m * n), *activated = drawn(m * n);
  double *wanted = malloc((size_t)(m * n) * sizeof(double));
  for (long i = 0; i < m; i++)
    for (long j = 0; j < n; j++) {
      double sum = bias[j] + (accumulate ? c[i * n + j] : 0);
      for (long d = 0; d < k; d++)
        sum += (double)(transpose_a ? a[d * m + i] : a[i * k + d]) * (transpose_b ? b[j * k + d] : b[d * n + j]);
      wanted[i * n + j] = sum;
    }
  const matrix_product product = {
      .rows = m, .columns = n, .depth = k,
      .a = {a, transpose_a ? 1 : k, one_step, 0, 0}, .a_column = transpose_a ? m : 1,
      .b = {b, transpose_b ? 1 : n, one_step, 0, 0}, .b_column = transpose_b ? k : 1,
      .c = {c, n, one_step, 0, 0}, .bias = bias, .activated = with_gelu ? activated : NULL, .accumulate = accumulate};
  void *scratch = taken(kernel_gemm_scratch(kernel_float32, &product));
  kernel_gemm(kernel_float32, &product, scratch);
  compare("a product", c, wanted, m * n, 2e-6 * sqrt((double)k) + 1e-5);
  for (long i = 0; i < m * n; i++) wanted[i] = gelu(wanted[i]);
  if (with_gelu) compare("a product's GELU", activated, wanted, m * n, 2e-6 * sqrt((double)k) + 1e-5);
  free(a), free(b), free(bias), free(c), free(activated), free(wanted), free(scratch);
}

// Rows at two steps: the lines of an image's windows, as transposed convolutions have them.
static void check_windows(long rows, long columns, long width, long inputs) {
  const long count = 2 * rows * columns;
  float *x = drawn(count * inputs), *weight = drawn(inputs * width), *image = drawn(2 * count * width);
  double *wanted = malloc((size_t)(2 * count * width) * sizeof(double));
  for (long i = 0; i < 2 * count * width; i++) wanted[i] = image[i];
  for (long i = 0; i < count; i++)
    for (long j = 0; j < width; j++) {
      double sum = 0;
      for (long d = 0; d < inputs; d++) sum += (double)x[i * inputs + d] * weight[d * width + j];
      wanted[(i / columns * 2 * columns + i % columns) * width + j] = sum;
    }
  const matrix_product product = {
      .rows = count, .columns = width, .depth = inputs, .a = {x, inputs, one_step, 0, 0}, .a_column = 1,
      .b = {weight, width, one_step, 0, 0}, .b_column = 1, .c = {image, width, columns, 2 * columns * width, 0}};
  void *scratch = taken(kernel_gemm_scratch(kernel_float32, &product));
  kernel_gemm(kernel_float32, &product, scratch);
  compare("an enlarged image", image, wanted, 2 * count * width, 1e-4);
  free(x), free(weight), free(image), free(wanted), free(scratch);
}

static void check_attention(long heads, long queries, long keys, long depth) {
  const attention_shape shape = {1, heads, queries, keys, depth, 0.3};
  const long q_count = queries * heads * depth, k_count = keys * heads * depth;
  float *query = drawn(q_count), *key = drawn(k_count), *value = drawn(k_count), *g = drawn(q_count);
  float *output = drawn(q_count), *log_sum = drawn(heads * queries);
  float *d_query = drawn(q_count), *d_key = drawn(k_count), *d_value = drawn(k_count);
  double *wanted = calloc((size_t)q_count, sizeof(double)), *wanted_query = calloc((size_t)q_count, sizeof(double));
  double *wanted_key = calloc((size_t)k_count, sizeof(double)), *wanted_value = calloc((size_t)k_count, sizeof(double));
  double *p = malloc((size_t)keys * sizeof(double));
  for (long h = 0; h < heads; h++)
    for (long i = 0; i < queries; i++) {
      const long row = (i * heads + h) * depth;
      double sum = 0, centre = 0;
      for (long j = 0; j < keys; j++) {
        double score = 0;
        for (long d = 0; d < depth; d++) score += (double)query[row + d] * key[(j * heads + h) * depth + d];
        sum += p[j] = exp(score * shape.scale);
      }
      for (long j = 0; j < keys; j++)
        for (long d = 0; d < depth; d++) wanted[row + d] += p[j] / sum * value[(j * heads + h) * depth + d];
      for (long d = 0; d < depth; d++) centre += wanted[row + d] * g[row + d];
      for (long j = 0; j < keys; j++) {
        const long column = (j * heads + h) * depth;
        double slope = -centre;
        for (long d = 0; d < depth; d++) slope += (double)g[row + d] * value[column + d];
        slope *= p[j] / sum * shape.scale;
        for (long d = 0; d < depth; d++) {
          wanted_value[column + d] += p[j] / sum * g[row + d];
          wanted_query[row + d] += slope * key[column + d];
          wanted_key[column + d] += slope * query[row + d];
        }
      }
    }
  float *packed = taken(heads * attention_packed_size(keys, depth) * 4);
  const long blocks = (queries + attention_query_block - 1) / attention_query_block;
  kernel_attention_pack(kernel_float32, &shape, key, value, packed, 0, heads);
  kernel_attention_forward(kernel_float32, &shape, query, packed, output, log_sum, 0, heads * blocks);
  kernel_attention_backward(kernel_float32, &shape, query, key, value, output, log_sum, g, d_query, d_key, d_value, 0, heads);
  compare("attention", output, wanted, q_count, 1e-5);
  compare("attention's gradient by queries", d_query, wanted_query, q_count, 1e-5);
  compare("attention's gradient by keys", d_key, wanted_key, k_count, 1e-5);
  compare("attention's gradient by values", d_value, wanted_value, k_count, 1e-5);
  float *floats[] = {query, key, value, g, output, log_sum, d_query, d_key, d_value, packed};
  for (int i = 0; i < 10; i++) free(floats[i]);
  free(wanted), free(wanted_query), free(wanted_key), free(wanted_value), free(p);
}

// A convolution by 3 x 3 and its gradients by Winograd's filtering, of images [items, height, width, channels].
static void check_winograd(long items, long inputs, long outputs, long height, long width, long top, long left) {
  const long padded_height = height + 2 * top - 2, padded_width = width + 2 * left - 2;
  const long down = (padded_height + 1) / 2, across = (padded_width + 1) / 2, tiles = items * down * across;
  const winograd_image image = {height, width, inputs, top, left, down, across, tiles};
  const winograd_image result = {padded_height, padded_width, outputs, 0, 0, down, across, tiles};
  const long x_count = items * inputs * height * width, y_count = items * outputs * padded_height * padded_width;
  const long kernels = inputs * outputs;
  float *x = drawn(x_count), *y = drawn(y_count), *dy = drawn(y_count), *g = drawn(9 * kernels), *dg = drawn(9 * kernels);
  float *bias = drawn(outputs), *d_bias = calloc((size_t)outputs, sizeof(float));
  double *wanted = calloc((size_t)y_count, sizeof(double)), *wanted_kernels = calloc((size_t)(9 * kernels), sizeof(double));
  double *wanted_bias = calloc((size_t)outputs, sizeof(double));
#define PLACE(channels, h, w, n, c, i, j) (((n * h + i) * w + j) * channels + c)
  for (long n = 0; n < items; n++)
    for (long o = 0; o < outputs; o++)
      for (long i = 0; i < padded_height; i++)
        for (long j = 0; j < padded_width; j++) {
          const long place = PLACE(outputs, padded_height, padded_width, n, o, i, j);
          wanted[place] = bias[o];
          wanted_bias[o] += dy[place];
          for (long c = 0; c < inputs; c++)
            for (long a = 0; a < 3; a++)
              for (long b = 0; b < 3; b++) {
                const long row = i + a - top, column = j + b - left;
                if (row < 0 || row >= height || column < 0 || column >= width) continue;
                const double pixel = x[PLACE(inputs, height, width, n, c, row, column)];
                wanted[place] += pixel * g[(o * inputs + c) * 9 + a * 3 + b];
                wanted_kernels[(o * inputs + c) * 9 + a * 3 + b] += pixel * dy[place];
              }
        }
#undef PLACE
  const product_tile tile = kernel_product_tile(kernel_float32);
  const long rows = (tiles + tile.rows - 1) / tile.rows * tile.rows;
  const long v_pitch = inputs + 3, v_step = rows * v_pitch, m_pitch = outputs + 5, m_step = rows * m_pitch;
  float *u = taken(16 * (kernels + 16) * 4), *v = taken(16 * v_step * 4), *m = drawn(16 * m_step);
  kernel_winograd_kernels(kernel_float32, g, 9, 9 * inputs, 0, inputs, u, kernels + 16, 0, outputs / tile.columns);
  kernel_winograd_patches(kernel_float32, &image, x, v, v_step, v_pitch, tile.columns, 0, rows);
  kernel_winograd_products(
      kernel_float32, v, v_step, v_pitch, u, kernels + 16, m, m_step, m_pitch, rows, inputs, outputs / tile.columns, 0, 16);
  kernel_winograd_results(kernel_float32, &result, m, m_step, m_pitch, bias, y, 0, tiles);
  compare("a convolution", y, wanted, y_count, 1e-5 * (double)inputs);

  const long z_pitch = outputs + 11, panel_step = tiles * tile.columns, du_step = (outputs + 11) * inputs;
  float *z = calloc((size_t)(16 * tiles * z_pitch), sizeof(float)), *du = calloc((size_t)(16 * du_step), sizeof(float));
  kernel_winograd_patches(kernel_float32, &image, x, v, tiles * inputs, tile.columns, panel_step, 0, tiles);
  kernel_winograd_slopes(kernel_float32, &result, dy, z, tiles * z_pitch, z_pitch, 0, tiles);
  kernel_winograd_kernel_products(
      kernel_float32, z, tiles * z_pitch, z_pitch, v, tiles * inputs, panel_step, du, du_step, d_bias, tiles, inputs,
      outputs, 0, 16);
  kernel_winograd_kernel_slopes(kernel_float32, du, du_step, inputs, dg, 0, outputs);
  compare("a convolution's gradient by its kernels", dg, wanted_kernels, 9 * kernels, 1e-5 * (double)tiles);
  compare("a convolution's gradient by its bias", d_bias, wanted_bias, outputs, 1e-5 * (double)tiles);
  float *floats[] = {x, y, dy, g, dg, bias, d_bias, u, v, m, z, du};
  for (int i = 0; i < 12; i++) free(floats[i]);
  free(wanted), free(wanted_kernels), free(wanted_bias);
}

int main(void) {
  static const long products[][3] = {{1, 1, 1}, {5, 7, 3}, {6, 16, 384}, {97, 33, 385}, {13, 65, 500}, {1, 130, 70}, {3, 2, 4100}};
  static const long attentions[][4] = {{2, 5, 5, 4}, {1, 97, 33, 6}, {2, 7, 193, 20}, {1, 96, 192, 16}};
  for (int set = 0; set <= (int)kernels_best_instruction_set(); set++)
    for (int threads = 1; threads <= 3; threads += 2) {
      kernels_override(set, threads);
      for (int i = 0; i < (int)(sizeof products / sizeof *products); i++)
        for (int form = 0; form < 16; form++)
          check_product(products[i][0], products[i][1], products[i][2], form & 1, form >> 1 & 1, form >> 2 & 1, form >> 3 & 1);
      check_windows(3, 5, 20, 9);
      check_winograd(2, 32, 64, 7, 6, 1, 1);
      check_winograd(1, 64, 32, 5, 9, 0, 2);
      check_winograd(1, 32, 32, 1, 4, 2, 1);
      for (int i = 0; i < (int)(sizeof attentions / sizeof *attentions); i++)
        check_attention(attentions[i][0], attentions[i][1], attentions[i][2], attentions[i][3]);
    }
  printf("kernels: %d differ\n", failures);
  return failures > 0;
}
