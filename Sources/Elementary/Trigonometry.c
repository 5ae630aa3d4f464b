#include "Elementary.h"

#include "Trigonometry.h"

// An angle as quarter turns and a rest of at most an eighth of a turn either side.
typedef struct {
  pair rest;
  int64_t quarters;
} reduced_angle;

// For |x| < 2^20. π / 2 in parts of 33 bits, whose products with the quarters are exact; the last one is rounded.
static inline reduced_angle reduce_angle(double x) {
  const double shifted = x * 0x1.45f306dc9c883p-1 + whole_shift;
  const double k = shifted - whole_shift;
  const pair second = sum_of(x - k * 0x1.921fb54400000p0, -(k * 0x1.0b4611a600000p-34));
  const pair third = sum_of(second.high, -(k * 0x1.3198a2e000000p-69));
  const double low = (third.low + second.low) - k * 0x1.b839a252049c1p-104;
  return (reduced_angle){sum_of(third.high, low), (int64_t)(bits_of(shifted) - bits_of(whole_shift))};
}

// The bits of 2 / π behind the point.
static const uint64_t two_over_pi[20] = {
    0xa2f9836e4e441529, 0xfc2757d1f534ddc0, 0xdb6295993c439041, 0xfe5163abdebbc561, 0xb7246e3a424dd2e0,
    0x06492eea09d1921c, 0xfe1deb1cb129a73e, 0xe88235f52ebb4484, 0xe99c7026b45f7e41, 0x3991d639835339f4,
    0x9c845f8bbdf9283b, 0x1ff897ffde05980f, 0xef2f118b5a0a6d1f, 0x6d367ecf27cb09b7, 0x4f463f669e5fea2d,
    0x7527bac7ebe5f17b, 0x3d0739f78a5292ea, 0x6bfb5fb11f8d5d08, 0x56033046fc7b6bab, 0xf0cfbc209af4361d,
};

// 64 bits of 2 / π from a place behind the point on; 0s before it.
static uint64_t bits_from(int64_t place) {
  if (place <= -64) return 0;
  if (place < 0) return two_over_pi[0] >> -place;
  const int64_t word = place >> 6, shift = place & 63;
  return shift == 0 ? two_over_pi[word] : two_over_pi[word] << shift | two_over_pi[word + 1] >> (64 - shift);
}

// For any finite |x| >= 1: the product with 2 / π in whole numbers, of which only what is below 4 quarters is kept
// (Payne and Hanek).
static reduced_angle reduce_large_angle(double x) {
  const uint64_t bits = bits_of(x);
  const int64_t exponent = (int64_t)(bits >> 52 & 2047) - 1075;
  const uint64_t mantissa = (bits & 0xfffffffffffff) | 0x10000000000000;
  // mantissa 2^exponent 2/π: bits of 2/π before 2^-(exponent - 2) give multiples of 4.
  const int64_t first = exponent - 2;
  const unsigned __int128 high = (unsigned __int128)(mantissa * bits_from(first)) << 64;
  const unsigned __int128 middle = (unsigned __int128)mantissa * bits_from(first + 64);
  const uint64_t low = (uint64_t)((unsigned __int128)mantissa * bits_from(first + 128) >> 64);
  // The quarters modulo 4 in the upper two bits, and 126 bits of fraction.
  const unsigned __int128 product = high + middle + low;
  int64_t quarters = (int64_t)(product >> 126);
  __int128 fraction = (__int128)(product << 2);
  // From half a quarter on the next one is nearer: as a signed number the fraction is below 0 already.
  if (fraction < 0) quarters += 1;
  const int below = fraction < 0;
  const unsigned __int128 size = below ? -(unsigned __int128)fraction : (unsigned __int128)fraction;
  // Three pieces of at most 53 bits, exact each.
  const double first_piece = (double)(uint64_t)(size >> 75) * 0x1p-53;
  const double second_piece = (double)((uint64_t)(size >> 22) & 0x1fffffffffffff) * 0x1p-106;
  const double third_piece = (double)((uint64_t)size & 0x3fffff) * 0x1p-128;
  const pair upper = sum_of_ordered(first_piece, second_piece);
  const pair share = sum_of_ordered(upper.high, upper.low + third_piece);
  const pair turned = product_of(share.high, 0x1.921fb54442d18p0);
  const double rest = turned.low + (share.high * 0x1.1a62633145c07p-54 + share.low * 0x1.921fb54442d18p0);
  const pair angle = sum_of_ordered(turned.high, rest);
  const int turns_back = below != (int)(bits >> 63);
  reduced_angle result = {angle, bits >> 63 ? -quarters : quarters};
  if (turns_back) result.rest = (pair){-angle.high, -angle.low};
  return result;
}

