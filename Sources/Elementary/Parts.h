// What the functions share: a number's bits, and sums and products of doubles kept in two parts.
#pragma once

#include <stdint.h>
#include <string.h>

#pragma STDC FP_CONTRACT OFF

#define INFINITE __builtin_inf()
#define NOT_A_NUMBER __builtin_nan("")

// A number as the unevaluated sum of two doubles.
typedef struct {
  double high, low;
} pair;

static inline uint64_t bits_of(double x) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

static inline double from_bits(uint64_t bits) {
  double x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

static inline double magnitude(double x) { return from_bits(bits_of(x) & 0x7fffffffffffffff); }

// 2^n for a normal result.
static inline double power_of_two(int64_t n) { return from_bits((uint64_t)(n + 1023) << 52); }

// The nearest whole number of |x| < 2^51, ties to even. It is in the low bits of x + whole_shift, too.
static const double whole_shift = 0x1.8p52;

// a + b without error for |a| >= |b|.
static inline pair sum_of_ordered(double a, double b) {
  const double high = a + b;
  return (pair){high, (a - high) + b};
}

// a + b without error.
static inline pair sum_of(double a, double b) {
  const double high = a + b, part = high - a;
  return (pair){high, (a - (high - part)) + (b - part)};
}

// The upper 26 bits of x, |x| < 2^996 (Veltkamp).
static inline double upper_half(double x) {
  const double scaled = x * 134217729.0;
  return scaled - (scaled - x);
}

// a b without error, where neither the halves nor their products leave the range of normal numbers (Dekker).
static inline pair product_of(double a, double b) {
  const double a1 = upper_half(a), a2 = a - a1, b1 = upper_half(b), b2 = b - b1;
  const double high = a * b;
  return (pair){high, a2 * b2 - (((high - a1 * b1) - a2 * b1) - a1 * b2)};
}

// (value.high + value.low) 2^exponent for 0.5 < value < 4, rounded once, below the normal numbers as well.
static inline double scaled(pair value, int64_t exponent) {
  if (exponent > 1025) return INFINITE;
  if (exponent < -1080) return 0;
  const pair sum = sum_of_ordered(value.high, value.low);
  if (exponent > 1000) return sum.high * power_of_two(1000) * power_of_two(exponent - 1000);
  if (exponent > -1000) return sum.high * power_of_two(exponent);
  const double direct = sum.high * power_of_two(exponent + 64);
  if (direct >= 0x1p-958) return direct * 0x1p-64;
  // Below the normal numbers: with 4 added, 2^1024 times the result has its last place where the result has it.
  const double unit = power_of_two(exponent + 1024);
  const pair moved = sum_of_ordered(4, sum.high * unit);
  return ((moved.high + (moved.low + sum.low * unit)) - 4) * 0x1p-1022 * 0x1p-2;
}
