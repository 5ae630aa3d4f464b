#pragma once

#include <stdint.h>

/// Computes every kernel on drawn arrays of odd sizes, in float and double, and reports a digest of each result's bits. What is
/// reported, and in what order, is the same on every machine.
void kernel_bits(void (*report)(void *context, const char *name, uint64_t digest), void *context);
