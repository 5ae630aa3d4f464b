#include "KernelsAugmentation.h"

#include <math.h>
#include <string.h>

// The same bits on every processor: no fused operations, sums in lanes of a fixed number.
#pragma STDC FP_CONTRACT OFF

#if defined(__x86_64__) && defined(__linux__)
#define CLONES __attribute__((target_clones("arch=x86-64-v3", "default")))
#else
#define CLONES
#endif

static inline long smaller(long a, long b) { return a < b ? a : b; }
static inline long larger(long a, long b) { return a > b ? a : b; }
static inline float at_least_0(float value) { return value > 0 ? value : 0; }

// The value with 11 significant bits, as half precision has.
static inline __attribute__((always_inline)) float half_precision(float value) {
  float spread = value * 8193.0f;
  return spread - (spread - value);
}

static int32_t winning_label(const int32_t labels[4], const float shares[4], int32_t nearest) {
  float scores[4];
  float best = -1;
  for (int corner = 0; corner < 4; corner++) {
    float sum = 0;
    for (int other = 0; other < 4; other++)
      if (labels[other] == labels[corner]) sum += 1000.0f * shares[other];
    scores[corner] = half_precision(sum);
    if (scores[corner] > best) best = scores[corner];
  }
  int32_t winner = INT32_MAX;
  for (int corner = 0; corner < 4; corner++) {
    if (scores[corner] != best) continue;
    if (labels[corner] == nearest) return nearest;
    if (labels[corner] < winner) winner = labels[corner];
  }
  return winner;
}

CLONES void augmentation_sample(
    const float *image, long channels, const int16_t *labels, long height, long width, float *image_out,
    int32_t *labels_out, long height_out, long width_out, const float matrix[4], int32_t outside) {
  const long plane = height * width, plane_out = height_out * width_out;
  const float middle_y = 0.5f * (float)(height - 1), middle_x = 0.5f * (float)(width - 1);
  for (long row = 0; row < height_out; row++) {
    const float from_y = (float)row - 0.5f * (float)(height_out - 1);
    for (long column = 0; column < width_out; column++) {
      const float from_x = (float)column - 0.5f * (float)(width_out - 1);
      const float y = matrix[0] * from_y + matrix[1] * from_x + middle_y;
      const float x = matrix[2] * from_y + matrix[3] * from_x + middle_x;
      const long out = row * width_out + column;
      if (!(y > -1 && x > -1 && y < (float)height && x < (float)width)) {
        for (long channel = 0; channel < channels; channel++) image_out[channel * plane_out + out] = 0;
        labels_out[out] = outside;
        continue;
      }
      // y and x are above -1: adding 1 makes truncation a floor.
      const long y0 = (long)(int32_t)(y + 1.0f) - 1, x0 = (long)(int32_t)(x + 1.0f) - 1;
      const float ty = y - (float)y0, tx = x - (float)x0;
      const float shares[4] = {(1 - ty) * (1 - tx), (1 - ty) * tx, ty * (1 - tx), ty * tx};
      if (y0 >= 0 && x0 >= 0 && y0 + 1 < height && x0 + 1 < width) {
        const long at = y0 * width + x0;
        for (long channel = 0; channel < channels; channel++) {
          const float *p = image + channel * plane + at;
          image_out[channel * plane_out + out] =
              p[0] * shares[0] + p[1] * shares[1] + p[width] * shares[2] + p[width + 1] * shares[3];
        }
        const int16_t *l = labels + at;
        if (l[0] == l[1] && l[0] == l[width] && l[0] == l[width + 1]) {
          labels_out[out] = l[0];
        } else {
          const int32_t corners[4] = {l[0], l[1], l[width], l[width + 1]};
          const long ny = (long)rintf(y) - y0, nx = (long)rintf(x) - x0;
          labels_out[out] = winning_label(corners, shares, l[ny * width + nx]);
        }
      } else {
        int32_t corners[4];
        int inside[4];
        long places[4];
        for (int corner = 0; corner < 4; corner++) {
          const long cy = y0 + (corner >> 1), cx = x0 + (corner & 1);
          inside[corner] = cy >= 0 && cx >= 0 && cy < height && cx < width;
          places[corner] = inside[corner] ? cy * width + cx : 0;
          corners[corner] = inside[corner] ? labels[places[corner]] : outside;
        }
        for (long channel = 0; channel < channels; channel++) {
          float sum = 0;
          for (int corner = 0; corner < 4; corner++)
            if (inside[corner]) sum += image[channel * plane + places[corner]] * shares[corner];
          image_out[channel * plane_out + out] = sum;
        }
        const long ny = (long)rintf(y), nx = (long)rintf(x);
        const int reached = ny >= 0 && nx >= 0 && ny < height && nx < width;
        labels_out[out] = winning_label(corners, shares, reached ? labels[ny * width + nx] : outside);
      }
    }
  }
}

