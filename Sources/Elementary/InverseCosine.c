#include "Elementary.h"

#include "Parts.h"

// (asin x - x) / x for 0 <= x <= 1/2, with y = x^2.
static double sine_inverse_curve(double y) {
  static const double terms[] = {
    0x1.5555555555555p-3, 0x1.3333333333334p-4, 0x1.6db6db6db6c75p-5, 0x1.f1c71c71dc217p-6, 0x1.6e8ba2e2f8089p-6,
    0x1.1c4ec5dfe81d9p-6, 0x1.c99964e8e2de8p-7, 0x1.7a8b73dc1b007p-7, 0x1.3fa92e3923959p-7, 0x1.14f7ebcffc822p-7,
    0x1.c232290f7ae75p-8, 0x1.1e6dafec868fcp-7, -0x1.641b6703bb104p-9, 0x1.b20b9dc229eb5p-6, -0x1.dfdd83264a978p-6,
    0x1.06c051be25377p-5,
  };
  double sum = 0;
  for (int n = sizeof terms / sizeof terms[0] - 1; n >= 0; n--) sum = sum * y + terms[n];
  return sum * y;
}

double elementary_acos(double x) {
  const double size = magnitude(x);
  if (!(size <= 1)) return NOT_A_NUMBER;
  // π / 2 in two parts.
  const pair quarter = {0x1.921fb54442d18p0, 0x1.1a62633145c07p-54};
  if (size <= 0.5) {
    const pair line = sum_of_ordered(quarter.high, -x);
    return line.high + (line.low + (quarter.low - x * sine_inverse_curve(x * x)));
  }
  // acos x = 2 asin of the square root of (1 - x) / 2, which is exact up to its own rounding.
  const double y = (1 - size) * 0.5, root = __builtin_sqrt(y);
  const pair square = product_of(root, root);
  const double low = root == 0 ? 0 : ((y - square.high) - square.low) / (2 * root);
  const double rest = low + root * sine_inverse_curve(y);
  if (x > 0) return 2 * (root + rest);
  const pair line = sum_of_ordered(quarter.high, -root);
  return 2 * (line.high + (line.low + (quarter.low - rest)));
}
