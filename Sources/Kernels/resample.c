// Separable resampling of image slices: cubic splines for intensities, linear indicators for labels, linear scores with
// the greatest class for predictions. Positions, weights and ties are those of SciPy's ndimage.zoom in grid mode.
#include "KernelsResample.h"
#include <math.h>
#include <string.h>

// The same bits on every processor: no fused operations.
#pragma STDC FP_CONTRACT OFF

#if defined(__x86_64__) && defined(__linux__)
#define FOR_EACH_CPU __attribute__((target_clones("arch=x86-64-v3", "default")))
#else
#define FOR_EACH_CPU
#endif

static const float pole = -0.26794919243112270647f; // sqrt(3) - 2
#define START_TERMS 24                              // |pole|^24 is below 2e-14

// Zeros behind the columns, so that four taps may always be read.
static int64_t padded_width(const resample_axis *columns) { return columns->inputs + 2 * (int64_t)columns->padding + 4; }
static int64_t padded_height(const resample_axis *rows) { return rows->inputs + 2 * (int64_t)rows->padding; }

int64_t resample_slice_scratch(const resample_axis *rows, const resample_axis *columns) {
  // The padded slice, its rows interpolated to the output's width, and a row of zeros for taps past the last row.
  return padded_height(rows) * (padded_width(columns) + columns->outputs) + columns->outputs;
}

#define LANES 8

// Spline coefficients along one row of n samples, for up to eight rows at once: the recursion waits for itself, so rows
// run side by side. The ends are continued by reflection about the outer edge of the last sample.
static inline __attribute__((always_inline)) void filter_rows(float *rows[LANES], int lanes, int64_t n) {
  float carry[LANES];
  for (int r = 0; r < lanes; r++) carry[r] = 0;
  int64_t terms = n < START_TERMS ? n : START_TERMS;
  for (int64_t k = terms - 1; k >= 0; k--)
    for (int r = 0; r < lanes; r++) carry[r] = rows[r][k] + pole * carry[r];
  for (int64_t i = 0; i < n; i++)
    for (int r = 0; r < lanes; r++) rows[r][i] = carry[r] = rows[r][i] + pole * carry[r];
  for (int r = 0; r < lanes; r++) rows[r][n - 1] = carry[r] = 6 * carry[r] * (pole / (pole - 1));
  for (int64_t i = n - 2; i >= 0; i--)
    for (int r = 0; r < lanes; r++) rows[r][i] = carry[r] = pole * (carry[r] - 6 * rows[r][i]);
}

// The same along columns: whole rows at a time.
static inline __attribute__((always_inline)) void filter_columns(float *data, int64_t height, int64_t width, int64_t stride, float *carry) {
  int64_t terms = height < START_TERMS ? height : START_TERMS;
  memset(carry, 0, sizeof(float) * (size_t)width);
  for (int64_t k = terms - 1; k >= 0; k--) {
    const float *row = data + k * stride;
    for (int64_t x = 0; x < width; x++) carry[x] = row[x] + pole * carry[x];
  }
  const float *above = carry;
  for (int64_t y = 0; y < height; y++) {
    float *row = data + y * stride;
    for (int64_t x = 0; x < width; x++) row[x] += pole * above[x];
    above = row;
  }
  float *last = data + (height - 1) * stride;
  for (int64_t x = 0; x < width; x++) last[x] *= 6 * (pole / (pole - 1));
  for (int64_t y = height - 2; y >= 0; y--) {
    float *row = data + y * stride;
    const float *below = row + stride;
    for (int64_t x = 0; x < width; x++) row[x] = pole * (below[x] - 6 * row[x]);
  }
}

