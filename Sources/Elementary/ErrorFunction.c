#include "ErrorFunction.h"

#include "Elementary.h"
#include "Exponential.h"

// erfc(x) in parts for 0 <= x < 28: e^(-x^2), with x^2 kept whole, times a polynomial.
static scaled_pair complement(double x) {
  const uint64_t place = x < 1 ? (uint64_t)(8 * x) : 8 + (bits_of(x) >> 50) - (bits_of(1) >> 50);
  const error_function_piece *piece = &elementary_error_function_table[place];
  const double d = x - piece->middle;
  double slope = 0;
  for (int n = error_function_terms - 2; n >= 0; n--) slope = slope * d + piece->others[n];
  const pair factor = sum_of_ordered(piece->first.high, piece->first.low + d * slope);
  const pair square = x < 0x1p-60 ? (pair){0, 0} : product_of(x, x);
  const scaled_pair fall = exponential_parts(-square.high, -square.low);
  const pair value = sum_of_ordered(fall.value.high, fall.value.low);
  const pair product = product_of(value.high, factor.high);
  const double low = product.low + (value.high * factor.low + value.low * factor.high);
  return (scaled_pair){sum_of_ordered(product.high, low), fall.exponent};
}

double elementary_erfc(double x) {
  if (x != x) return x;
  if (x > 27.5) return 0;
  if (x < -6) return 2;
  const scaled_pair found = complement(magnitude(x));
  if (x < 0) {
    const double scale = power_of_two(found.exponent);
    const pair sum = sum_of_ordered(2, -found.value.high * scale);
    return sum.high + (sum.low - found.value.low * scale);
  }
  // The value may be small beside 1: it is brought there, as `scaled` wants it.
  const int64_t more = (int64_t)(bits_of(found.value.high) >> 52) - 1023;
  const double scale = power_of_two(-more);
  return scaled((pair){found.value.high * scale, found.value.low * scale}, found.exponent + more);
}
