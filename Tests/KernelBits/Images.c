// Norms over channels, windows and depthwise convolutions of images.

#include "Arrays.h"

static void plane_norms(bits_run *run, long length) {
  enum { planes = 3 };
  const long count = planes * length;
  void *x = drawn(run, count), *g = drawn(run, count), *y = zeros(run, count), *mean = drawn(run, planes);
  void *factor = drawn(run, planes), *shift = drawn(run, planes), *level = drawn(run, planes), *tilt = drawn(run, planes);
  double first[planes], second[planes];
  kernel_plane_moments(run->type, x, first, second, length, 0, planes);
  report_bytes(run, "moments of planes, mean", first, sizeof first);
  report_bytes(run, "moments of planes, squares", second, sizeof second);
  kernel_plane_norm(run->type, x, mean, factor, shift, y, 0.01, length, 0, planes);
  report(run, "norm of planes", y, count);
  kernel_plane_norm_sums(run->type, x, mean, factor, shift, g, y, first, second, 0.01, length, 0, planes);
  report(run, "norm of planes by fixed statistics backward", y, count);
  report_bytes(run, "norm of planes, sums", first, sizeof first);
  report_bytes(run, "norm of planes, products", second, sizeof second);
  kernel_plane_norm_backward(run->type, x, mean, factor, shift, level, tilt, g, y, 0.01, length, 0, planes);
  report(run, "norm of planes backward", y, count);
  give_back(run);
}

static void row_norms(bits_run *run, long channels) {
  enum { rows = 55, images = 2, all = rows * images };
  const long count = all * channels, pairs = images * channels;
  void *x = drawn(run, count), *g = drawn(run, count), *y = zeros(run, count), *mean = drawn(run, pairs);
  void *factor = drawn(run, pairs), *shift = drawn(run, pairs), *level = drawn(run, pairs), *tilt = drawn(run, pairs);
  double first[200], second[200];
  kernel_row_moments(run->type, x, first, second, channels, 3, rows);
  report_bytes(run, "moments of rows, mean", first, channels * 8);
  report_bytes(run, "moments of rows, squares", second, channels * 8);
  kernel_row_norm(run->type, x, mean, factor, shift, y, 0.01, channels, rows, 0, all);
  report(run, "norm of rows", y, count);
  kernel_row_norm_sums(run->type, x, mean, factor, shift, g, y, first, second, 0.01, channels, 3, rows);
  report(run, "norm of rows by fixed statistics backward", y, count);
  report_bytes(run, "norm of rows, sums", first, channels * 8);
  report_bytes(run, "norm of rows, products", second, channels * 8);
  kernel_row_norm_backward(run->type, x, mean, factor, shift, level, tilt, g, y, 0.01, channels, rows, 0, all);
  report(run, "norm of rows backward", y, count);
  give_back(run);
}

static void depthwise(bits_run *run, long channels) {
  const image_window window = {6, 5, 6, 5, 3, 3, 1, 1, 1, 1, 1, 1};
  const long count = 2 * 30 * channels;
  void *x = drawn(run, count), *kernel = drawn(run, 9 * channels), *bias = drawn(run, channels), *y = zeros(run, count);
  kernel_depthwise_forward(run->type, &window, x, kernel, bias, y, channels, 0, 12);
  report(run, "depthwise convolution", y, count);
  kernel_depthwise_backward_kernel(run->type, &window, x, y, kernel, channels, 0, 12);
  report(run, "depthwise convolution backward", kernel, 9 * channels);
  give_back(run);
}

static void resample(bits_run *run, long inner) {
  enum { planes = 2, input = 9, output = 4 };
  static const int start[] = {0, 3, 4, 8, 11}, index[] = {0, 1, 2, 3, 3, 4, 5, 6, 6, 7, 8};
  static const double weight[] = {0.1, 0.5, 0.4, 1, -0.07, 0.6, 0.55, -0.08, 0.3, 0.3, 0.4};
  void *x = drawn(run, planes * input * inner), *y = zeros(run, planes * output * inner);
  kernel_resample(run->type, x, y, start, index, weight, input, output, inner, 0, planes * output);
  report(run, "resampling", y, planes * output * inner);
  give_back(run);
}

void bits_of_images(bits_run *run) {
  static const long lengths[] = {1, 7, 37, 1024, 2500}, channels[] = {1, 8, 16, 33, 100};
  for (int i = 0; i < 5; i++) {
    plane_norms(run, lengths[i]);
    row_norms(run, channels[i]);
    depthwise(run, channels[i]);
    resample(run, channels[i]);
  }
}
