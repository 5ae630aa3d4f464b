// Sums in an order that depends on the number of terms alone. A row is cut into pieces of WIDTH elements, and lanes as wide are
// added; even and odd pieces have lanes of their own. What a last piece lacks, it lacks in front. Then halves of the lanes are added
// until one is left. A piece is one, two or four registers.

#define WIDTH ((long)(64 / sizeof(REAL)))
typedef REAL NAME(wide) __attribute__((ext_vector_type(64 / sizeof(REAL))));
typedef REAL NAME(loose_wide) __attribute__((ext_vector_type(64 / sizeof(REAL)), aligned(sizeof(REAL)), may_alias));
#define WIDE NAME(wide)

// The piece at `place` of a row of n, and, at the end of the row, `other` in the lanes before.
#define WHOLE(row, place, n, other) ((WIDE)(*(const NAME(loose_wide) *)((row) + (place))))
#define REST(row, place, n, other) NAME(load_rest)(row, place, n, other)
static inline WIDE NAME(load_rest)(const REAL *row, long place, long n, REAL other) {
  const long count = n - place;
  if (count >= WIDTH) return WHOLE(row, place, n, other);
  WIDE v = (WIDE)other;
  if (count <= 0) return v;
  if (n < WIDTH) {
    memcpy((REAL *)&v + WIDTH - count, row + place, (size_t)count * sizeof(REAL));
    return v;
  }
#if IS_FLOAT
  typedef int32_t integers __attribute__((ext_vector_type(16)));
  const integers lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  return lane >= (integers)(int32_t)(WIDTH - count) ? WHOLE(row, n - WIDTH, n, other) : v;
#else
  typedef int64_t integers __attribute__((ext_vector_type(8)));
  const integers lane = {0, 1, 2, 3, 4, 5, 6, 7};
  return lane >= (integers)(WIDTH - count) ? WHOLE(row, n - WIDTH, n, other) : v;
#endif
}
#define PUT_WHOLE(row, place, n, v) (*(NAME(loose_wide) *)((row) + (place)) = (v))
#define PUT_REST(row, place, n, v) NAME(store_rest)(row, place, n, v)
static inline void NAME(store_rest)(REAL *row, long place, long n, WIDE v) {
  const long count = n - place < WIDTH ? n - place : WIDTH;
  if (count > 0) memcpy(row + place, (const REAL *)&v + WIDTH - count, (size_t)count * sizeof(REAL));
}

// Runs STEP(GET) for i = start, start + pieces WIDTH ... of a row up to n, the last pieces first, with GET one of the two above.
#define BY_PIECES(start, n, pieces, STEP)                                     \
  {                                                                           \
    const long whole = (n) - ((n) - (start)) % (pieces * WIDTH);              \
    if (whole < (n)) {                                                        \
      const long i = whole;                                                   \
      STEP(REST)                                                              \
    }                                                                         \
    for (long i = start; i < whole; i += pieces * WIDTH) {                    \
      STEP(WHOLE)                                                             \
    }                                                                         \
  }

INLINED REAL NAME(lane_sum)(WIDE lanes) {
  const __auto_type halves = lanes.lo + lanes.hi;
  const __auto_type quarters = halves.lo + halves.hi;
#if IS_FLOAT
  const __auto_type eighths = quarters.lo + quarters.hi;
  return eighths.x + eighths.y;
#else
  return quarters.x + quarters.y;
#endif
}

// Σ x
INLINED REAL NAME(row_sum)(const REAL *x, long n) {
  WIDE sum[2] = {(WIDE)0, (WIDE)0};
#define STEP(GET) for (int half = 0; half < 2; half++) sum[half] += GET(x, i + half * WIDTH, n, 0);
  BY_PIECES(0, n, 2, STEP)
#undef STEP
  return NAME(lane_sum)(sum[0] + sum[1]);
}

// Σ x y
INLINED REAL NAME(row_product)(const REAL *x, const REAL *y, long n) {
  WIDE sum[2] = {(WIDE)0, (WIDE)0};
#define STEP(GET)                        \
  for (int half = 0; half < 2; half++)   \
    sum[half] = FMA(GET(x, i + half * WIDTH, n, 0), GET(y, i + half * WIDTH, n, 0), sum[half]);
  BY_PIECES(0, n, 2, STEP)
#undef STEP
  return NAME(lane_sum)(sum[0] + sum[1]);
}

// Σ (x - centre)², and Σ (x - centre) where said
INLINED REAL NAME(row_squares)(const REAL *x, long n, REAL centre, REAL *distances) {
  WIDE sum[2] = {(WIDE)0, (WIDE)0}, square[2] = {(WIDE)0, (WIDE)0};
#define STEP(GET)                                                            \
  for (int half = 0; half < 2; half++) {                                     \
    const WIDE d = GET(x, i + half * WIDTH, n, centre) - (WIDE)centre;       \
    sum[half] += d;                                                          \
    square[half] = FMA(d, d, square[half]);                                  \
  }
  BY_PIECES(0, n, 2, STEP)
#undef STEP
  if (distances) *distances = NAME(lane_sum)(sum[0] + sum[1]);
  return NAME(lane_sum)(square[0] + square[1]);
}

// The greatest of n >= 1 values; one that is no number may or may not count, but the same on every machine.
INLINED REAL NAME(row_maximum)(const REAL *x, long n) {
  WIDE most[2] = {(WIDE)x[0], (WIDE)x[0]};
#define STEP(GET)                                                \
  for (int half = 0; half < 2; half++) {                         \
    const WIDE v = GET(x, i + half * WIDTH, n, x[0]);            \
    most[half] = v > most[half] ? v : most[half];                \
  }
  BY_PIECES(0, n, 2, STEP)
#undef STEP
  const WIDE all = most[1] > most[0] ? most[1] : most[0];
  const __auto_type halves = all.hi > all.lo ? all.hi : all.lo;
  const __auto_type quarters = halves.hi > halves.lo ? halves.hi : halves.lo;
#if IS_FLOAT
  const __auto_type eighths = quarters.hi > quarters.lo ? quarters.hi : quarters.lo;
#else
  const __auto_type eighths = quarters;
#endif
  return eighths.y > eighths.x ? eighths.y : eighths.x;
}

// Long rows: blocks, then the blocks' sums. The error grows with the square root of what one long sum has.
enum { NAME(sum_block) = 4096 };

static void NAME(sum_rows)(const REAL *restrict x, REAL *restrict y, long columns, long begin, long end) {
  for (long r = begin; r < end; r++) {
    double total = 0;
    for (long first = 0; first < columns; first += NAME(sum_block)) {
      const long count = columns - first < NAME(sum_block) ? columns - first : NAME(sum_block);
      total += (double)NAME(row_sum)(x + r * columns + first, count);
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
  for (long first = begin; first < end; first += NAME(sum_block)) {
    const long count = end - first < NAME(sum_block) ? end - first : NAME(sum_block);
    total += (double)NAME(row_squares)(x + first, count, 0, 0);
  }
  *y = total;
}