FOR_EACH_CPU
void resample_slice(const float *source, float *target, const resample_axis *rows, const resample_axis *columns,
                    float low, float high, float *scratch) {
  const int64_t height = padded_height(rows), stride = padded_width(columns), width = stride - 4;
  const int64_t out_width = columns->outputs;
  const int64_t pad_y = rows->padding, pad_x = columns->padding;
  float *padded = scratch, *narrowed = padded + height * stride, *zeros = narrowed + height * out_width;

  for (int64_t y = 0; y < rows->inputs; y++) {
    const float *in = source + y * columns->inputs;
    float *out = padded + (y + pad_y) * stride;
    for (int64_t x = 0; x < pad_x; x++) out[x] = in[0];
    memcpy(out + pad_x, in, sizeof(float) * (size_t)columns->inputs);
    for (int64_t x = pad_x + columns->inputs; x < width; x++) out[x] = in[columns->inputs - 1];
    memset(out + width, 0, sizeof(float) * 4);
  }
  if (columns->prefilter) {
    for (int64_t y = 0; y < rows->inputs; y += LANES) {
      float *lanes[LANES];
      const int count = rows->inputs - y < LANES ? (int)(rows->inputs - y) : LANES;
      for (int r = 0; r < count; r++) lanes[r] = padded + (y + r + pad_y) * stride;
      if (count == LANES) filter_rows(lanes, LANES, width);
      else filter_rows(lanes, count, width);
    }
  }
  for (int64_t y = 0; y < pad_y; y++) {
    memcpy(padded + y * stride, padded + pad_y * stride, sizeof(float) * (size_t)stride);
    memcpy(padded + (height - 1 - y) * stride, padded + (height - 1 - pad_y) * stride, sizeof(float) * (size_t)stride);
  }
  if (rows->prefilter) {
    // `narrowed` is not in use yet: its first row carries the recursion down as many columns as it holds.
    for (int64_t x = 0; x < width; x += out_width)
      filter_columns(padded + x, height, width - x < out_width ? width - x : out_width, stride, narrowed);
  }
  for (int64_t y = 0; y < height; y++) {
    const float *in = padded + y * stride;
    float *out = narrowed + y * out_width;
    for (int64_t x = 0; x < out_width; x++) {
      const float *taps = in + columns->first[x], *w = columns->weights + 4 * x;
      out[x] = w[0] * taps[0] + w[1] * taps[1] + w[2] * taps[2] + w[3] * taps[3];
    }
  }
  memset(zeros, 0, sizeof(float) * (size_t)out_width);
  for (int64_t y = 0; y < rows->outputs; y++) {
    const int64_t first = rows->first[y];
    const float *w = rows->weights + 4 * y;
    const float *taps[4];
    for (int k = 0; k < 4; k++) taps[k] = first + k < height ? narrowed + (first + k) * out_width : zeros;
    const float w0 = w[0], w1 = w[1], w2 = w[2], w3 = w[3];
    const float *r0 = taps[0], *r1 = taps[1], *r2 = taps[2], *r3 = taps[3];
    float *out = target + y * out_width;
    for (int64_t x = 0; x < out_width; x++) {
      float value = w0 * r0[x] + w1 * r1[x] + w2 * r2[x] + w3 * r3[x];
      value = value < low ? low : value;
      out[x] = value > high ? high : value;
    }
  }
}

int64_t resample_labels_scratch(const linear_axis *columns) { return 2 * ((int64_t)columns->inputs + 1); }

// For each column the end of the run, from it on, in which both rows have one and the same label; the column itself when
// they differ in it.
static void runs_of(const int16_t *upper, const int16_t *lower, int64_t width, int32_t *end) {
  end[width] = (int32_t)width;
  for (int64_t x = width - 1; x >= 0; x--) {
    const int joined = x + 1 < width && upper[x + 1] == upper[x] && lower[x + 1] == upper[x];
    end[x] = upper[x] != lower[x] ? (int32_t)x : joined ? end[x + 1] : (int32_t)x + 1;
  }
}

void resample_labels(const int16_t *source, int16_t *target, const linear_axis *rows, const linear_axis *columns,
                     int32_t *scratch) {
  const int64_t width = columns->inputs;
  // How many outputs lie wholly before each input, and the runs of the two rows at hand.
  int32_t *before = scratch, *end = scratch + width + 1;
  int32_t reached = 0;
  for (int32_t at = 0; at <= width; at++) {
    while (reached < columns->outputs && columns->high[reached] < at) reached++;
    before[at] = reached;
  }
  for (int64_t y = 0; y < rows->outputs; y++) {
    const int16_t *upper = source + rows->low[y] * width, *lower = source + rows->high[y] * width;
    const int16_t *nearest_row = source + rows->nearest[y] * width;
    const double wy[2] = {rows->low_weight[y], rows->high_weight[y]};
    int16_t *out = target + y * columns->outputs;
    if (y == 0 || rows->low[y] != rows->low[y - 1] || rows->high[y] != rows->high[y - 1])
      runs_of(upper, lower, width, end);
    for (int64_t x = 0; x < columns->outputs;) {
      const int32_t left = columns->low[x], right = columns->high[x];
      const int64_t alike = before[end[left]];
      if (alike > x) {
        const int16_t label = upper[left];
        for (; x < alike; x++) out[x] = label;
        continue;
      }
      const int16_t corner[4] = {upper[left], upper[right], lower[left], lower[right]};
      const double wx[2] = {columns->low_weight[x], columns->high_weight[x]};
      const int16_t nearest = nearest_row[columns->nearest[x]];
      double best = -1, nearest_score = -1;
      int16_t winner = 0;
      for (int k = 0; k < 4; k++) {
        double score = 0;
        for (int other = 0; other < 4; other++)
          if (corner[other] == corner[k]) score += wy[other >> 1] * wx[other & 1];
        score = score > 1 ? 1 : score;
        if (corner[k] == nearest) nearest_score = score;
        if (score > best || (score == best && corner[k] < winner)) {
          best = score;
          winner = corner[k];
        }
      }
      out[x++] = nearest_score == best ? nearest : winner;
    }
  }
}

int64_t resample_argmax_scratch(const linear_axis *rows, const linear_axis *columns) {
  (void)rows;
  return columns->inputs + 3 * (int64_t)columns->outputs;
}

