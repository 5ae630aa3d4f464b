#include "Elementary.h"

#include "Parts.h"

// log gamma(x) / ((x - 1) (x - 2)) for 1 <= x <= 3, in t = x - 2.
static double arch(double t) {
  static const double terms[] = {
    0x1.b0ee6072093cep-2, -0x1.9ae6509ea109fp-4, 0x1.0e0c9df293532p-5, -0x1.95ce223a9cbcap-7, 0x1.47974853aa198p-8,
    -0x1.145121f99cd6bp-9, 0x1.dfebcf8e82d10p-11, -0x1.a96a40110cc12p-12, 0x1.7ed733aacbf74p-13,
    -0x1.5c86b6485f763p-14, 0x1.402f10d46e0fep-15, -0x1.285056c48efc3p-16, 0x1.13e41366ecc79p-17,
    -0x1.02301e7dc1b43p-18, 0x1.e55b6214c8384p-20, -0x1.c9fb2675d7a5ep-21, 0x1.b1895f6f8a00fp-22,
    -0x1.9af1ea6a24318p-23, 0x1.8729c2f6a98e7p-24, -0x1.7b5fad56ed96cp-25, 0x1.6adc76f061f14p-26,
    -0x1.3106fdadf64a8p-27, 0x1.2427479bff939p-28, -0x1.f317c0c2523dbp-29, 0x1.e2e0b8c5226acp-30,
    0x1.5d1413a2166c7p-31, -0x1.5792e48e0565bp-32, -0x1.c7585e1478969p-31, 0x1.bba8dd058ae85p-32,
    0x1.066d3e00b6e4ep-32, -0x1.00262d6e494a6p-33, -0x1.0475dbdafeea8p-34, 0x1.fbb4f43293bdfp-36,
  };
  double sum = 0;
  for (int n = sizeof terms / sizeof terms[0] - 1; n >= 0; n--) sum = sum * t + terms[n];
  return sum;
}

// Stirling's series, for x >= 16; infinite where it overflows.
static double stirling(double x) {
  const double y = 1 / x, y2 = y * y;
  static const double terms[] = {1.0 / 12, -1.0 / 360, 1.0 / 1260, -1.0 / 1680, 1.0 / 1188, -691.0 / 360360, 1.0 / 156};
  double series = 0;
  for (int n = sizeof terms / sizeof terms[0] - 1; n >= 0; n--) series = series * y2 + terms[n];
  // (log(2 π) - 1) / 2.
  return (x - 0.5) * (elementary_log(x) - 1) + (0x1.acfe390c97d69p-2 + y * series);
}

double elementary_lgamma(double x) {
  if (x != x || x == INFINITE) return x;
  if (x < 0) return NOT_A_NUMBER;
  if (x == 0) return INFINITE;
  if (x >= 16) return stirling(x);
  if (x < 1) return (x - 1) * x * arch(x - 1) - elementary_log(x);
  // gamma(x) = (x - 1) (x - 2) ... gamma(x - n); the differences are exact.
  double product = 1;
  while (x > 3) product *= (x -= 1);
  return (product > 1 ? elementary_log(product) : 0) + (x - 1) * (x - 2) * arch(x - 2);
}
