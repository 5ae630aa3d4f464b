// Sums in a fixed order.

static void NAME(sum_rows)(const REAL *restrict x, REAL *restrict y, long columns, long begin, long end) {
  for (long r = begin; r < end; r++) {
    // Blocks, then the blocks' sums: the error grows with the square root of what one long sum has.
    double total = 0;
    for (long first = 0; first < columns; first += 4096) {
      long last = first + 4096 < columns ? first + 4096 : columns;
      REAL sum = 0;
      for (long c = first; c < last; c++) sum += x[r * columns + c];
      total += (double)sum;
    }
    y[r] = (REAL)total;
  }
}

static void NAME(sum_columns)(const REAL *restrict x, REAL *restrict y, long columns, long begin, long end) {
  memset(y, 0, (size_t)columns * sizeof(REAL));
  for (long r = begin; r < end; r++)
    for (long c = 0; c < columns; c++) y[c] += x[r * columns + c];
}

static void NAME(sum_squares)(const REAL *restrict x, double *restrict y, long begin, long end) {
  double total = 0;
  for (long first = begin; first < end; first += 4096) {
    long last = first + 4096 < end ? first + 4096 : end;
    REAL sum = 0;
    for (long i = first; i < last; i++) sum += x[i] * x[i];
    total += (double)sum;
  }
  *y = total;
}
