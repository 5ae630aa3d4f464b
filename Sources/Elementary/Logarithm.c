#include "Logarithm.h"

#include "Elementary.h"

double elementary_log(double x) {
  // Subtracting 1 in the bits makes 0 and negative numbers large, too.
  if (bits_of(x) - 0x0010000000000000 < 0x7fe0000000000000) return logarithm_of(reduce_logarithm(x, 0));
  if (x == 0) return -INFINITE;
  if (x != x || x == INFINITE) return x;
  if (x < 0) return NOT_A_NUMBER;
  return logarithm_of(reduce_logarithm(x * 0x1p54, -54));
}

double elementary_log1p(double x) {
  if (magnitude(x) < 0x1p-7) return magnitude(x) < 0x1p-54 ? x : x + logarithm_curve(x);
  if (x != x || x == INFINITE) return x;
  if (x == -1) return -INFINITE;
  if (x < -1) return NOT_A_NUMBER;
  const pair sum = sum_of(x, 1);
  reduced_logarithm reduced = reduce_logarithm(sum.high, 0);
  // What 1 + x lost, in the scale of r; nothing where x is large.
  if (reduced.exponent < 64) {
    reduced.r.low += sum.low * power_of_two(-reduced.exponent) * reduced.factor;
    reduced.r = sum_of(reduced.r.high, reduced.r.low);
  }
  return logarithm_of(reduced);
}
