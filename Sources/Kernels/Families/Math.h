// Vectors, and functions that the compiler can vectorise: branch-free in float; Elementary's in double.
//
// The bits depend on nothing but the sizes: every multiplication whose product is added says by FMA whether it is rounded before,
// and sums are taken in an order of their own (see Sums.h), whatever registers there are.

#define LANES ((long)(VECTOR_BYTES / sizeof(REAL)))
typedef REAL NAME(vector) __attribute__((ext_vector_type(VECTOR_BYTES / sizeof(REAL))));
typedef REAL NAME(loose_vector) __attribute__((ext_vector_type(VECTOR_BYTES / sizeof(REAL)), aligned(sizeof(REAL)), may_alias));
#define VECTOR NAME(vector)
#define LOAD(p) ((VECTOR)(*(const NAME(loose_vector) *)(p)))
#define STORE(p, v) (*(NAME(loose_vector) *)(p) = (v))

// a b + c, rounded once; of numbers or vectors. Processors of the baseline set have no instruction for it: there it is the C
// library's exact function, and slow.
#define FMA(a, b, c) __builtin_elementwise_fma(a, b, c)
#define SQUARE_ROOT(x) __builtin_elementwise_sqrt(x)
#define INLINED static inline __attribute__((always_inline))

#if IS_FLOAT
typedef union {
  float number;
  int32_t bits;
} float_bits;

// e^x: x = n ln 2 + r, e^r by a polynomial; 0 below -86.6.
INLINED float exp_f32(float x) {
  float clamped = x < -86.6f ? -86.6f : x;
  clamped = clamped > 89.f ? 89.f : clamped;
  float_bits shifted, power;
  shifted.number = FMA(clamped, 1.44269504f, 12582912.f);
  const float n = shifted.number - 12582912.f;
  const float r = FMA(n, 2.12194440e-4f, FMA(n, -0.693359375f, clamped));
  float p = 1.f / 5040;
  p = FMA(p, r, 1.f / 720);
  p = FMA(p, r, 1.f / 120);
  p = FMA(p, r, 1.f / 24);
  p = FMA(p, r, 1.f / 6);
  p = FMA(p, r, 0.5f);
  p = FMA(p, r, 1.f);
  p = FMA(p, r, 1.f);
  // 2^(n - 1), doubled below, so that the greatest results don't overflow on the way.
  power.bits = (shifted.bits - 0x4B400000 + 126) << 23;
  const float result = p * power.number * 2.f;
  return x < -86.6f ? 0.f : result;
}

// The natural logarithm: x = 2^n (1 + f) with 1 + f between the roots of 1/2 and 2, and log(1 + f) = f - f^2 / 2 + f^3 P(f) with P
// fitted for a relative error of 6e-9.
INLINED float log_f32(float x) {
  const int is_small = x < 0x1p-126f;
  float_bits scaled, rest;
  scaled.number = is_small ? x * 0x1p23f : x;
  const int32_t exponent = (scaled.bits - 0x3F3504F3) >> 23;
  rest.bits = scaled.bits - exponent * (1 << 23);
  const float n = (float)(is_small ? exponent - 23 : exponent), f = rest.number - 1.f, square = f * f;
  float p = -0.07634496688842773f;
  p = FMA(p, f, 0.1276157647371292f);
  p = FMA(p, f, -0.13160182535648346f);
  p = FMA(p, f, 0.14201757311820984f);
  p = FMA(p, f, -0.16623356938362122f);
  p = FMA(p, f, 0.20001226663589478f);
  p = FMA(p, f, -0.2500081956386566f);
  p = FMA(p, f, 0.3333333134651184f);
  float result = FMA(n, -2.12194440e-4f, f * square * p);
  result = FMA(square, -0.5f, result) + f;
  result = FMA(n, 0.693359375f, result);
  result = x < INFINITY ? result : x;
  return x > 0 ? result : x == 0 ? -INFINITY : NAN;
}

// The normal distribution function and its density. For u >= 0, 1 - Phi(u) = e^(-u^2/2) Q(u) with Q a polynomial in
// t = 1 / (1 + 0.3 u), fitted for a relative error of 4e-9.
INLINED float normal_distribution_f32(float x, float *density) {
  const float u = x < 0 ? -x : x;
  const float t = 1.f / FMA(0.3f, u, 1.f);
  float q = -0.02061293087899685f;
  q = FMA(q, t, 0.11237632483243942f);
  q = FMA(q, t, -0.2280687838792801f);
  q = FMA(q, t, 0.19158335030078888f);
  q = FMA(q, t, -0.07924868911504745f);
  q = FMA(q, t, 0.09605853259563446f);
  q = FMA(q, t, 0.0784253478050232f);
  q = FMA(q, t, 0.11022736877202988f);
  q = FMA(q, t, 0.11957283318042755f);
  q = FMA(q, t, 0.11968663334846497f);
  const float e = exp_f32(-0.5f * u * u);
  const float tail = e * q * t;
  *density = 0.3989422804f * e;
  return x < 0 ? tail : 1.f - tail;
}
#else
INLINED double exp_f64(double x) { return elementary_exp(x); }
INLINED double log_f64(double x) { return elementary_log(x); }

INLINED double normal_distribution_f64(double x, double *density) {
  *density = 0.39894228040143267794 * elementary_exp(-0.5 * x * x);
  return 0.5 * elementary_erfc(-x * 0.70710678118654752440);
}
#endif

INLINED REAL NAME(sigmoid)(REAL x) { return (REAL)1 / ((REAL)1 + NAME(exp)(-x)); }
