#pragma once
#include <stdint.h>

// One axis of a separable resampling: output k reads the four samples from first[k] on (after `padding` repeated edge
// samples were put before and behind the input) with weights[4 * k] to weights[4 * k + 3].
typedef struct {
  int32_t inputs, outputs;
  int32_t padding;   // 12 for cubic splines, whose coefficients are found on the padded input; 0 otherwise
  int32_t prefilter; // whether to turn samples into cubic spline coefficients
  const int32_t *first;
  const float *weights;
} resample_axis;

// Floats of scratch that resample_slice needs.
int64_t resample_slice_scratch(const resample_axis *rows, const resample_axis *columns);

// Resamples source [rows->inputs][columns->inputs] to target [rows->outputs][columns->outputs], clamped to [low, high].
void resample_slice(const float *source, float *target, const resample_axis *rows, const resample_axis *columns,
                    float low, float high, float *scratch);

// One axis of a linear resampling: output k lies between inputs low[k] and high[k] with weight low_weight[k] on the
// first and high_weight[k] on the second; nearest[k] is the input it lies nearest to.
typedef struct {
  int32_t inputs, outputs;
  const int32_t *low, *high, *nearest;
  const double *low_weight, *high_weight;
} linear_axis;

// Integers of scratch that resample_labels needs.
int64_t resample_labels_scratch(const linear_axis *columns);

// Resamples a label map: every label's indicator is interpolated linearly and the greatest wins; of labels that share the
// greatest value the one of the nearest input wins, or else the smallest.
void resample_labels(const int16_t *source, int16_t *target, const linear_axis *rows, const linear_axis *columns,
                     int32_t *scratch);

// Floats of scratch that resample_argmax needs.
int64_t resample_argmax_scratch(const linear_axis *rows, const linear_axis *columns);

// Interpolates `classes` score maps [rows->inputs][columns->inputs], each `class_stride` floats after the one before,
// linearly in double precision, rounds to float and writes the index of the greatest (the first of equals).
void resample_argmax(const float *scores, int64_t class_stride, int32_t classes, int16_t *target,
                     const linear_axis *rows, const linear_axis *columns, float *scratch);

// Interpolates as above `regions` maps of logits and writes, region by region in their order, values[region] wherever the
// logit exceeds `threshold`; 0 where none does.
void resample_regions(const float *logits, int64_t region_stride, int32_t regions, const int16_t *values,
                      float threshold, int16_t *target, const linear_axis *rows, const linear_axis *columns);
