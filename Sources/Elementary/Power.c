#include "Elementary.h"

#include "Exponential.h"
#include "Logarithm.h"

// log x with a relative error below 2^-66, for a positive normal x.
static pair logarithm_in_parts(double x, int64_t more) {
  const reduced_logarithm from = reduce_logarithm(x, more);
  const double r = from.r.high;
  const pair square = product_of(r, r);
  const double curve =
      r * square.high *
      ((1.0 / 3 + r * -0.25) +
       square.high * ((1.0 / 5 + r * (-1.0 / 6)) +
                      square.high * ((1.0 / 7 + r * -0.125) + square.high * (1.0 / 9 + r * -0.1))));
  const pair line = sum_of_ordered(from.base.high, r);
  const pair bent = sum_of_ordered(line.high, -0.5 * square.high);
  const double rest = (from.base.low + (from.r.low - r * from.r.low)) - 0.5 * square.low;
  return sum_of_ordered(bent.high, bent.low + line.low + rest + curve);
}

// 0 for a fraction, 1 for an odd whole number, 2 for an even one, of a finite y that is not 0.
static int parity(double y) {
  const double size = magnitude(y);
  if (size >= 0x1p53) return 2;
  if (size < 1) return 0;
  const int64_t whole = (int64_t)size;
  if ((double)whole != size) return 0;
  return whole & 1 ? 1 : 2;
}

// size^y where one of them is no ordinary number, or |y| is so large or small that the size hardly matters.
static double special_power(double size, double y) {
  const double reach = magnitude(y);
  if (size == 1) return 1;
  if (reach == INFINITE || size == INFINITE || size == 0 || reach > 0x1p64) return (size > 1) == (y > 0) ? INFINITE : 0;
  return 1;
}

double elementary_pow(double x, double y) {
  if (y == 0 || x == 1) return 1;
  if (x != x || y != y) return x + y;
  const double size = magnitude(x), reach = magnitude(y);
  double sign = 1;
  if (bits_of(x) >> 63) {
    const int kind = reach == INFINITE ? 2 : parity(y);
    if (kind == 0 && size != 0 && size != INFINITE) return NOT_A_NUMBER;
    if (kind == 1) sign = -1;
  }
  if (size == 0 || size == INFINITE || size == 1 || reach > 0x1p64 || reach < 0x1p-64)
    return sign * special_power(size, y);
  const pair logarithm = size < 0x1p-1022 ? logarithm_in_parts(size * 0x1p54, -54) : logarithm_in_parts(size, 0);
  pair exponent = product_of(y, logarithm.high);
  exponent = sum_of_ordered(exponent.high, exponent.low + y * logarithm.low);
  if (exponent.high > 720) return sign * INFINITE;
  if (exponent.high < -760) return sign * 0;
  const scaled_pair power = exponential_parts(exponent.high, exponent.low);
  return sign * scaled(power.value, power.exponent);
}
