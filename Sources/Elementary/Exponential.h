// e^x in parts, for the functions that need more than its rounded value.
#pragma once

#include "Parts.h"

enum { exponential_steps = 128 };

// 2^(j / 128), each rounded to two doubles.
extern const pair elementary_exponential_table[exponential_steps];

// value 2^exponent with 0.99 < value < 2.01.
typedef struct {
  pair value;
  int64_t exponent;
} scaled_pair;

// 2^(k / 128) e^r for |r| < 0.003.
static inline scaled_pair exponential_from(int64_t k, double r) {
  const pair step = elementary_exponential_table[k & (exponential_steps - 1)];
  const double r2 = r * r;
  const double growth = r + r2 * ((0.5 + r * (1.0 / 6)) + r2 * (1.0 / 24 + r * (1.0 / 120)));
  return (scaled_pair){{step.high, step.low + step.high * growth}, k >> 7};
}

// e^(x + low) for |x| < 1000, where low is below an ulp of x. x = k ln 2 / 128 + r; k times the upper part of
// ln 2 / 128 is exact.
static inline scaled_pair exponential_parts(double x, double low) {
  const double shifted = x * 0x1.71547652b82fep7 + whole_shift;
  const double k = shifted - whole_shift;
  const double r = ((x - k * 0x1.62e42fefa0000p-8) - k * 0x1.cf79abc9e3b3ap-47) + low;
  // The low bits of `shifted` hold k and half of 2^52, which the difference takes away.
  return exponential_from((int64_t)(bits_of(shifted) - bits_of(whole_shift)), r);
}
