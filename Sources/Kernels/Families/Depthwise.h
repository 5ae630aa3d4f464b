// Depthwise convolution of images of tokens [N, H, W, C], stride 1: every channel with a small kernel of its own, the kernels
// given as [kernel height, kernel width, C] so that all loops run along the channels.

enum { NAME(depthwise_channels) = 8 * VECTOR_BYTES / sizeof(REAL) };

// y[n, i, j, :] = bias + sum kernel[a, b, :] x[n, i + a - padding, j + b - padding, :]; the range counts rows (n, i) of y.
static void NAME(depthwise_forward)(
    const image_window *window, const REAL *restrict x, const REAL *restrict kernel, const REAL *restrict bias,
    REAL *restrict y, long channels, long begin, long end) {
  enum { most = NAME(depthwise_channels) };
  const image_window w = *window;
  for (long row = begin; row < end; row++) {
    const long item = row / w.output_height, i = row % w.output_height - w.padding_y;
    const long above = i < 0 ? -i : 0, below = w.height - i < w.kernel_height ? w.height - i : w.kernel_height;
    const REAL *image = x + item * w.height * w.width * channels;
    for (long first = 0; first < channels; first += most) {
      const long count = channels - first < most ? channels - first : most;
      for (long column = 0; column < w.output_width; column++) {
        const long j = column - w.padding_x;
        const long left = j < 0 ? -j : 0, right = w.width - j < w.kernel_width ? w.width - j : w.kernel_width;
        REAL sum[most];
        REAL *restrict to = y + (row * w.output_width + column) * channels + first;
        // A full block has a fixed length, so that its sums stay in registers.
#define TAPS(length)                                                                                                  \
  for (long c = 0; c < length; c++) sum[c] = bias ? bias[first + c] : 0;                                              \
  for (long a = above; a < below; a++)                                                                                \
    for (long b = left; b < right; b++) {                                                                             \
      const REAL *restrict from = image + ((i + a) * w.width + j + b) * channels + first;                             \
      const REAL *restrict factor = kernel + (a * w.kernel_width + b) * channels + first;                             \
      for (long c = 0; c < length; c++) sum[c] += factor[c] * from[c];                                                \
    }                                                                                                                 \
  for (long c = 0; c < length; c++) to[c] = sum[c];
        if (count == most) {
          TAPS(most)
        } else {
          TAPS(count)
        }
#undef TAPS
      }
    }
  }
}

// d_kernel (this range's share, overwritten) = sum g[n, i, j, :] x[n, i + a - padding, j + b - padding, :]
static void NAME(depthwise_backward_kernel)(
    const image_window *window, const REAL *restrict x, const REAL *restrict g, REAL *restrict d_kernel,
    long channels, long begin, long end) {
  enum { most = NAME(depthwise_channels) };
  const image_window w = *window;
  memset(d_kernel, 0, (size_t)(w.kernel_height * w.kernel_width * channels) * sizeof(REAL));
  for (long row = begin; row < end; row++) {
    const long item = row / w.output_height;
    const REAL *image = x + item * w.height * w.width * channels;
    for (long a = 0; a < w.kernel_height; a++) {
      const long i = row % w.output_height - w.padding_y + a;
      if (i < 0 || i >= w.height) continue;
      for (long first = 0; first < channels; first += most) {
        const long count = channels - first < most ? channels - first : most;
        for (long b = 0; b < w.kernel_width; b++) {
          const long shift = b - w.padding_x;
          const long left = shift < 0 ? -shift : 0;
          const long right = w.width - shift < w.output_width ? w.width - shift : w.output_width;
          REAL *restrict to = d_kernel + (a * w.kernel_width + b) * channels + first;
          REAL sum[most];
#define COLUMNS(length)                                                                                               \
  for (long c = 0; c < length; c++) sum[c] = to[c];                                                                   \
  for (long j = left; j < right; j++) {                                                                               \
    const REAL *restrict from = image + (i * w.width + j + shift) * channels + first;                                 \
    const REAL *restrict slope = g + (row * w.output_width + j) * channels + first;                                   \
    for (long c = 0; c < length; c++) sum[c] += slope[c] * from[c];                                                   \
  }                                                                                                                   \
  for (long c = 0; c < length; c++) to[c] = sum[c];
          if (count == most) {
            COLUMNS(most)
          } else {
            COLUMNS(count)
          }
#undef COLUMNS
        }
      }
    }
  }
}
