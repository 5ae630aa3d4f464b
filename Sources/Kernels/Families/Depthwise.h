// Depthwise convolution of images of tokens [N, H, W, C], stride 1: every channel with a small kernel of its own, the kernels
// given as [kernel height, kernel width, C] so that all loops run along the channels: blocks of eight vectors, whose sums stay
// in registers, then single vectors, then what is left.

// y[n, i, j, :] = bias + sum kernel[a, b, :] x[n, i + a - padding, j + b - padding, :]; the range counts rows (n, i) of y.
static void NAME(depthwise_forward)(
    const image_window *window, const REAL *restrict x, const REAL *restrict kernel, const REAL *restrict bias,
    REAL *restrict y, long channels, long begin, long end) {
  const image_window w = *window;
  for (long row = begin; row < end; row++) {
    const long item = row / w.output_height, i = row % w.output_height - w.padding_y;
    const long above = i < 0 ? -i : 0, below = w.height - i < w.kernel_height ? w.height - i : w.kernel_height;
    const REAL *image = x + item * w.height * w.width * channels;
    for (long column = 0; column < w.output_width; column++) {
      const long j = column - w.padding_x;
      const long left = j < 0 ? -j : 0, right = w.width - j < w.kernel_width ? w.width - j : w.kernel_width;
      REAL *restrict to = y + (row * w.output_width + column) * channels;
      long c = 0;
#define BLOCK(count, TYPE, length, GET, PUT)                                                                          \
  for (; c + count * length <= channels; c += count * length) {                                                       \
    TYPE sum[count];                                                                                                  \
    for (int v = 0; v < count; v++) sum[v] = bias ? GET(bias + c + v * length) : (TYPE){0};                           \
    for (long a = above; a < below; a++)                                                                              \
      for (long b = left; b < right; b++) {                                                                           \
        const REAL *from = image + ((i + a) * w.width + j + b) * channels + c;                                        \
        const REAL *factor = kernel + (a * w.kernel_width + b) * channels + c;                                        \
        for (int v = 0; v < count; v++) sum[v] = FMA(GET(factor + v * length), GET(from + v * length), sum[v]);      \
      }                                                                                                               \
    for (int v = 0; v < count; v++) PUT(to + c + v * length, sum[v]);                                                 \
  }
#define GET_ONE(p) (*(p))
#define PUT_ONE(p, v) (*(p) = (v))
      BLOCK(8, VECTOR, LANES, LOAD, STORE)
      BLOCK(1, VECTOR, LANES, LOAD, STORE)
      BLOCK(1, REAL, 1, GET_ONE, PUT_ONE)
#undef BLOCK
    }
  }
}

// d_kernel (this range's share, overwritten) = sum g[n, i, j, :] x[n, i + a - padding, j + b - padding, :]
static void NAME(depthwise_backward_kernel)(
    const image_window *window, const REAL *restrict x, const REAL *restrict g, REAL *restrict d_kernel,
    long channels, long begin, long end) {
  const image_window w = *window;
  memset(d_kernel, 0, (size_t)(w.kernel_height * w.kernel_width * channels) * sizeof(REAL));
  for (long row = begin; row < end; row++) {
    const REAL *image = x + row / w.output_height * w.height * w.width * channels;
    const REAL *slopes = g + row * w.output_width * channels;
    for (long a = 0; a < w.kernel_height; a++) {
      const long i = row % w.output_height - w.padding_y + a;
      if (i < 0 || i >= w.height) continue;
      for (long b = 0; b < w.kernel_width; b++) {
        const long shift = b - w.padding_x;
        const long left = shift < 0 ? -shift : 0;
        const long right = w.width - shift < w.output_width ? w.width - shift : w.output_width;
        REAL *restrict to = d_kernel + (a * w.kernel_width + b) * channels;
        long c = 0;
#define BLOCK(count, TYPE, length, GET, PUT)                                                                          \
  for (; c + count * length <= channels; c += count * length) {                                                       \
    TYPE sum[count];                                                                                                  \
    for (int v = 0; v < count; v++) sum[v] = GET(to + c + v * length);                                                \
    for (long j = left; j < right; j++) {                                                                             \
      const REAL *from = image + (i * w.width + j + shift) * channels + c, *slope = slopes + j * channels + c;        \
      for (int v = 0; v < count; v++) sum[v] = FMA(GET(slope + v * length), GET(from + v * length), sum[v]);        \
    }                                                                                                                 \
    for (int v = 0; v < count; v++) PUT(to + c + v * length, sum[v]);                                                 \
  }
        BLOCK(8, VECTOR, LANES, LOAD, STORE)
        BLOCK(1, VECTOR, LANES, LOAD, STORE)
        BLOCK(1, REAL, 1, GET_ONE, PUT_ONE)
#undef BLOCK
#undef GET_ONE
#undef PUT_ONE
      }
    }
  }
}
