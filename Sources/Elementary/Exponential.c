#include "Elementary.h"

#include "Exponential.h"

double elementary_exp(double x) {
  if (magnitude(x) < 700) {
    const scaled_pair y = exponential_parts(x, 0);
    return (y.value.high + y.value.low) * power_of_two(y.exponent);
  }
  if (x != x) return x;
  if (x > 710) return INFINITE;
  if (x < -746) return 0;
  const scaled_pair y = exponential_parts(x, 0);
  return scaled(y.value, y.exponent);
}

double elementary_exp2(double x) {
  if (x != x) return x;
  if (x >= 1024) return INFINITE;
  if (x < -1080) return 0;
  const double shifted = x * 128 + whole_shift;
  const double r = (x - (shifted - whole_shift) * (1.0 / 128)) * 0x1.62e42fefa39efp-1;
  const scaled_pair y = exponential_from((int64_t)(bits_of(shifted) - bits_of(whole_shift)), r);
  return scaled(y.value, y.exponent);
}
