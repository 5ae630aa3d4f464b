// Normalisation of images by the mean and deviation of whole channels (instance, group and batch norm) with a leaky ReLU
// behind it. An image lies as planes [C, P] or as rows [P, C]; mean, factor and shift are given for every (image, channel).

// Of every plane the mean and the sum of the squared distances from it.
static void NAME(plane_moments)(
    const REAL *restrict x, double *restrict mean, double *restrict squares, long length, long begin, long end) {
  for (long p = begin; p < end; p++) {
    const REAL *plane = x + p * length;
    double total = 0, first = 0, second = 0;
    for (long start = 0; start < length; start += moment_block) {
      long stop = length - start < moment_block ? length : start + moment_block;
      total += (double)NAME(row_sum)(plane + start, stop - start);
    }
    const REAL centre = (REAL)(length > 0 ? total / (double)length : 0);
    for (long start = 0; start < length; start += moment_block) {
      long stop = length - start < moment_block ? length : start + moment_block;
      REAL sum;
      second += (double)NAME(row_squares)(plane + start, stop - start, centre, &sum);
      first += (double)sum;
    }
    // What the rounding of the mean left over.
    mean[p] = (double)centre + (length > 0 ? first / (double)length : 0);
    squares[p] = length > 0 ? second - first * first / (double)length : 0;
  }
}

// The same of every channel of the rows begin ..< end, of which there are at least one and not many: sums of distances from
// the first row.
static void NAME(row_moments)(
    const REAL *restrict x, double *restrict mean, double *restrict squares, long channels, long begin, long end) {
  const double count = (double)(end - begin);
  for (long start = 0; start < channels; start += channel_block) {
    const long width = channels - start < channel_block ? channels - start : channel_block;
    const REAL *origin = x + begin * channels + start;
    REAL sum[channel_block] = {0}, square[channel_block] = {0};
    for (long r = begin; r < end; r++) {
      const REAL *row = x + r * channels + start;
      for (long c = 0; c < width; c++) {
        REAL d = row[c] - origin[c];
        sum[c] += d;
        square[c] = FMA(d, d, square[c]);
      }
    }
    for (long c = 0; c < width; c++) {
      mean[start + c] = (double)origin[c] + (double)sum[c] / count;
      double spread = (double)square[c] - (double)sum[c] * (double)sum[c] / count;
      squares[start + c] = spread > 0 ? spread : 0;
    }
  }
}

// y = leaky((x - mean) factor + shift)
static void NAME(plane_norm)(
    const REAL *restrict x, const REAL *restrict mean, const REAL *restrict factor, const REAL *restrict shift,
    REAL *restrict y, double slope, long length, long begin, long end) {
  const REAL leak = (REAL)slope;
  for (long p = begin; p < end; p++) {
    const REAL *from = x + p * length, m = mean[p], a = factor[p], b = shift[p];
    REAL *to = y + p * length;
    for (long i = 0; i < length; i++) {
      REAL z = FMA(from[i] - m, a, b);
      to[i] = z > 0 ? z : leak * z;
    }
  }
}

// The range counts rows of all images, `rows` of each.
static void NAME(row_norm)(
    const REAL *restrict x, const REAL *restrict mean, const REAL *restrict factor, const REAL *restrict shift,
    REAL *restrict y, double slope, long channels, long rows, long begin, long end) {
  const REAL leak = (REAL)slope;
  for (long r = begin; r < end;) {
    const long image = r / rows, stop = (image + 1) * rows < end ? (image + 1) * rows : end;
    const REAL *restrict m = mean + image * channels, *restrict a = factor + image * channels;
    const REAL *restrict b = shift + image * channels;
    for (; r < stop; r++) {
      const REAL *restrict from = x + r * channels;
      REAL *restrict to = y + r * channels;
      for (long c = 0; c < channels; c++) {
        REAL z = FMA(from[c] - m[c], a[c], b[c]);
        to[c] = z > 0 ? z : leak * z;
      }
    }
  }
}

// Of every plane the sums of the gradient d by z, and of d (x - mean); dx = factor d where said.
INLINED void NAME(plane_norm_sums_of)(
    const int writes, const REAL *restrict x, const REAL *restrict mean, const REAL *restrict factor,
    const REAL *restrict shift, const REAL *restrict g, REAL *restrict dx, double *restrict sums,
    double *restrict products, const REAL leak, long length, long begin, long end) {
  for (long p = begin; p < end; p++) {
    const REAL *from = x + p * length, *gradient = g + p * length, m = mean[p], a = factor[p], b = shift[p];
    double total = 0, weighted = 0;
    for (long start = 0; start < length; start += moment_block) {
      long stop = length - start < moment_block ? length : start + moment_block;
      WIDE sum = (WIDE)0, product = (WIDE)0;
#define STEP(GET)                                                                                             \
  const WIDE slopes = GET(gradient, i, stop, 0), distance = GET(from, i, stop, m) - (WIDE)m;                  \
  const WIDE d = FMA(distance, (WIDE)a, (WIDE)b) > (WIDE)0 ? slopes : (WIDE)leak * slopes;                    \
  if (writes) PUT_##GET(dx + p * length, i, stop, (WIDE)a * d);                                               \
  sum += d;                                                                                                   \
  product = FMA(d, distance, product);
      BY_PIECES(start, stop, 1, STEP)
#undef STEP
      total += (double)NAME(lane_sum)(sum);
      weighted += (double)NAME(lane_sum)(product);
    }
    sums[p] = total;
    products[p] = weighted;
  }
}

