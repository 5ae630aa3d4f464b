// Layer normalisation of rows and over channels, and rows scaled to length one.

static void NAME(layer_norm_forward)(
    const REAL *restrict x, const REAL *restrict weight, const REAL *restrict bias, REAL *restrict y,
    REAL *restrict mean, REAL *restrict scale, long columns, double epsilon, int gelu, long begin, long end) {
  for (long r = begin; r < end; r++) {
    const REAL *row = x + r * columns;
    REAL *to = y + r * columns;
    const REAL centre = NAME(row_sum)(row, columns) / (REAL)columns;
    const REAL squares = NAME(row_squares)(row, columns, centre, 0);
    const REAL factor = (REAL)(1 / SQUARE_ROOT((double)squares / (double)columns + epsilon));
    if (gelu)
      for (long c = 0; c < columns; c++) {
        REAL density, value = FMA((row[c] - centre) * factor, weight[c], bias[c]);
        to[c] = value * NAME(normal_distribution)(value, &density);
      }
    else
      for (long c = 0; c < columns; c++) to[c] = FMA((row[c] - centre) * factor, weight[c], bias[c]);
    if (mean) {
      mean[r] = centre;
      scale[r] = factor;
    }
  }
}

// Σ g w, and the sum of g w (x - centre).
INLINED REAL NAME(row_weighted)(
    const REAL *g, const REAL *w, const REAL *x, long n, REAL centre, REAL *products) {
  WIDE sum[2] = {(WIDE)0, (WIDE)0}, product[2] = {(WIDE)0, (WIDE)0};
#define STEP(GET)                                                                                \
  for (int half = 0; half < 2; half++) {                                                         \
    const long at = i + half * WIDTH;                                                            \
    const WIDE weighted = GET(g, at, n, 0) * GET(w, at, n, 0);                                   \
    sum[half] += weighted;                                                                       \
    product[half] = FMA(weighted, GET(x, at, n, centre) - (WIDE)centre, product[half]);          \
  }
  BY_PIECES(0, n, 2, STEP)
#undef STEP
  *products = NAME(lane_sum)(product[0] + product[1]);
  return NAME(lane_sum)(sum[0] + sum[1]);
}

static void NAME(layer_norm_backward)(
    const REAL *restrict x, const REAL *restrict weight, const REAL *restrict bias, const REAL *restrict mean,
    const REAL *restrict scale, const REAL *g, REAL *dx, REAL *restrict d_weight, REAL *restrict d_bias,
    long columns, int gelu, long begin, long end) {
  if (d_weight) {
    memset(d_weight, 0, (size_t)columns * sizeof(REAL));
    memset(d_bias, 0, (size_t)columns * sizeof(REAL));
  }
  for (long r = begin; r < end; r++) {
    const REAL *row = x + r * columns, *gradient = g + r * columns;
    const REAL centre = mean[r], factor = scale[r];
    REAL *to = dx ? dx + r * columns : 0;
    if (gelu) {
      // The gradient before GELU, kept where dx will be.
      for (long c = 0; c < columns; c++) {
        REAL density, value = FMA((row[c] - centre) * factor, weight[c], bias[c]);
        const REAL distribution = NAME(normal_distribution)(value, &density);
        to[c] = gradient[c] * FMA(value, density, distribution);
      }
      gradient = to;
    }
    if (d_weight)
      for (long c = 0; c < columns; c++) {
        d_weight[c] = FMA(gradient[c], (row[c] - centre) * factor, d_weight[c]);
        d_bias[c] += gradient[c];
      }
    if (to) {
      REAL product;
      const REAL sum = NAME(row_weighted)(gradient, weight, row, columns, centre, &product);
      const REAL shift = sum / (REAL)columns, slope = product * factor * factor / (REAL)columns;
      for (long c = 0; c < columns; c++)
        to[c] = factor * FMA(-slope, row[c] - centre, FMA(gradient[c], weight[c], -shift));
    }
  }
}

