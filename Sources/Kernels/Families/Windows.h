// Images under sliding windows: the columns of a convolution, and resampling by sparse rows of weights.

static void NAME(image_to_columns)(
    const image_window *window, const REAL *restrict x, REAL *restrict columns, long begin, long end) {
  const image_window w = *window;
  long plane = w.output_height * w.output_width;
  for (long c = begin; c < end; c++)
    for (long ky = 0; ky < w.kernel_height; ky++)
      for (long kx = 0; kx < w.kernel_width; kx++) {
        REAL *to = columns + ((c * w.kernel_height + ky) * w.kernel_width + kx) * plane;
        for (long oy = 0; oy < w.output_height; oy++, to += w.output_width) {
          long y = oy * w.stride_y - w.padding_y + ky * w.dilation_y;
          if (y < 0 || y >= w.height) {
            memset(to, 0, (size_t)w.output_width * sizeof(REAL));
            continue;
          }
          const REAL *from = x + (c * w.height + y) * w.width;
          for (long ox = 0; ox < w.output_width; ox++) {
            long column = ox * w.stride_x - w.padding_x + kx * w.dilation_x;
            to[ox] = column >= 0 && column < w.width ? from[column] : 0;
          }
        }
      }
}

static void NAME(columns_to_image)(
    const image_window *window, const REAL *restrict columns, REAL *restrict x, long begin, long end) {
  const image_window w = *window;
  long plane = w.output_height * w.output_width;
  for (long c = begin; c < end; c++)
    for (long ky = 0; ky < w.kernel_height; ky++)
      for (long kx = 0; kx < w.kernel_width; kx++) {
        const REAL *from = columns + ((c * w.kernel_height + ky) * w.kernel_width + kx) * plane;
        for (long oy = 0; oy < w.output_height; oy++, from += w.output_width) {
          long y = oy * w.stride_y - w.padding_y + ky * w.dilation_y;
          if (y < 0 || y >= w.height) continue;
          REAL *to = x + (c * w.height + y) * w.width;
          for (long ox = 0; ox < w.output_width; ox++) {
            long column = ox * w.stride_x - w.padding_x + kx * w.dilation_x;
            if (column >= 0 && column < w.width) to[column] += from[ox];
          }
        }
      }
}

static void NAME(resample)(
    const REAL *restrict x, REAL *restrict y, const int *restrict start, const int *restrict index,
    const double *restrict weight, long input, long output, long inner, long begin, long end) {
  for (long row = begin; row < end; row++) {
    long plane = row / output, i = row % output;
    const REAL *from = x + plane * input * inner;
    REAL *to = y + row * inner;
    if (inner == 1) {
      REAL sum = 0;
      for (int k = start[i]; k < start[i + 1]; k++) sum += (REAL)weight[k] * from[index[k]];
      *to = sum;
      continue;
    }
    memset(to, 0, (size_t)inner * sizeof(REAL));
    for (int k = start[i]; k < start[i + 1]; k++) {
      const REAL factor = (REAL)weight[k];
      const REAL *source = from + index[k] * inner;
      for (long c = 0; c < inner; c++) to[c] += factor * source[c];
    }
  }
}
