// Copies that change the order of elements.

static void NAME(strided_copy)(
    const REAL *x, REAL *y, int rank, const long *shape, const long *strides, long begin, long end) {
  long length = shape[rank - 1], stride = strides[rank - 1];
  long place[kernel_rank_limit], rest = begin;
  const REAL *p = x;
  for (int axis = rank - 2; axis >= 0; axis--) {
    place[axis] = rest % shape[axis];
    rest /= shape[axis];
    p += place[axis] * strides[axis];
  }
  for (long r = begin; r < end; r++) {
    REAL *restrict row = y + r * length;
    if (stride == 1)
      memcpy(row, p, (size_t)length * sizeof(REAL));
    else if (stride == 0)
      for (long c = 0; c < length; c++) row[c] = *p;
    else
      for (long c = 0; c < length; c++) row[c] = p[c * stride];
    for (int axis = rank - 2; axis >= 0; axis--) {
      p += strides[axis];
      if (++place[axis] < shape[axis]) break;
      p -= strides[axis] * shape[axis];
      place[axis] = 0;
    }
  }
}

// The range counts bands of 16 columns of all matrices, so that writes run along rows of y and reads stay in the cache.
static void NAME(transpose)(const REAL *x, REAL *y, long rows, long columns, long begin, long end) {
  enum { band = 16 };
  long bands = (columns + band - 1) / band;
  for (long index = begin; index < end; index++) {
    long matrix = index / bands, first = index % bands * band;
    long width = columns - first < band ? columns - first : band;
    const REAL *from = x + matrix * rows * columns + first;
    REAL *to = y + matrix * rows * columns + first * rows;
    long r = 0;
    if (width == band)
      for (; r + band <= rows; r += band)
        for (long j = 0; j < band; j += 8) {
          // Two blocks of eight by eight, transposed in registers: whole lines of the cache are written.
          EIGHT block[2][8];
          for (int half = 0; half < 2; half++) {
            for (int i = 0; i < 8; i++) block[half][i] = LOAD_EIGHT(from + (r + 8 * half + i) * columns + j);
            NAME(transpose_eight)(block[half]);
          }
          for (int i = 0; i < 8; i++) {
            STORE_EIGHT(to + (j + i) * rows + r, block[0][i]);
            STORE_EIGHT(to + (j + i) * rows + r + 8, block[1][i]);
          }
        }
    for (; r + band <= rows; r += band) {
      REAL tile[band][band];
      for (long i = 0; i < band; i++)
        for (long j = 0; j < width; j++) tile[j][i] = from[(r + i) * columns + j];
      for (long j = 0; j < width; j++) memcpy(to + j * rows + r, tile[j], sizeof(tile[j]));
    }
    for (; r < rows; r++)
      for (long j = 0; j < width; j++) to[j * rows + r] = from[r * columns + j];
  }
}

static void NAME(gather_rows)(const REAL *x, const int *index, REAL *y, long columns, long begin, long end) {
  for (long k = begin; k < end; k++)
    memcpy(y + k * columns, x + (long)index[k] * columns, (size_t)columns * sizeof(REAL));
}

static void NAME(scatter_add_rows)(
    const REAL *restrict g, const int *restrict index, REAL *restrict y, long count, long columns, long begin,
    long end) {
  memset(y + begin * columns, 0, (size_t)((end - begin) * columns) * sizeof(REAL));
  for (long k = 0; k < count; k++) {
    long row = index[k];
    if (row < begin || row >= end) continue;
    for (long c = 0; c < columns; c++) y[row * columns + c] += g[k * columns + c];
  }
}
