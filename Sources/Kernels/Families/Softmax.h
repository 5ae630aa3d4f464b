// Softmax and its logarithm over rows.

static void NAME(softmax_forward)(
    int logarithm, const REAL *restrict x, REAL *restrict y, long columns, long begin, long end) {
  for (long r = begin; r < end; r++) {
    const REAL *from = x + r * columns;
    REAL *to = y + r * columns;
    const REAL greatest = NAME(row_maximum)(from, columns);
    for (long c = 0; c < columns; c++) to[c] = NAME(exp)(from[c] - greatest);
    const REAL sum = NAME(row_sum)(to, columns);
    if (logarithm) {
      const REAL shift = greatest + NAME(log)(sum);
      for (long c = 0; c < columns; c++) to[c] = from[c] - shift;
    } else {
      const REAL factor = 1 / sum;
      for (long c = 0; c < columns; c++) to[c] *= factor;
    }
  }
}

static void NAME(softmax_backward)(
    int logarithm, const REAL *restrict y, const REAL *restrict g, REAL *restrict dx, long columns, long begin,
    long end) {
  for (long r = begin; r < end; r++) {
    const REAL *value = y + r * columns, *gradient = g + r * columns;
    REAL *to = dx + r * columns;
    if (logarithm) {
      const REAL sum = NAME(row_sum)(gradient, columns);
      for (long c = 0; c < columns; c++) to[c] = FMA(-sum, NAME(exp)(value[c]), gradient[c]);
    } else {
      const REAL sum = NAME(row_product)(gradient, value, columns);
      for (long c = 0; c < columns; c++) to[c] = value[c] * (gradient[c] - sum);
    }
  }
}