static inline long reflected(long index, long size) {
  if (index < 0) return -index;
  if (index >= size) return 2 * size - 2 - index;
  return index;
}

CLONES void augmentation_blur(
    float *plane, long height, long width, const float *column_kernel, long column_radius, const float *row_kernel,
    long row_radius, float *scratch) {
  float *padded = scratch + height * width;
  for (long row = 0; row < height; row++) {
    float *out = scratch + row * width;
    memset(out, 0, (size_t)width * sizeof(float));
    for (long tap = -column_radius; tap <= column_radius; tap++) {
      const float *in = plane + reflected(row + tap, height) * width;
      const float weight = column_kernel[tap + column_radius];
      for (long column = 0; column < width; column++) out[column] += weight * in[column];
    }
  }
  for (long row = 0; row < height; row++) {
    const float *in = scratch + row * width;
    float *out = plane + row * width;
    memcpy(padded + row_radius, in, (size_t)width * sizeof(float));
    for (long edge = 1; edge <= row_radius; edge++) {
      padded[row_radius - edge] = in[edge];
      padded[row_radius + width - 1 + edge] = in[width - 1 - edge];
    }
    memset(out, 0, (size_t)width * sizeof(float));
    for (long tap = 0; tap <= 2 * row_radius; tap++) {
      const float weight = row_kernel[tap];
      const float *shifted = padded + tap;
      for (long column = 0; column < width; column++) out[column] += weight * shifted[column];
    }
  }
}

CLONES void augmentation_lower_resolution(
    float *plane, long height, long width, long small_height, long small_width, float *scratch, int32_t *places,
    float *weights) {
  const float down_y = (float)height / (float)small_height, down_x = (float)width / (float)small_width;
  const float up_y = (float)small_height / (float)height, up_x = (float)small_width / (float)width;
  // For each column the two small columns it lies between, already led back to the pixels they were taken from.
  for (long column = 0; column < width; column++) {
    const float at = at_least_0(((float)column + 0.5f) * up_x - 0.5f);
    const long first = smaller((long)at, small_width - 1), second = smaller(first + 1, small_width - 1);
    weights[column] = at - (float)first;
    places[2 * column] = (int32_t)smaller((long)(((float)first + 0.5f) * down_x), width - 1);
    places[2 * column + 1] = (int32_t)smaller((long)(((float)second + 0.5f) * down_x), width - 1);
  }
  for (long row = 0; row < small_height; row++) {
    const float *in = plane + smaller((long)(((float)row + 0.5f) * down_y), height - 1) * width;
    float *out = scratch + row * width;
    for (long column = 0; column < width; column++) {
      const float weight = weights[column];
      out[column] = (1 - weight) * in[places[2 * column]] + weight * in[places[2 * column + 1]];
    }
  }
  for (long row = 0; row < height; row++) {
    const float at = at_least_0(((float)row + 0.5f) * up_y - 0.5f);
    const long first = smaller((long)at, small_height - 1), second = smaller(first + 1, small_height - 1);
    const float weight = at - (float)first;
    const float *above = scratch + first * width, *below = scratch + second * width;
    float *out = plane + row * width;
    for (long column = 0; column < width; column++) out[column] = (1 - weight) * above[column] + weight * below[column];
  }
}

enum { lanes = 16, block = 1024 };

typedef struct {
  double mean;
  float lowest, highest;
} range;

