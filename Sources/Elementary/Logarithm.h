// The first steps of a logarithm, which log, log1p and pow share.
#pragma once

#include "Parts.h"

// For each 128th of the numbers from 11/16 to 11/8 (in bits, not in value) a factor c of at most 10 bits near the
// reciprocal of them all, and -log c in two parts, the upper one a multiple of 2^-42. Around 1 the factor is 1, so that
// nothing cancels there.
typedef struct {
  double factor;
  pair logarithm;
} logarithm_step;

extern const logarithm_step elementary_logarithm_table[128];

// log x = base.high + log(1 + r.high + r.low) + base.low, with |r| < 2^-7; base.high is 0 or at least 2^-8.
typedef struct {
  pair base, r;
  int64_t exponent;
  double factor;
} reduced_logarithm;

// For a positive normal x whose exponent is to be taken as `more` greater than it is.
static inline reduced_logarithm reduce_logarithm(double x, int64_t more) {
  const uint64_t place = bits_of(x) - 0x3fe6000000000000;
  const int64_t exponent = (int64_t)place >> 52;
  const logarithm_step step = elementary_logarithm_table[(place >> 45) & 127];
  const double z = from_bits(bits_of(x) - ((uint64_t)exponent << 52));
  const double upper = from_bits(bits_of(z) & 0xffffffffff800000);
  // Both products and the difference are exact.
  const pair r = sum_of_ordered(upper * step.factor - 1, (z - upper) * step.factor);
  const double k = (double)(exponent + more);
  // ln 2 in two parts, the upper one a multiple of 2^-42.
  const pair base = {k * 0x1.62e42fefa3800p-1 + step.logarithm.high, k * 0x1.ef35793c76730p-45 + step.logarithm.low};
  return (reduced_logarithm){base, r, exponent, step.factor};
}

// log(1 + r) - r for |r| < 2^-7.
static inline double logarithm_curve(double r) {
  const double r2 = r * r;
  return r2 * ((-0.5 + r * (1.0 / 3)) +
               r2 * ((-0.25 + r * (1.0 / 5)) + r2 * ((-1.0 / 6 + r * (1.0 / 7)) + r2 * (-0.125 + r * (1.0 / 9)))));
}

static inline double logarithm_of(reduced_logarithm x) {
  const pair sum = sum_of_ordered(x.base.high, x.r.high);
  // Where base.high is 0, r.high is the sum's upper part and nothing is lost.
  return sum.high + ((sum.low + (x.base.low + x.r.low)) + logarithm_curve(x.r.high));
}
