// Vectors, and functions that the compiler can vectorise: branch-free in float; the C library's in double.

#define LANES ((long)(VECTOR_BYTES / sizeof(REAL)))
typedef REAL NAME(vector) __attribute__((vector_size(VECTOR_BYTES)));
typedef REAL NAME(loose_vector) __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(REAL)), may_alias));
#define VECTOR NAME(vector)
#define LOAD(p) ((VECTOR)(*(const NAME(loose_vector) *)(p)))
#define STORE(p, v) (*(NAME(loose_vector) *)(p) = (v))

#if IS_FLOAT
// e^x: x = n ln 2 + r, e^r by a polynomial; 0 below -86.6.
static inline float exp_f32(float x) {
#pragma clang fp reassociate(off)
  float clamped = x < -86.6f ? -86.6f : x;
  clamped = clamped > 89.f ? 89.f : clamped;
  union { float f; int32_t i; } shifted, power;
  shifted.f = clamped * 1.44269504f + 12582912.f;
  float n = shifted.f - 12582912.f;
  float r = clamped - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  float p = 1.f / 5040;
  p = p * r + 1.f / 720;
  p = p * r + 1.f / 120;
  p = p * r + 1.f / 24;
  p = p * r + 1.f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.f;
  p = p * r + 1.f;
  // 2^(n - 1), doubled below, so that the greatest results don't overflow on the way.
  power.i = (shifted.i - 0x4B400000 + 126) << 23;
  float result = p * power.f * 2.f;
  return x < -86.6f ? 0.f : result;
}

// The normal distribution function and its density. For u >= 0, 1 - Phi(u) = e^(-u^2/2) Q(u) with Q a polynomial in
// t = 1 / (1 + 0.3 u), fitted for a relative error of 4e-9.
static inline float normal_distribution_f32(float x, float *density) {
#pragma clang fp reassociate(off)
  float u = x < 0 ? -x : x;
  float t = 1.f / (1.f + 0.3f * u);
  float q = -0.02061293087899685f;
  q = q * t + 0.11237632483243942f;
  q = q * t - 0.2280687838792801f;
  q = q * t + 0.19158335030078888f;
  q = q * t - 0.07924868911504745f;
  q = q * t + 0.09605853259563446f;
  q = q * t + 0.0784253478050232f;
  q = q * t + 0.11022736877202988f;
  q = q * t + 0.11957283318042755f;
  q = q * t + 0.11968663334846497f;
  float e = exp_f32(-0.5f * u * u);
  float tail = e * q * t;
  *density = 0.3989422804f * e;
  return x < 0 ? tail : 1.f - tail;
}
#else
static inline double exp_f64(double x) { return exp(x); }

static inline double normal_distribution_f64(double x, double *density) {
  *density = 0.39894228040143267794 * exp(-0.5 * x * x);
  return 0.5 * erfc(-x * 0.70710678118654752440);
}
#endif

static inline REAL NAME(sigmoid)(REAL x) { return (REAL)1 / ((REAL)1 + NAME(exp)(-x)); }

// The greatest of n >= 1 values.
static inline REAL NAME(row_maximum)(const REAL *x, long n) {
  REAL result = x[0];
  long i = 0;
  if (n >= LANES) {
    VECTOR m = LOAD(x);
    for (i = LANES; i + LANES <= n; i += LANES) m = __builtin_elementwise_max(m, LOAD(x + i));
    result = m[0];
    for (long lane = 1; lane < LANES; lane++) result = m[lane] > result ? m[lane] : result;
  }
  for (; i < n; i++) result = x[i] > result ? x[i] : result;
  return result;
}
