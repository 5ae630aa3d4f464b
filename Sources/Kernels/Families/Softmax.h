// Softmax and its logarithm over rows.

static void NAME(softmax_forward)(
    int logarithm, const REAL *restrict x, REAL *restrict y, long columns, long begin, long end) {
  for (long r = begin; r < end; r++) {
    const REAL *from = x + r * columns;
    REAL *to = y + r * columns;
    const REAL greatest = NAME(row_maximum)(from, columns);
    REAL sum = 0;
    for (long c = 0; c < columns; c++) {
      to[c] = NAME(exp)(from[c] - greatest);
      sum += to[c];
    }
    if (logarithm) {
      const REAL shift = greatest + (REAL)log((double)sum);
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
    REAL sum = 0;
    if (logarithm) {
      for (long c = 0; c < columns; c++) sum += gradient[c];
      for (long c = 0; c < columns; c++) to[c] = gradient[c] - sum * NAME(exp)(value[c]);
    } else {
      for (long c = 0; c < columns; c++) sum += gradient[c] * value[c];
      for (long c = 0; c < columns; c++) to[c] = value[c] * (gradient[c] - sum);
    }
  }
}