static inline __attribute__((always_inline)) range range_of(const float *plane, long count) {
  double total = 0;
  float lowest[lanes], highest[lanes];
  for (int lane = 0; lane < lanes; lane++) lowest[lane] = INFINITY, highest[lane] = -INFINITY;
  for (long start = 0; start < count; start += block) {
    const long end = smaller(start + block, count);
    float sums[lanes] = {0};
    long index = start;
    for (; index + lanes <= end; index += lanes)
      for (int lane = 0; lane < lanes; lane++) {
        const float value = plane[index + lane];
        sums[lane] += value;
        lowest[lane] = value < lowest[lane] ? value : lowest[lane];
        highest[lane] = value > highest[lane] ? value : highest[lane];
      }
    for (; index < end; index++) {
      sums[0] += plane[index];
      lowest[0] = plane[index] < lowest[0] ? plane[index] : lowest[0];
      highest[0] = plane[index] > highest[0] ? plane[index] : highest[0];
    }
    for (int lane = 0; lane < lanes; lane++) total += sums[lane];
  }
  range result = {total / (double)count, lowest[0], highest[0]};
  for (int lane = 1; lane < lanes; lane++) {
    result.lowest = lowest[lane] < result.lowest ? lowest[lane] : result.lowest;
    result.highest = highest[lane] > result.highest ? highest[lane] : result.highest;
  }
  return result;
}

// The sample standard deviation, dividing by count - 1.
static inline __attribute__((always_inline)) double deviation_of(const float *plane, long count, float mean) {
  double total = 0;
  for (long start = 0; start < count; start += block) {
    const long end = smaller(start + block, count);
    float sums[lanes] = {0};
    long index = start;
    for (; index + lanes <= end; index += lanes)
      for (int lane = 0; lane < lanes; lane++) {
        const float value = plane[index + lane] - mean;
        sums[lane] += value * value;
      }
    for (; index < end; index++) sums[0] += (plane[index] - mean) * (plane[index] - mean);
    for (int lane = 0; lane < lanes; lane++) total += sums[lane];
  }
  return sqrt(total / (double)larger(count - 1, 1));
}

CLONES void augmentation_contrast(float *plane, long count, float factor) {
  const range found = range_of(plane, count);
  const float mean = (float)found.mean, lowest = found.lowest, highest = found.highest;
  for (long index = 0; index < count; index++) {
    float value = (plane[index] - mean) * factor + mean;
    value = value < lowest ? lowest : value;
    plane[index] = value > highest ? highest : value;
  }
}

CLONES void augmentation_scale(float *plane, long count, float factor) {
  for (long index = 0; index < count; index++) plane[index] *= factor;
}

