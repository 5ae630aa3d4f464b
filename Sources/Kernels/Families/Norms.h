// Layer normalisation of rows, and rows scaled to length one.

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
