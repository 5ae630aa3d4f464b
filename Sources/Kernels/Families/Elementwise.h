// Elementwise arithmetic, activations and residual connections.

static void NAME(add_into)(REAL *restrict a, const REAL *restrict b, long begin, long end) {
  for (long i = begin; i < end; i++) a[i] += b[i];
}

static void NAME(affine)(const REAL *restrict x, REAL *restrict y, double scale, double shift, long begin, long end) {
  const REAL factor = (REAL)scale, constant = (REAL)shift;
  for (long i = begin; i < end; i++) y[i] = FMA(x[i], factor, constant);
}

static void NAME(activation_forward)(
    int kind, double parameter, const REAL *restrict x, REAL *restrict y, long begin, long end) {
  const REAL slope = (REAL)parameter;
  REAL density;
  switch ((activation_kind)kind) {
    case activation_gelu:
      for (long i = begin; i < end; i++) y[i] = x[i] * NAME(normal_distribution)(x[i], &density);
      break;
    case activation_relu:
      for (long i = begin; i < end; i++) y[i] = x[i] > 0 ? x[i] : 0;
      break;
    case activation_leaky_relu:
      for (long i = begin; i < end; i++) y[i] = x[i] > 0 ? x[i] : slope * x[i];
      break;
    case activation_sigmoid:
      for (long i = begin; i < end; i++) y[i] = NAME(sigmoid)(x[i]);
      break;
    case activation_logarithm:
      for (long i = begin; i < end; i++) y[i] = NAME(log)(x[i]);
      break;
    case activation_square_root:
      for (long i = begin; i < end; i++) y[i] = SQUARE_ROOT(x[i]);
      break;
  }
}

static void NAME(activation_backward)(
    int kind, double parameter, const REAL *restrict x, const REAL *restrict y, const REAL *restrict g,
    REAL *restrict dx, long begin, long end) {
  const REAL slope = (REAL)parameter;
  switch ((activation_kind)kind) {
    case activation_gelu:
      for (long i = begin; i < end; i++) {
        REAL density;
        REAL distribution = NAME(normal_distribution)(x[i], &density);
        dx[i] = g[i] * FMA(x[i], density, distribution);
      }
      break;
    case activation_relu:
      for (long i = begin; i < end; i++) dx[i] = x[i] > 0 ? g[i] : 0;
      break;
    case activation_leaky_relu:
      for (long i = begin; i < end; i++) dx[i] = x[i] > 0 ? g[i] : slope * g[i];
      break;
    case activation_sigmoid:
      for (long i = begin; i < end; i++) dx[i] = g[i] * y[i] * (1 - y[i]);
      break;
    case activation_logarithm:
      for (long i = begin; i < end; i++) dx[i] = g[i] / x[i];
      break;
    case activation_square_root:
      for (long i = begin; i < end; i++) dx[i] = g[i] / (2 * y[i]);
      break;
  }
}

// Runs `statement` for every column c, with p the element of a and q that of b, each walking by a stride of 0 or 1.
#define BINARY_ROW(op)                                                            \
  if (a_stride && b_stride)                                                       \
    for (long c = 0; c < length; c++) row[c] = p[c] op q[c];                      \
  else if (a_stride)                                                              \
    for (long c = 0; c < length; c++) row[c] = p[c] op *q;                        \
  else if (b_stride)                                                              \
    for (long c = 0; c < length; c++) row[c] = *p op q[c];                        \
  else                                                                            \
    for (long c = 0; c < length; c++) row[c] = *p op *q;

static void NAME(binary)(
    int kind, const REAL *a, const REAL *b, REAL *y, int rank, const long *shape, const long *a_strides,
    const long *b_strides, long begin, long end) {
  long length = shape[rank - 1], a_stride = a_strides[rank - 1], b_stride = b_strides[rank - 1];
  long place[kernel_rank_limit], rest = begin;
  const REAL *restrict p = a;
  const REAL *restrict q = b;
  for (int axis = rank - 2; axis >= 0; axis--) {
    place[axis] = rest % shape[axis];
    rest /= shape[axis];
    p += place[axis] * a_strides[axis];
    q += place[axis] * b_strides[axis];
  }
  for (long r = begin; r < end; r++) {
    REAL *restrict row = y + r * length;
    switch ((binary_kind)kind) {
      case binary_add: BINARY_ROW(+) break;
      case binary_subtract: BINARY_ROW(-) break;
      case binary_multiply: BINARY_ROW(*) break;
      case binary_divide: BINARY_ROW(/) break;
    }
    for (int axis = rank - 2; axis >= 0; axis--) {
      p += a_strides[axis];
      q += b_strides[axis];
      if (++place[axis] < shape[axis]) break;
      p -= a_strides[axis] * shape[axis];
      q -= b_strides[axis] * shape[axis];
      place[axis] = 0;
    }
  }
}
#undef BINARY_ROW

static void NAME(add_bias_rows)(const REAL *restrict bias, REAL *restrict y, long columns, long begin, long end) {
  for (long r = begin; r < end; r++)
    for (long c = 0; c < columns; c++) y[r * columns + c] += bias[c];
}

static void NAME(add_bias_planes)(
    const REAL *restrict bias, REAL *restrict y, long channels, long length, long begin, long end) {
  for (long plane = begin; plane < end; plane++) {
    REAL value = bias[plane % channels];
    for (long i = 0; i < length; i++) y[plane * length + i] += value;
  }
}

static void NAME(residual_forward)(
    const REAL *restrict x, const REAL *restrict branch, const REAL *restrict scale, const REAL *restrict keep,
    REAL *restrict y, long rows_per_item, long columns, long begin, long end) {
  for (long r = begin; r < end; r++) {
    const REAL factor = keep ? keep[r / rows_per_item] : 1;
    const REAL *p = x + r * columns, *q = branch + r * columns;
    REAL *row = y + r * columns;
    if (scale)
      for (long c = 0; c < columns; c++) row[c] = FMA(factor * scale[c], q[c], p[c]);
    else
      for (long c = 0; c < columns; c++) row[c] = FMA(factor, q[c], p[c]);
  }
}

static void NAME(residual_backward)(
    const REAL *restrict g, const REAL *restrict branch, const REAL *restrict scale, const REAL *restrict keep,
    REAL *restrict d_branch, REAL *restrict d_scale, long rows_per_item, long columns, long begin, long end) {
  if (d_scale) memset(d_scale, 0, (size_t)columns * sizeof(REAL));
  for (long r = begin; r < end; r++) {
    const REAL factor = keep ? keep[r / rows_per_item] : 1;
    const REAL *p = g + r * columns, *q = branch + r * columns;
    if (d_branch) {
      REAL *row = d_branch + r * columns;
      if (scale)
        for (long c = 0; c < columns; c++) row[c] = factor * scale[c] * p[c];
      else
        for (long c = 0; c < columns; c++) row[c] = factor * p[c];
    }
    if (d_scale)
      for (long c = 0; c < columns; c++) d_scale[c] = FMA(factor * p[c], q[c], d_scale[c]);
  }
}
