// Training's updates of parameters.

static void NAME(adamw)(
    REAL *restrict p, const REAL *restrict g, REAL *restrict m, REAL *restrict v, const adamw_step *step, long begin,
    long end) {
  const REAL beta1 = (REAL)step->beta1, beta2 = (REAL)step->beta2;
  const REAL rest1 = (REAL)(1 - step->beta1), rest2 = (REAL)(1 - step->beta2);
  const REAL kept = (REAL)(1 - step->rate * step->decay), rate = (REAL)(step->rate / step->correction1);
  const REAL root = (REAL)(1 / SQUARE_ROOT(step->correction2)), epsilon = (REAL)step->epsilon;
  const REAL scale = (REAL)step->gradient_scale;
  for (long i = begin; i < end; i++) {
    REAL slope = g[i] * scale;
    m[i] = FMA(beta1, m[i], rest1 * slope);
    v[i] = FMA(beta2, v[i], rest2 * slope * slope);
    p[i] = FMA(kept, p[i], -(rate * m[i] / FMA(SQUARE_ROOT(v[i]), root, epsilon)));
  }
}

static void NAME(sgd)(
    REAL *restrict p, const REAL *restrict g, REAL *restrict v, const sgd_step *step, long begin, long end) {
  const REAL scale = (REAL)step->gradient_scale, decay = (REAL)step->decay;
  const REAL momentum = (REAL)step->momentum, rate = (REAL)step->rate;
  // Along a d + b v: Nesterov's look ahead, or the velocity alone.
  const REAL a = step->nesterov ? 1 : 0, b = step->nesterov ? momentum : 1;
  for (long i = begin; i < end; i++) {
    REAL slope = FMA(scale, g[i], decay * p[i]);
    v[i] = FMA(momentum, v[i], slope);
    p[i] = FMA(-rate, FMA(b, v[i], a * slope), p[i]);
  }
}

static void NAME(move_towards)(REAL *restrict y, const REAL *restrict x, double share, long begin, long end) {
  const REAL part = (REAL)share;
  for (long i = begin; i < end; i++) y[i] = FMA(part, x[i] - y[i], y[i]);
}
