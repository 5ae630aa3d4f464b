#pragma once

#include <stdint.h>

// The inner loops of augmentation, each on one image plane (height x width floats, row-major), on the calling thread.

// Samples `channels` planes and one plane of labels on an affine grid, bilinearly: output pixel (row, column), taken from
// the output's centre, is found at `matrix` * (row, column) from the input's centre. Outside of the input the image is 0
// and the label is `outside`. A label pixel becomes the label with the largest share among its four neighbours; shares that
// are equal in half precision are settled by the nearest neighbour, or by the smallest label where that one is not among
// them.
void augmentation_sample(
    const float *image, long channels, const int16_t *labels, long height, long width, float *image_out,
    int32_t *labels_out, long height_out, long width_out, const float matrix[4], int32_t outside);

// Convolves with one kernel down the columns and another along the rows, the border reflected without repeating the edge.
// The kernels have 2 * radius + 1 taps; radius < height and radius < width. `scratch` holds one plane and width + 2 * radius.
void augmentation_blur(
    float *plane, long height, long width, const float *column_kernel, long column_radius, const float *row_kernel,
    long row_radius, float *scratch);

// Shrinks to small_height x small_width by taking the nearest pixel and brings it back bilinearly.
// `scratch` holds (small_height + 1) * width floats, `places` 2 * width integers and `weights` width floats.
void augmentation_lower_resolution(
    float *plane, long height, long width, long small_height, long small_width, float *scratch, int32_t *places,
    float *weights);

// plane = (plane - mean) * factor + mean, kept within its range.
void augmentation_contrast(float *plane, long count, float factor);

// plane = ((plane - min) / range) ^ gamma * range + min, then brought back to the mean and standard deviation it had; with
// `invert`, done on the negative.
void augmentation_gamma(float *plane, long count, float gamma, int invert);

// plane = plane * factor
void augmentation_scale(float *plane, long count, float factor);

// Adds normal numbers of standard deviation `sigma`: Philox 4x32-10 at counters (0, 1, ...; 0; 0; 0) under `key`, by
// Box and Muller.
void augmentation_add_normal(float *plane, long count, float sigma, uint32_t key0, uint32_t key1);

// Mirrors a plane of 4-byte elements in place.
void augmentation_mirror(void *plane, long height, long width, int rows, int columns);
