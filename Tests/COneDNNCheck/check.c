// COneDNN's convolutions and their gradients against the definition, with whichever oneDNN it is built against
// (Setup/test-onednn3.sh builds it against version 3). Exits with 1 when one differs.

#include "COneDNN.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static float *drawn(long count) {
  float *values = malloc((size_t)count * sizeof(float));
  for (long i = 0; i < count; i++) values[i] = (float)(rand() % 2001 - 1000) / 1000;
  return values;
}

static int differs(const char *what, const float *found, const double *wanted, long count) {
  double most = 0;
  for (long i = 0; i < count; i++) most = fmax(most, fabs(found[i] - wanted[i]));
  // Sums of at most a few hundred products of numbers below 1.
  if (most <= 2e-5) return 0;
  printf("  %s differs by %.1e\n", what, most);
  return 1;
}

static int check(onednn_convolution s, int index) {
  s.output_height = (s.height + 2 * s.padding_y - s.dilation_y * (s.kernel_height - 1) - 1) / s.stride_y + 1;
  s.output_width = (s.width + 2 * s.padding_x - s.dilation_x * (s.kernel_width - 1) - 1) / s.stride_x + 1;
  const long inputs = s.inputs / s.groups, outputs = s.outputs / s.groups;
  const long x_count = s.items * s.inputs * s.height * s.width;
  const long y_count = s.items * s.outputs * s.output_height * s.output_width;
  const long w_count = s.outputs * inputs * s.kernel_height * s.kernel_width;
  float *x = drawn(x_count), *w = drawn(w_count), *bias = drawn(s.outputs), *dy = drawn(y_count);
  float *y = drawn(y_count), *dx = drawn(x_count), *dw = drawn(w_count), *d_bias = drawn(s.outputs);
  double *wanted_y = calloc((size_t)y_count, 8), *wanted_dx = calloc((size_t)x_count, 8);
  double *wanted_dw = calloc((size_t)w_count, 8), *wanted_d_bias = calloc((size_t)s.outputs, 8);
  for (long n = 0; n < s.items; n++)
    for (long o = 0; o < s.outputs; o++)
      for (long i = 0; i < s.output_height; i++)
        for (long j = 0; j < s.output_width; j++) {
          const long to = ((n * s.outputs + o) * s.output_height + i) * s.output_width + j;
          wanted_y[to] += bias[o];
          wanted_d_bias[o] += dy[to];
          for (long c = 0; c < inputs; c++)
            for (long ky = 0; ky < s.kernel_height; ky++)
              for (long kx = 0; kx < s.kernel_width; kx++) {
                const long row = i * s.stride_y - s.padding_y + ky * s.dilation_y;
                const long column = j * s.stride_x - s.padding_x + kx * s.dilation_x;
                if (row < 0 || column < 0 || row >= s.height || column >= s.width) continue;
                const long from = ((n * s.inputs + o / outputs * inputs + c) * s.height + row) * s.width + column;
                const long weight = ((o * inputs + c) * s.kernel_height + ky) * s.kernel_width + kx;
                wanted_y[to] += x[from] * w[weight];
                wanted_dx[from] += dy[to] * w[weight];
                wanted_dw[weight] += dy[to] * x[from];
              }
        }
  const int done = onednn_convolution_forward(&s, x, w, bias, y) && onednn_convolution_backward_data(&s, dy, w, dx) &&
                   onednn_convolution_backward_weights(&s, x, dy, dw, d_bias);
  printf("convolution %d: %s\n", index, done ? "computed" : "not computed");
  const int wrong = !done || differs("y", y, wanted_y, y_count) | differs("dx", dx, wanted_dx, x_count) |
                                 differs("dw", dw, wanted_dw, w_count) |
                                 differs("the bias's gradient", d_bias, wanted_d_bias, s.outputs);
  float *taken[] = {x, w, bias, dy, y, dx, dw, d_bias};
  for (int k = 0; k < 8; k++) free(taken[k]);
  free(wanted_y), free(wanted_dx), free(wanted_dw), free(wanted_d_bias);
  return wrong;
}

int main(void) {
  printf("oneDNN %s\n", onednn_version());
  // Items, inputs, outputs, groups, height, width; kernel, stride, padding, dilation of both axes.
  static const long cases[][10] = {
      {2, 3, 8, 1, 9, 7, 3, 1, 1, 1},   {1, 8, 16, 1, 16, 16, 3, 2, 1, 1}, {2, 8, 8, 8, 10, 10, 3, 1, 1, 1},
      {1, 16, 32, 1, 12, 12, 1, 1, 0, 1}, {1, 4, 6, 2, 11, 13, 3, 1, 2, 2},  {3, 32, 16, 1, 8, 8, 2, 2, 0, 1},
  };
  int wrong = 0;
  for (int k = 0; k < (int)(sizeof cases / sizeof *cases); k++) {
    const long *c = cases[k];
    const onednn_convolution shape = {
        .items = c[0], .inputs = c[1], .outputs = c[2], .groups = c[3], .height = c[4], .width = c[5],
        .kernel_height = c[6], .kernel_width = c[6], .stride_y = c[7], .stride_x = c[7], .padding_y = c[8],
        .padding_x = c[8], .dilation_y = c[9], .dilation_x = c[9]};
    wrong |= check(shape, k);
  }
  onednn_release();
  return wrong;
}
