// Images under sliding windows: the columns of a convolution, pooling, and resampling by sparse rows of weights.

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
      for (int k = start[i]; k < start[i + 1]; k++) sum = FMA((REAL)weight[k], from[index[k]], sum);
      *to = sum;
      continue;
    }
    memset(to, 0, (size_t)inner * sizeof(REAL));
    for (int k = start[i]; k < start[i + 1]; k++) {
      const REAL factor = (REAL)weight[k];
      const REAL *source = from + index[k] * inner;
      for (long c = 0; c < inner; c++) to[c] = FMA(factor, source[c], to[c]);
    }
  }
}

// y = the greatest of every window and index = where in its plane it lies, the first of equals; not-a-number is greatest.
static void NAME(max_pool_forward)(
    const image_window *window, const REAL *restrict x, REAL *restrict y, int *restrict index, long begin, long end) {
  const image_window w = *window;
  for (long p = begin; p < end; p++) {
    const REAL *plane = x + p * w.height * w.width;
    for (long oy = 0; oy < w.output_height; oy++)
      for (long ox = 0; ox < w.output_width; ox++) {
        long found = -1;
        for (long ky = 0; ky < w.kernel_height; ky++) {
          long row = oy * w.stride_y - w.padding_y + ky * w.dilation_y;
          if (row < 0 || row >= w.height) continue;
          for (long kx = 0; kx < w.kernel_width; kx++) {
            long column = ox * w.stride_x - w.padding_x + kx * w.dilation_x;
            if (column < 0 || column >= w.width) continue;
            long place = row * w.width + column;
            if (found < 0 || plane[place] > plane[found] || plane[place] != plane[place]) found = place;
          }
        }
        long place = (p * w.output_height + oy) * w.output_width + ox;
        y[place] = plane[found];
        index[place] = (int)found;
      }
  }
}

static void NAME(max_pool_backward)(
    const image_window *window, const int *restrict index, const REAL *restrict g, REAL *restrict dx, long begin,
    long end) {
  const image_window w = *window;
  const long outputs = w.output_height * w.output_width;
  for (long p = begin; p < end; p++) {
    REAL *plane = dx + p * w.height * w.width;
    memset(plane, 0, (size_t)(w.height * w.width) * sizeof(REAL));
    for (long i = 0; i < outputs; i++) plane[index[p * outputs + i]] += g[p * outputs + i];
  }
}
