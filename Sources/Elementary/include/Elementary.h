// Elementary functions in double precision whose results are the same bits on every machine.
//
// They are made of IEEE 754 additions, multiplications, divisions, square roots and integer arithmetic alone, in a fixed
// order, without fused operations: neither the C library's version nor the processor's vectors can change a bit. Round to
// nearest is assumed. Each function's error is bounded in units in the last place (ulp); Tests/ElementaryTests holds the
// bounds against correctly rounded values. Special values are C99's; no exception flags and no errno are promised.
//
// In Swift they are spelt by the module's name, as Elementary.exp(x).
#pragma once

#ifdef __clang__
#define ELEMENTARY_SWIFT_NAME(name) __attribute__((swift_name(name)))
#else
#define ELEMENTARY_SWIFT_NAME(name)
#endif

/// e^x; 0.52 ulp.
double elementary_exp(double x) ELEMENTARY_SWIFT_NAME("exp(_:)");

/// 2^x; 0.52 ulp.
double elementary_exp2(double x) ELEMENTARY_SWIFT_NAME("exp2(_:)");

/// The natural logarithm; 0.52 ulp. NaN below 0, minus infinity at 0.
double elementary_log(double x) ELEMENTARY_SWIFT_NAME("log(_:)");

/// log(1 + x), exact for small x too; 0.52 ulp.
double elementary_log1p(double x) ELEMENTARY_SWIFT_NAME("log1p(_:)");

/// x^y; 0.52 ulp.
double elementary_pow(double x, double y) ELEMENTARY_SWIFT_NAME("pow(_:_:)");

/// The sine of an angle in radians, however large; 0.53 ulp.
double elementary_sin(double x) ELEMENTARY_SWIFT_NAME("sin(_:)");

/// The cosine of an angle in radians, however large; 0.53 ulp.
double elementary_cos(double x) ELEMENTARY_SWIFT_NAME("cos(_:)");

/// The angle from 0 to π with the cosine x; 0.7 ulp. NaN outside -1...1.
double elementary_acos(double x) ELEMENTARY_SWIFT_NAME("acos(_:)");

/// The complementary error function, 1 - erf(x); 0.7 ulp.
double elementary_erfc(double x) ELEMENTARY_SWIFT_NAME("erfc(_:)");

/// The logarithm of the gamma function of x > 0; 3 ulp. Infinite at 0, NaN below.
double elementary_lgamma(double x) ELEMENTARY_SWIFT_NAME("lgamma(_:)");