static void NAME(channel_norm_forward)(
    const REAL *restrict x, const REAL *restrict weight, const REAL *restrict bias, REAL *restrict y,
    REAL *restrict mean, REAL *restrict scale, long channels, long plane, double epsilon, long begin, long end) {
  long blocks = (plane + pixel_block - 1) / pixel_block;
  for (long index = begin; index < end; index++) {
    long image = index / blocks, first = index % blocks * pixel_block;
    long width = plane - first < pixel_block ? plane - first : pixel_block;
    const REAL *from = x + image * channels * plane + first;
    REAL *to = y + image * channels * plane + first;
    REAL centre[pixel_block] = {0}, factor[pixel_block] = {0};
    for (long c = 0; c < channels; c++)
      for (long i = 0; i < width; i++) centre[i] += from[c * plane + i];
    for (long i = 0; i < width; i++) centre[i] /= (REAL)channels;
    for (long c = 0; c < channels; c++)
      for (long i = 0; i < width; i++) {
        REAL d = from[c * plane + i] - centre[i];
        factor[i] += d * d;
      }
    for (long i = 0; i < width; i++) factor[i] = (REAL)(1 / SQUARE_ROOT((double)factor[i] / (double)channels + epsilon));
    for (long c = 0; c < channels; c++)
      for (long i = 0; i < width; i++)
        to[c * plane + i] = (from[c * plane + i] - centre[i]) * factor[i] * weight[c] + bias[c];
    if (mean) {
      memcpy(mean + image * plane + first, centre, (size_t)width * sizeof(REAL));
      memcpy(scale + image * plane + first, factor, (size_t)width * sizeof(REAL));
    }
  }
}

static void NAME(channel_norm_backward)(
    const REAL *restrict x, const REAL *restrict weight, const REAL *restrict mean, const REAL *restrict scale,
    const REAL *restrict g, REAL *restrict dx, REAL *restrict d_weight, REAL *restrict d_bias, long channels,
    long plane, long begin, long end) {
  if (d_weight) {
    memset(d_weight, 0, (size_t)channels * sizeof(REAL));
    memset(d_bias, 0, (size_t)channels * sizeof(REAL));
  }
  long blocks = (plane + pixel_block - 1) / pixel_block;
  for (long index = begin; index < end; index++) {
    long image = index / blocks, first = index % blocks * pixel_block;
    long width = plane - first < pixel_block ? plane - first : pixel_block;
    const REAL *from = x + image * channels * plane + first;
    const REAL *gradient = g + image * channels * plane + first;
    const REAL *centre = mean + image * plane + first, *factor = scale + image * plane + first;
    REAL sum[pixel_block] = {0}, product[pixel_block] = {0};
    for (long c = 0; c < channels; c++) {
      REAL by_weight = 0, by_bias = 0;
      for (long i = 0; i < width; i++) {
        REAL value = (from[c * plane + i] - centre[i]) * factor[i], slope = gradient[c * plane + i];
        by_weight += slope * value;
        by_bias += slope;
        sum[i] += slope * weight[c];
        product[i] += slope * weight[c] * value;
      }
      if (d_weight) {
        d_weight[c] += by_weight;
        d_bias[c] += by_bias;
      }
    }
    if (!dx) continue;
    REAL *to = dx + image * channels * plane + first;
    for (long i = 0; i < width; i++) {
      sum[i] /= (REAL)channels;
      product[i] /= (REAL)channels;
    }
    for (long c = 0; c < channels; c++)
      for (long i = 0; i < width; i++) {
        REAL value = (from[c * plane + i] - centre[i]) * factor[i];
        to[c * plane + i] = factor[i] * (gradient[c * plane + i] * weight[c] - sum[i] - product[i] * value);
      }
  }
}

static void NAME(normalize_forward)(
    const REAL *restrict x, REAL *restrict y, REAL *restrict norm, long columns, double epsilon, long begin,
    long end) {
  for (long r = begin; r < end; r++) {
    const double length = SQUARE_ROOT((double)NAME(row_product)(x + r * columns, x + r * columns, columns));
    REAL divisor = (REAL)(length > epsilon ? length : epsilon);
    for (long c = 0; c < columns; c++) y[r * columns + c] = x[r * columns + c] / divisor;
    norm[r] = length > epsilon ? divisor : -divisor;
  }
}

static void NAME(normalize_backward)(
    const REAL *restrict y, const REAL *restrict norm, const REAL *restrict g, REAL *restrict dx, long columns,
    long begin, long end) {
  for (long r = begin; r < end; r++) {
    const REAL *row = y + r * columns, *gradient = g + r * columns;
    const REAL product = norm[r] > 0 ? NAME(row_product)(row, gradient, columns) : 0;
    const REAL divisor = norm[r] > 0 ? norm[r] : -norm[r];
    for (long c = 0; c < columns; c++) dx[r * columns + c] = FMA(-product, row[c], gradient[c]) / divisor;
  }
}