static void NAME(plane_norm_sums)(
    const REAL *restrict x, const REAL *restrict mean, const REAL *restrict factor, const REAL *restrict shift,
    const REAL *restrict g, REAL *restrict dx, double *restrict sums, double *restrict products, double slope,
    long length, long begin, long end) {
  if (dx)
    NAME(plane_norm_sums_of)(1, x, mean, factor, shift, g, dx, sums, products, (REAL)slope, length, begin, end);
  else
    NAME(plane_norm_sums_of)(0, x, mean, factor, shift, g, dx, sums, products, (REAL)slope, length, begin, end);
}

// The same of every channel of the rows begin ..< end of one image.
INLINED void NAME(row_norm_sums_of)(
    const long channels, const REAL *restrict x, const REAL *restrict mean, const REAL *restrict factor,
    const REAL *restrict shift, const REAL *restrict g, REAL *restrict dx, double *restrict sums,
    double *restrict products, const int writes, const REAL leak, long begin, long end) {
  for (long start = 0; start < channels; start += channel_block) {
    const long width = channels - start < channel_block ? channels - start : channel_block;
    const REAL *restrict m = mean + start, *restrict a = factor + start, *restrict b = shift + start;
    REAL sum[channel_block] = {0}, product[channel_block] = {0};
    for (long r = begin; r < end; r++) {
      const REAL *restrict from = x + r * channels + start, *restrict gradient = g + r * channels + start;
      for (long c = 0; c < width; c++) {
        REAL distance = from[c] - m[c];
        REAL d = FMA(distance, a[c], b[c]) > 0 ? gradient[c] : leak * gradient[c];
        if (writes) dx[r * channels + start + c] = a[c] * d;
        sum[c] += d;
        product[c] = FMA(d, distance, product[c]);
      }
    }
    for (long c = 0; c < width; c++) {
      sums[start + c] = (double)sum[c];
      products[start + c] = (double)product[c];
    }
  }
}

static void NAME(row_norm_sums)(
    const REAL *restrict x, const REAL *restrict mean, const REAL *restrict factor, const REAL *restrict shift,
    const REAL *restrict g, REAL *restrict dx, double *restrict sums, double *restrict products, double slope,
    long channels, long begin, long end) {
  if (dx)
    NAME(row_norm_sums_of)(channels, x, mean, factor, shift, g, dx, sums, products, 1, (REAL)slope, begin, end);
  else
    NAME(row_norm_sums_of)(channels, x, mean, factor, shift, g, dx, sums, products, 0, (REAL)slope, begin, end);
}

// dx = factor d - level - tilt (x - mean)
static void NAME(plane_norm_backward)(
    const REAL *restrict x, const REAL *restrict mean, const REAL *restrict factor, const REAL *restrict shift,
    const REAL *restrict level, const REAL *restrict tilt, const REAL *restrict g, REAL *restrict dx, double slope,
    long length, long begin, long end) {
  const REAL leak = (REAL)slope;
  for (long p = begin; p < end; p++) {
    const REAL *from = x + p * length, *gradient = g + p * length;
    const REAL m = mean[p], a = factor[p], b = shift[p], l = level[p], t = tilt[p];
    REAL *to = dx + p * length;
    for (long i = 0; i < length; i++) {
      REAL distance = from[i] - m;
      REAL d = FMA(distance, a, b) > 0 ? gradient[i] : leak * gradient[i];
      to[i] = FMA(-t, distance, FMA(a, d, -l));
    }
  }
}

static void NAME(row_norm_backward)(
    const REAL *restrict x, const REAL *restrict mean, const REAL *restrict factor, const REAL *restrict shift,
    const REAL *restrict level, const REAL *restrict tilt, const REAL *restrict g, REAL *restrict dx, double slope,
    long channels, long rows, long begin, long end) {
  const REAL leak = (REAL)slope;
  for (long r = begin; r < end;) {
    const long image = r / rows, stop = (image + 1) * rows < end ? (image + 1) * rows : end;
    const REAL *restrict m = mean + image * channels, *restrict a = factor + image * channels;
    const REAL *restrict b = shift + image * channels, *restrict l = level + image * channels;
    const REAL *restrict t = tilt + image * channels;
    for (; r < stop; r++) {
      const REAL *restrict from = x + r * channels, *restrict gradient = g + r * channels;
      REAL *restrict to = dx + r * channels;
      for (long c = 0; c < channels; c++) {
        REAL distance = from[c] - m[c];
        REAL d = FMA(distance, a[c], b[c]) > 0 ? gradient[c] : leak * gradient[c];
        to[c] = FMA(-t[c], distance, FMA(a[c], d, -l[c]));
      }
    }
  }
}