// The nearest 64th of an angle of at most π / 4, and what lies beyond it.
typedef struct {
  trigonometry_step at;
  double beyond, low;
} split_angle;

static inline split_angle split(pair angle) {
  const double shifted = angle.high + whole_shift * 0x1p-6;
  const double nearest = shifted - whole_shift * 0x1p-6;
  const int64_t step = (int64_t)(bits_of(shifted) - bits_of(whole_shift * 0x1p-6));
  return (split_angle){elementary_trigonometry_table[step], angle.high - nearest, angle.low};
}

// sin x - x and cos x - 1 for |x| < 1/100.
static inline double sine_curve(double x) {
  const double x2 = x * x;
  return x * x2 * (-1.0 / 6 + x2 * (1.0 / 120 + x2 * (-1.0 / 5040)));
}

static inline double cosine_curve(double x) {
  const double x2 = x * x;
  return x2 * (-0.5 + x2 * (1.0 / 24 + x2 * (-1.0 / 720)));
}

// sin(a + d) = sin a + d + (cos a - 1) d + cos a (sin d - d) + sin a (cos d - 1), the first two added without error.
static inline double sine_of(pair angle) {
  const int below = angle.high < 0;
  const split_angle from = split(below ? (pair){-angle.high, -angle.low} : angle);
  const trigonometry_step at = from.at;
  const double d = from.beyond + from.low;
  const pair line = sum_of_ordered(at.sine.high, from.beyond);
  const double bend = at.cosine_less_1 * d + (at.cosine.high * sine_curve(d) + at.sine.high * cosine_curve(d));
  const double result = line.high + ((line.low + (from.low + at.sine.low)) + bend);
  return below ? -result : result;
}

static inline double cosine_of(pair angle) {
  const split_angle from = split(angle.high < 0 ? (pair){-angle.high, -angle.low} : angle);
  const trigonometry_step at = from.at;
  const double d = from.beyond + from.low;
  const double curves = at.cosine.high * cosine_curve(d) - at.sine.high * sine_curve(d);
  return at.cosine.high + ((at.cosine.low - at.sine.high * d) + curves);
}

// The sine of an angle of some more quarter turns.
static inline double sine_with_quarters(reduced_angle angle, int64_t more) {
  const int64_t quarters = angle.quarters + more;
  const double result = quarters & 1 ? cosine_of(angle.rest) : sine_of(angle.rest);
  return quarters & 2 ? -result : result;
}

double elementary_sin(double x) {
  const double size = magnitude(x);
  if (size < 0x1.921fb54442d18p-1) return size < 0x1p-27 ? x : sine_of((pair){x, 0});
  if (size < 0x1p20) return sine_with_quarters(reduce_angle(x), 0);
  if (!(size < INFINITE)) return x - x;
  return sine_with_quarters(reduce_large_angle(x), 0);
}

double elementary_cos(double x) {
  const double size = magnitude(x);
  if (size < 0x1.921fb54442d18p-1) return cosine_of((pair){x, 0});
  if (size < 0x1p20) return sine_with_quarters(reduce_angle(x), 1);
  if (!(size < INFINITE)) return x - x;
  return sine_with_quarters(reduce_large_angle(x), 1);
}