// One output in double precision, rounded to float.
static float exact_value(const float *map, const linear_axis *rows, const linear_axis *columns, int64_t y, int64_t x) {
  const int64_t width = columns->inputs;
  const int64_t upper = rows->low[y] * width, lower = rows->high[y] * width;
  const int64_t left = columns->low[x], right = columns->high[x];
  const double wy0 = rows->low_weight[y], wy1 = rows->high_weight[y];
  const double wx0 = columns->low_weight[x], wx1 = columns->high_weight[x];
  double sum = (double)map[upper + left] * wy0 * wx0;
  sum += (double)map[upper + right] * wy0 * wx1;
  sum += (double)map[lower + left] * wy1 * wx0;
  sum += (double)map[lower + right] * wy1 * wx1;
  return (float)sum;
}

// The class of one output in double precision, rounded to float before it is compared.
static int16_t exact_class(const float *scores, int64_t class_stride, int32_t classes, const linear_axis *rows,
                           const linear_axis *columns, int64_t y, int64_t x) {
  float best = -INFINITY;
  int16_t winner = 0;
  for (int32_t c = 0; c < classes; c++) {
    const float value = exact_value(scores + c * class_stride, rows, columns, y, x);
    if (value > best) {
      best = value;
      winner = (int16_t)c;
    }
  }
  return winner;
}

void resample_regions(const float *logits, int64_t region_stride, int32_t regions, const int16_t *values,
                      float threshold, int16_t *target, const linear_axis *rows, const linear_axis *columns) {
  const int64_t count = (int64_t)rows->outputs * columns->outputs;
  for (int64_t i = 0; i < count; i++) target[i] = 0;
  for (int32_t region = 0; region < regions; region++) {
    const float *map = logits + region * region_stride;
    for (int64_t y = 0; y < rows->outputs; y++) {
      int16_t *out = target + y * columns->outputs;
      for (int64_t x = 0; x < columns->outputs; x++)
        if (exact_value(map, rows, columns, y, x) > threshold) out[x] = values[region];
    }
  }
}

// Eight maxima side by side: the compiler keeps a single one in order, one element after another.
typedef float eight_floats __attribute__((ext_vector_type(8), aligned(4), may_alias));

// blend = upper + wy (lower - upper); the greatest magnitudes of both rows are added to `greatest`.
static inline __attribute__((always_inline)) void blend_rows(
    const float *upper, const float *lower, float wy, int64_t width, float *restrict blend, eight_floats *greatest) {
  eight_floats most = *greatest;
  int64_t x = 0;
  for (; x + LANES <= width; x += LANES) {
    const eight_floats u = *(const eight_floats *)(upper + x), l = *(const eight_floats *)(lower + x);
    *(eight_floats *)(blend + x) = u + wy * (l - u);
    most = most > __builtin_elementwise_abs(u) ? most : __builtin_elementwise_abs(u);
    most = most > __builtin_elementwise_abs(l) ? most : __builtin_elementwise_abs(l);
  }
  for (; x < width; x++) {
    blend[x] = upper[x] + wy * (lower[x] - upper[x]);
    const float u = fabsf(upper[x]), l = fabsf(lower[x]);
    most[0] = most[0] > u ? most[0] : u;
    most[0] = most[0] > l ? most[0] : l;
  }
  *greatest = most;
}

FOR_EACH_CPU
void resample_argmax(const float *scores, int64_t class_stride, int32_t classes, int16_t *target,
                     const linear_axis *rows, const linear_axis *columns, float *scratch) {
  const int64_t width = columns->inputs, out_width = columns->outputs;
  float *blend = scratch, *best = blend + width, *second = best + out_width, *weight = second + out_width;
  for (int64_t x = 0; x < out_width; x++) weight[x] = (float)columns->high_weight[x];
  for (int64_t y = 0; y < rows->outputs; y++) {
    int16_t *out = target + y * out_width;
    const float wy = (float)rows->high_weight[y];
    eight_floats magnitudes = 0;
    for (int64_t x = 0; x < out_width; x++) {
      best[x] = second[x] = -INFINITY;
      out[x] = 0;
    }
    for (int32_t c = 0; c < classes; c++) {
      const float *map = scores + c * class_stride;
      const float *upper = map + rows->low[y] * width, *lower = map + rows->high[y] * width;
      blend_rows(upper, lower, wy, width, blend, &magnitudes);
      for (int64_t x = 0; x < out_width; x++) {
        const float left = blend[columns->low[x]];
        const float value = left + weight[x] * (blend[columns->high[x]] - left);
        const float lead = best[x];
        const int wins = value > lead;
        const float loser = wins ? lead : value;
        second[x] = second[x] > loser ? second[x] : loser;
        best[x] = wins ? value : lead;
        out[x] = wins ? (int16_t)c : out[x];
      }
    }
    // Single precision decides where the lead is beyond its rounding; double precision decides the rest.
    float greatest = 0;
    for (int k = 0; k < LANES; k++) greatest = greatest > magnitudes[k] ? greatest : magnitudes[k];
    const float doubt = 2e-6f * greatest;
    for (int64_t x = 0; x < out_width; x++)
      if (!(best[x] - second[x] > doubt)) out[x] = exact_class(scores, class_stride, classes, rows, columns, y, x);
  }
}
