// Layer normalisation of rows and over channels, and rows scaled to length one.

static void NAME(layer_norm_forward)(
    const REAL *restrict x, const REAL *restrict weight, const REAL *restrict bias, REAL *restrict y,
    REAL *restrict mean, REAL *restrict scale, long columns, double epsilon, int gelu, long begin, long end) {
  for (long r = begin; r < end; r++) {
    const REAL *row = x + r * columns;
    REAL *to = y + r * columns;
    REAL sum = 0;
    for (long c = 0; c < columns; c++) sum += row[c];
    REAL centre = sum / (REAL)columns;
    REAL squares = 0;
    for (long c = 0; c < columns; c++) squares += (row[c] - centre) * (row[c] - centre);
    REAL factor = (REAL)(1 / sqrt((double)squares / (double)columns + epsilon));
    if (gelu)
      for (long c = 0; c < columns; c++) {
        REAL density, value = (row[c] - centre) * factor * weight[c] + bias[c];
        to[c] = value * NAME(normal_distribution)(value, &density);
      }
    else
      for (long c = 0; c < columns; c++) to[c] = (row[c] - centre) * factor * weight[c] + bias[c];
    if (mean) {
      mean[r] = centre;
      scale[r] = factor;
    }
  }
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
        REAL density, value = (row[c] - centre) * factor * weight[c] + bias[c];
        const REAL distribution = NAME(normal_distribution)(value, &density);
        to[c] = gradient[c] * (distribution + value * density);
      }
      gradient = to;
    }
    if (d_weight)
      for (long c = 0; c < columns; c++) {
        d_weight[c] += gradient[c] * ((row[c] - centre) * factor);
        d_bias[c] += gradient[c];
      }
    if (to) {
      REAL sum = 0, product = 0;
      for (long c = 0; c < columns; c++) {
        REAL weighted = gradient[c] * weight[c];
        sum += weighted;
        product += weighted * (row[c] - centre);
      }
      const REAL shift = sum / (REAL)columns, slope = product * factor * factor / (REAL)columns;
      for (long c = 0; c < columns; c++) to[c] = factor * (gradient[c] * weight[c] - shift - slope * (row[c] - centre));
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
    for (long i = 0; i < width; i++) factor[i] = (REAL)(1 / sqrt((double)factor[i] / (double)channels + epsilon));
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
    REAL squares = 0;
    for (long c = 0; c < columns; c++) squares += x[r * columns + c] * x[r * columns + c];
    double length = sqrt((double)squares);
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
    REAL product = 0;
    if (norm[r] > 0)
      for (long c = 0; c < columns; c++) product += row[c] * gradient[c];
    REAL divisor = norm[r] > 0 ? norm[r] : -norm[r];
    for (long c = 0; c < columns; c++) dx[r * columns + c] = (gradient[c] - product * row[c]) / divisor;
  }
}
