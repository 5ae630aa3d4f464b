// Prints a hash of what the elementary functions, the augmentation and the resampling compute. Built for several processors and
// with several options, it has to print the same (Setup/test-arm64.sh).
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "Elementary.h"
#include "KernelsAugmentation.h"
#include "KernelsResample.h"

#pragma STDC FP_CONTRACT OFF

enum { size = 96, outputs = 130, count = 100000 };

// FNV-1a.
static void print(const char *name, const void *memory, size_t bytes) {
  const unsigned char *byte = memory;
  uint64_t hash = 0xcbf29ce484222325;
  for (size_t i = 0; i < bytes; i++) hash = (hash ^ byte[i]) * 0x100000001b3;
  printf("%-16s %016" PRIx64 "\n", name, hash);
}

// Between two numbers, by a congruential generator of 64 bits.
static uint64_t state = 1;
static double between(double low, double high) {
  state = state * 6364136223846793005 + 1442695040888963407;
  return low + (high - low) * ((double)(state >> 11) * 0x1p-53);
}

static double results[count];

static void function(const char *name, double f(double), double low, double high) {
  for (int i = 0; i < count; i++) results[i] = f(between(low, high));
  print(name, results, sizeof results);
}

static float image[size * size], plane[size * size], scratch[4 * size * size], weights[size], kernel[9];
static int16_t labels[size * size];
static int32_t labels_out[size * size], places[2 * size];

static void augmentation(void) {
  for (int i = 0; i < size * size; i++) {
    image[i] = (float)(between(-1, 1) + 0.01 * (i % size));
    labels[i] = (int16_t)((i / size / 9 + i % size / 13) % 4);
  }
  for (int i = 0; i < 9; i++) kernel[i] = (float)(1.0 / (3 + abs(i - 4)));
  const float matrix[4] = {0.9f, -0.3f, 0.3f, 0.9f};
  augmentation_sample(image, 1, labels, size, size, plane, labels_out, size, size, matrix, -1);
  print("sample", plane, sizeof plane);
  print("sampled labels", labels_out, sizeof labels_out);
  augmentation_add_normal(plane, size * size, 0.1f, 1, 2);
  print("noise", plane, sizeof plane);
  augmentation_blur(plane, size, size, kernel, 4, kernel, 4, scratch);
  print("blur", plane, sizeof plane);
  augmentation_contrast(plane, size * size, 1.2f);
  print("contrast", plane, sizeof plane);
  augmentation_lower_resolution(plane, size, size, 61, 57, scratch, places, weights);
  print("low resolution", plane, sizeof plane);
  augmentation_gamma(plane, size * size, 0.8f, 1);
  print("gamma", plane, sizeof plane);
}

static int32_t first[outputs], low[outputs], high[outputs], nearest[outputs];
static float taps[4 * outputs], slice[outputs * outputs];
static double low_weight[outputs], high_weight[outputs];
static int16_t classes[outputs * outputs];

static void resampling(void) {
  for (int i = 0; i < outputs; i++) {
    const double place = i * 0.73, part = place - (int)place;
    first[i] = 10 + (int)place;
    for (int tap = 0; tap < 4; tap++) taps[4 * i + tap] = (float)(0.1 + part * (tap - 1.5) * 0.3);
    low[i] = (int)place;
    high[i] = low[i] + 1;
    low_weight[i] = 1 - part;
    high_weight[i] = part;
    nearest[i] = part < 0.5 ? low[i] : high[i];
  }
  const resample_axis cubic = {size, outputs, 12, 1, first, taps};
  float *work = malloc((size_t)resample_slice_scratch(&cubic, &cubic) * sizeof(float));
  resample_slice(image, slice, &cubic, &cubic, -10, 10, work);
  print("cubic", slice, sizeof slice);
  const linear_axis linear = {size, outputs, low, high, nearest, low_weight, high_weight};
  float *maps = malloc(3 * sizeof image);
  for (int i = 0; i < 3 * size * size; i++) maps[i] = (float)between(-1, 1);
  work = realloc(work, (size_t)resample_argmax_scratch(&linear, &linear) * sizeof(float));
  resample_argmax(maps, size * size, 3, classes, &linear, &linear, work);
  print("classes", classes, sizeof classes);
  free(maps);
  free(work);
}

int main(void) {
  function("exp", elementary_exp, -750, 712);
  function("exp2", elementary_exp2, -1080, 1030);
  function("log", elementary_log, 0, 20);
  function("log1p", elementary_log1p, -1, 20);
  function("sin", elementary_sin, -4e6, 4e6);
  function("cos", elementary_cos, -4e6, 4e6);
  function("acos", elementary_acos, -1, 1);
  function("erfc", elementary_erfc, -7, 28);
  function("lgamma", elementary_lgamma, 0, 40);
  for (int i = 0; i < count; i++) {
    const double x = between(0, 40);
    results[i] = elementary_pow(x, between(-200, 200));
  }
  print("pow", results, sizeof results);
  augmentation();
  resampling();
  return 0;
}
