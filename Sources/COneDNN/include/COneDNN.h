#pragma once

/// A 2D convolution of float images: x [items, inputs, height, width], weights [outputs, inputs / groups, kernel_height,
/// kernel_width], y [items, outputs, output_height, output_width]. How x and y lie is said for each: 0 as written here, -1
/// with the channels last, n > 0 in blocks of n channels [items, channels / n, height, width, n].
typedef struct {
  long items, inputs, outputs, groups;
  long height, width, output_height, output_width;
  long kernel_height, kernel_width, stride_y, stride_x, padding_y, padding_x, dilation_y, dilation_x;
  long x_layout, y_layout;
} onednn_convolution;

/// Called with the bytes when memory for a layout cannot be had, before anything else is chosen: another way to compute would
/// give other bits. Must not return.
void onednn_on_memory_failure(void (*end)(unsigned long bytes));

/// y = convolution of x, plus the bias unless null. Returns 0 when oneDNN cannot do it; so do the next three.
int onednn_convolution_forward(
    const onednn_convolution *shape, const float *x, const float *weights, const float *bias, float *y);

/// dx from dy: also the forward pass of a transposed convolution.
int onednn_convolution_backward_data(
    const onednn_convolution *shape, const float *dy, const float *weights, float *dx);

/// d_weights, and d_bias unless null, from x and dy.
int onednn_convolution_backward_weights(
    const onednn_convolution *shape, const float *x, const float *dy, float *d_weights, float *d_bias);

/// dx, d_weights and, unless null, d_bias from x and dy, which is put in oneDNN's layout once for all of them.
int onednn_convolution_backward(
    const onednn_convolution *shape, const float *x, const float *weights, const float *dy, float *dx, float *d_weights,
    float *d_bias);

/// The size of the blocks of channels in which convolutions on this processor want their images: 8 or 16.
long onednn_channel_block(void);

/// Forgets all prepared primitives and their memory.
void onednn_release(void);

/// The version of the library in use, such as 2.6.3.
const char *onednn_version(void);
