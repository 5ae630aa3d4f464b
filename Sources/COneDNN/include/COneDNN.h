#pragma once

/// A 2D convolution of float images: x [items, inputs, height, width], weights [outputs, inputs / groups, kernel_height,
/// kernel_width], y [items, outputs, output_height, output_width].
typedef struct {
  long items, inputs, outputs, groups;
  long height, width, output_height, output_width;
  long kernel_height, kernel_width, stride_y, stride_x, padding_y, padding_x, dilation_y, dilation_x;
} onednn_convolution;

/// y = convolution of x, plus the bias unless null. Returns 0 when oneDNN cannot do it; so do the next two.
int onednn_convolution_forward(
    const onednn_convolution *shape, const float *x, const float *weights, const float *bias, float *y);

/// dx from dy: also the forward pass of a transposed convolution.
int onednn_convolution_backward_data(
    const onednn_convolution *shape, const float *dy, const float *weights, float *dx);

/// d_weights, and d_bias unless null, from x and dy.
int onednn_convolution_backward_weights(
    const onednn_convolution *shape, const float *x, const float *dy, float *d_weights, float *d_bias);

/// Forgets all prepared primitives and their memory.
void onednn_release(void);

/// The version of the library in use, such as 2.6.3.
const char *onednn_version(void);
