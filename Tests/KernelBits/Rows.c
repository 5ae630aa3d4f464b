// Sums, norms and softmax of rows, shorter and longer than a piece of lanes.

#include "Arrays.h"

enum { rows = 5 };

static void sums(bits_run *run, long columns) {
  void *x = drawn(run, rows * columns), *y = zeros(run, columns > rows ? columns : rows);
  double squares;
  kernel_sum_rows(run->type, x, y, columns, 0, rows);
  report(run, "sums of rows", y, rows);
  kernel_sum_columns(run->type, x, y, columns, 0, rows);
  report(run, "sums of columns", y, columns);
  kernel_sum_squares(run->type, x, &squares, 0, rows * columns);
  report_bytes(run, "sum of squares", &squares, 8);
  give_back(run);
}

static void norms(bits_run *run, long columns) {
  const long count = rows * columns;
  void *x = drawn(run, count), *g = drawn(run, count), *weight = drawn(run, columns), *bias = drawn(run, columns);
  void *y = zeros(run, count), *mean = zeros(run, rows), *scale = zeros(run, rows), *dx = zeros(run, count);
  void *d_weight = zeros(run, columns), *d_bias = zeros(run, columns);
  for (int gelu = 0; gelu < 2; gelu++) {
    kernel_layer_norm_forward(run->type, x, weight, bias, y, mean, scale, columns, 1e-6, gelu, 0, rows);
    report(run, "layer norm", y, count);
    report(run, "layer norm, mean", mean, rows);
    report(run, "layer norm, scale", scale, rows);
    kernel_layer_norm_backward(
        run->type, x, weight, bias, mean, scale, g, dx, d_weight, d_bias, columns, gelu, 0, rows);
    report(run, "layer norm backward", dx, count);
    report(run, "layer norm backward, weight", d_weight, columns);
    report(run, "layer norm backward, bias", d_bias, columns);
  }
  kernel_normalize_forward(run->type, x, y, mean, columns, 1e-12, 0, rows);
  report(run, "normalize", y, count);
  kernel_normalize_backward(run->type, y, mean, g, dx, columns, 0, rows);
  report(run, "normalize backward", dx, count);
  give_back(run);
}

static void softmax(bits_run *run, long columns) {
  const long count = rows * columns;
  void *x = drawn_between(run, count, -20, 20), *g = drawn(run, count), *y = zeros(run, count), *dx = zeros(run, count);
  for (int logarithm = 0; logarithm < 2; logarithm++) {
    kernel_softmax_forward(run->type, logarithm, x, y, columns, 0, rows);
    report(run, "softmax", y, count);
    kernel_softmax_backward(run->type, logarithm, y, g, dx, columns, 0, rows);
    report(run, "softmax backward", dx, count);
  }
  give_back(run);
}

static void attention(bits_run *run, long heads, long queries, long keys, long depth) {
  const attention_shape shape = {1, heads, queries, keys, depth, 0.3};
  const long q_count = queries * heads * depth, k_count = keys * heads * depth;
  void *query = drawn(run, q_count), *key = drawn(run, k_count), *value = drawn(run, k_count), *g = drawn(run, q_count);
  void *output = zeros(run, q_count), *log_sum = zeros(run, heads * queries);
  void *d_query = zeros(run, q_count), *d_key = zeros(run, k_count), *d_value = zeros(run, k_count);
  void *packed = zeros(run, heads * attention_packed_size(keys, depth));
  const long blocks = (queries + attention_query_block - 1) / attention_query_block;
  kernel_attention_pack(run->type, &shape, key, value, packed, 0, heads);
  kernel_attention_forward(run->type, &shape, query, packed, output, log_sum, 0, heads * blocks);
  kernel_attention_backward(
      run->type, &shape, query, key, value, output, log_sum, g, d_query, d_key, d_value, 0, heads);
  report(run, "attention", output, q_count);
  report(run, "attention, logarithms of sums", log_sum, heads * queries);
  report(run, "attention backward, queries", d_query, q_count);
  report(run, "attention backward, keys", d_key, k_count);
  report(run, "attention backward, values", d_value, k_count);
  give_back(run);
}

static void rotary(bits_run *run) {
  enum { tokens = 5, heads = 3, depth = 14, prefix = 1 };
  const long count = tokens * heads * depth;
  void *x = drawn(run, count), *y = zeros(run, count);
  void *cosine = drawn(run, tokens * depth), *sine = drawn(run, tokens * depth);
  for (int backward = 0; backward < 2; backward++) {
    kernel_rotary(run->type, backward, x, cosine, sine, y, tokens, heads, depth, prefix, 0, tokens);
    report(run, "rotary", y, count);
  }
  give_back(run);
}

static void deformable(bits_run *run, long depth) {
  static const long sizes[] = {4, 5, 3, 2};
  enum { queries = 6, tokens = 26, heads = 2, levels = 2, points = 3 };
  const deformable_shape shape = {1, queries, tokens, heads, depth, levels, points, sizes};
  const long samples = queries * heads * levels * points, q_count = queries * heads * depth, count = tokens * heads * depth;
  void *value = drawn(run, count), *place = drawn_between(run, 2 * samples, -0.2, 1.2), *weight = drawn(run, samples);
  void *output = zeros(run, q_count), *g = drawn(run, q_count);
  void *d_value = zeros(run, count), *d_place = zeros(run, 2 * samples), *d_weight = zeros(run, samples);
  kernel_deformable_forward(run->type, &shape, value, place, weight, output, 0, queries);
  kernel_deformable_backward(run->type, &shape, value, place, weight, g, d_value, d_place, d_weight, 0, heads);
  report(run, "deformable attention", output, q_count);
  report(run, "deformable attention backward, values", d_value, count);
  report(run, "deformable attention backward, places", d_place, 2 * samples);
  report(run, "deformable attention backward, weights", d_weight, samples);
  give_back(run);
}

void bits_of_rows(bits_run *run) {
  static const long columns[] = {1, 7, 15, 16, 24, 33, 100, 384, 5003};
  for (int i = 0; i < (int)(sizeof columns / sizeof *columns); i++) {
    sums(run, columns[i]);
    norms(run, columns[i]);
    softmax(run, columns[i]);
  }
  attention(run, 2, 5, 5, 4);
  attention(run, 1, 97, 33, 6);
  attention(run, 2, 7, 193, 20);
  attention(run, 1, 100, 400, 64);
  rotary(run);
  deformable(run, 5);
  deformable(run, 32);
  deformable(run, 43);
}