static inline __attribute__((always_inline)) float from_bits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static inline __attribute__((always_inline)) uint32_t bits_of(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

// The logarithm to base 2 of a positive normal number, by the series of the inverse hyperbolic tangent.
static inline __attribute__((always_inline)) float log2_of(float value) {
  const uint32_t bits = bits_of(value);
  // The mantissa lies between sqrt(1/2) and sqrt(2).
  const int32_t exponent = (int32_t)(bits - 0x3f3504f3u) >> 23;
  const float mantissa = from_bits(bits - ((uint32_t)exponent << 23));
  const float s = (mantissa - 1) / (mantissa + 1), s2 = s * s;
  const float series = 1 + s2 * (1 / 3.0f + s2 * (1 / 5.0f + s2 * (1 / 7.0f + s2 * (1 / 9.0f))));
  return (float)exponent + 2.8853900817779268f * s * series;
}

// 2 to the power of a number between -126 and 127, by the exponential series around the nearest integer.
static inline __attribute__((always_inline)) float exp2_of(float value) {
  const float magic = 12582912.0f;
  const float whole = (value + magic) - magic;
  const float part = (value - whole) * 0.6931471805599453f;
  const float series =
      1 + part * (1 + part * (1 / 2.0f + part * (1 / 6.0f + part * (1 / 24.0f + part * (1 / 120.0f + part / 720.0f)))));
  return series * from_bits((uint32_t)((int32_t)whole + 127) << 23);
}

CLONES void augmentation_gamma(float *plane, long count, float gamma, int invert) {
  if (invert)
    for (long index = 0; index < count; index++) plane[index] = -plane[index];
  const range before = range_of(plane, count);
  const float mean = (float)before.mean;
  const float deviation = (float)deviation_of(plane, count, mean);
  const float lowest = before.lowest, width = before.highest - before.lowest;
  const float divisor = 1 / (width > 1e-7f ? width : 1e-7f);
  for (long index = 0; index < count; index++) {
    const float share = (plane[index] - lowest) * divisor;
    const float safe = share > 1e-30f ? share : 1e-30f;
    float power = gamma * log2_of(safe);
    power = power > -126 ? power : -126;
    plane[index] = (share > 1e-30f ? exp2_of(power) : 0) * width + lowest;
  }
  const range after = range_of(plane, count);
  const float mean_after = (float)after.mean;
  const float deviation_after = (float)deviation_of(plane, count, mean_after);
  const float factor = deviation / (deviation_after > 1e-7f ? deviation_after : 1e-7f);
  const float sign = invert ? -1 : 1;
  for (long index = 0; index < count; index++) plane[index] = sign * ((plane[index] - mean_after) * factor + mean);
}

CLONES void augmentation_add_normal(float *plane, long count, float sigma, uint32_t key0, uint32_t key1) {
  enum { width = 32 };
  for (long start = 0; start < count; start += 4 * width) {
    uint32_t c0[width], c1[width], c2[width], c3[width];
    float normal[4 * width];
    for (int lane = 0; lane < width; lane++) {
      c0[lane] = (uint32_t)(start / 4 + lane);
      c1[lane] = c2[lane] = c3[lane] = 0;
    }
    uint32_t k0 = key0, k1 = key1;
    for (int round = 0; round < 10; round++) {
      for (int lane = 0; lane < width; lane++) {
        const uint64_t p0 = (uint64_t)0xD2511F53u * c0[lane], p1 = (uint64_t)0xCD9E8D57u * c2[lane];
        const uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1[lane] ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3[lane] ^ k1;
        c1[lane] = (uint32_t)p1;
        c3[lane] = (uint32_t)p0;
        c0[lane] = n0;
        c2[lane] = n2;
      }
      k0 += 0x9E3779B9u;
      k1 += 0xBB67AE85u;
    }
    for (int pair = 0; pair < 2; pair++) {
      const uint32_t *first = pair ? c2 : c0, *second = pair ? c3 : c1;
      for (int lane = 0; lane < width; lane++) {
        // In (0, 1]: a float rounds the largest of these to 1.
        const float u = ((float)(int32_t)(first[lane] >> 1) + 0.5f) * 0x1p-31f;
        const float radius = sqrtf(at_least_0(-1.3862943611198906f * log2_of(u)));
        const float turn = (float)(int32_t)(second[lane] >> 8) * 0x1p-24f;
        // An eighth of a turn either side of the nearest quarter.
        const float quarter = (4 * turn + 12582912.0f) - 12582912.0f;
        const float angle = (turn - 0.25f * quarter) * 6.283185307179586f, a2 = angle * angle;
        const float s = angle * (1 + a2 * (-1 / 6.0f + a2 * (1 / 120.0f + a2 * (-1 / 5040.0f))));
        const float c = 1 + a2 * (-1 / 2.0f + a2 * (1 / 24.0f + a2 * (-1 / 720.0f + a2 * (1 / 40320.0f))));
        const int32_t q = (int32_t)quarter & 3;
        const float sine = (q & 1) ? c : s, cosine = (q & 1) ? s : c;
        normal[2 * pair * width + lane] = radius * ((q & 2) ? -sine : sine);
        normal[(2 * pair + 1) * width + lane] = radius * ((q == 1 || q == 2) ? -cosine : cosine);
      }
    }
    const long end = smaller(4 * width, count - start);
    for (long index = 0; index < end; index++) plane[start + index] += sigma * normal[index];
  }
}

CLONES void augmentation_mirror(void *memory, long height, long width, int rows, int columns) {
  uint32_t *plane = memory;
  if (rows)
    for (long row = 0; row < height / 2; row++) {
      uint32_t *a = plane + row * width, *b = plane + (height - 1 - row) * width;
      for (long column = 0; column < width; column++) {
        const uint32_t held = a[column];
        a[column] = b[column];
        b[column] = held;
      }
    }
  if (columns)
    for (long row = 0; row < height; row++) {
      uint32_t *line = plane + row * width;
      for (long column = 0; column < width / 2; column++) {
        const uint32_t held = line[column];
        line[column] = line[width - 1 - column];
        line[width - 1 - column] = held;
      }
    }
}
