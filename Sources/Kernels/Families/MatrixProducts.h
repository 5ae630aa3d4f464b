// Matrix products, blocked for the cache as Goto and van de Geijn describe ("Anatomy of high-performance matrix
// multiplication", 2008): both operands are packed into panels, and a tile of the result stays in registers while the depth runs.
//
// Every element is the sum, over blocks of the depth in ascending order, of a sum in ascending order: the same bits however
// the tiles are shared out among threads and however wide the vectors are.

enum {
  // A tile is this many rows by two vectors.
  NAME(tile_rows) = TILE_ROWS,
  NAME(tile_columns) = 2 * VECTOR_BYTES / sizeof(REAL),
  // Rows of a that are packed together, and the depth of a block: 216 KiB, for the second level of the cache.
  NAME(chunk_rows) = 144,
  NAME(block_depth) = 1536 / sizeof(REAL),
};

// sums = Σ_k a[i row_step + k column_step] b[k, :] for a panel b [depth, tile_columns]. One of the steps should be a constant
// where this is inlined.
static inline __attribute__((always_inline)) void NAME(tile)(
    long depth, const REAL *a, long row_step, long column_step, const REAL *restrict b,
    VECTOR sums[NAME(tile_rows)][2]) {
  VECTOR s[NAME(tile_rows)][2] = {0};
#pragma clang loop unroll_count(4)
  for (long k = 0; k < depth; k++, a += column_step, b += NAME(tile_columns)) {
    const VECTOR left = *(const VECTOR *)b, right = *(const VECTOR *)(b + LANES);
#pragma clang loop unroll(full)
    for (int i = 0; i < NAME(tile_rows); i++) {
      const VECTOR factor = (VECTOR)a[i * row_step];
      s[i][0] = FMA(factor, left, s[i][0]);
      s[i][1] = FMA(factor, right, s[i][1]);
    }
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < NAME(tile_rows); i++) sums[i][0] = s[i][0], sums[i][1] = s[i][1];
}

// The same, of columns first ... first + count of rows of a where they lie: `row` are the rows' first elements, whose columns are adjacent in
// runs of so many, a_run_step apart.
static inline __attribute__((always_inline)) void NAME(tile_in_place)(
    const REAL *const row[NAME(tile_rows)], long first, long count, long run, long run_step, const REAL *restrict b,
    VECTOR sums[NAME(tile_rows)][2]) {
  VECTOR s[NAME(tile_rows)][2] = {0};
  for (long k = 0; k < count;) {
    const long start = (first + k) % run, here = run - start < count - k ? run - start : count - k;
    const long shift = (first + k) / run * run_step + start;
    const REAL *a[NAME(tile_rows)];
#pragma clang loop unroll(full)
    for (int i = 0; i < NAME(tile_rows); i++) a[i] = row[i] + shift;
    for (long j = 0; j < here; j++, b += NAME(tile_columns)) {
      const VECTOR left = *(const VECTOR *)b, right = *(const VECTOR *)(b + LANES);
#pragma clang loop unroll(full)
      for (int i = 0; i < NAME(tile_rows); i++) {
        const VECTOR factor = (VECTOR)a[i][j];
        s[i][0] = FMA(factor, left, s[i][0]);
        s[i][1] = FMA(factor, right, s[i][1]);
      }
    }
    k += here;
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < NAME(tile_rows); i++) sums[i][0] = s[i][0], sums[i][1] = s[i][1];
}

// Eight elements side by side, on every instruction set.
typedef REAL NAME(eight) __attribute__((ext_vector_type(8)));
typedef REAL NAME(loose_eight) __attribute__((ext_vector_type(8), aligned(sizeof(REAL)), may_alias));
#define EIGHT NAME(eight)
#define LOAD_EIGHT(p) ((EIGHT)(*(const NAME(loose_eight) *)(p)))
#define STORE_EIGHT(p, v) (*(NAME(loose_eight) *)(p) = (v))

// Rows become columns: pairs, then fours, then eights.
static inline __attribute__((always_inline)) void NAME(transpose_eight)(EIGHT x[8]) {
  EIGHT y[8];
  for (int i = 0; i < 8; i += 2) {
    y[i] = __builtin_shufflevector(x[i], x[i + 1], 0, 8, 2, 10, 4, 12, 6, 14);
    y[i + 1] = __builtin_shufflevector(x[i], x[i + 1], 1, 9, 3, 11, 5, 13, 7, 15);
  }
  for (int i = 0; i < 8; i += 4)
    for (int j = 0; j < 2; j++) {
      x[i + j] = __builtin_shufflevector(y[i + j], y[i + j + 2], 0, 1, 8, 9, 4, 5, 12, 13);
      x[i + j + 2] = __builtin_shufflevector(y[i + j], y[i + j + 2], 2, 3, 10, 11, 6, 7, 14, 15);
    }
  for (int j = 0; j < 4; j++) {
    y[j] = __builtin_shufflevector(x[j], x[j + 4], 0, 1, 2, 3, 8, 9, 10, 11);
    y[j + 4] = __builtin_shufflevector(x[j], x[j + 4], 4, 5, 6, 7, 12, 13, 14, 15);
  }
  for (int i = 0; i < 8; i++) x[i] = y[i];
}

// Panels begin ..< end of the `count` rows of b from `first` on, each [count, tile_columns], zeros beyond the last column.
static void NAME(gemm_pack)(
    const matrix_product *product, REAL *packed, long first, long count, long begin, long end) {
  enum { width = NAME(tile_columns), eight = 8 };
  const matrix_rows rows = product->b;
  const long step = product->b_column;
  long places[NAME(block_depth)];
  row_places(&rows, first, count, places);
  for (long panel = begin; panel < end; panel++) {
    const REAL *from = (const REAL *)rows.start + panel * width * step;
    REAL *restrict to = packed + panel * width * count;
    const long columns = product->columns - panel * width < width ? product->columns - panel * width : width;
    if (columns < width) memset(to, 0, (size_t)(count * width) * sizeof(REAL));
    if (step == 1) {
      for (long k = 0; k < count; k++) {
        const REAL *row = from + places[k];
        if (columns == width) {
          STORE(to + k * width, LOAD(row));
          STORE(to + k * width + LANES, LOAD(row + LANES));
        } else
          memcpy(to + k * width, row, (size_t)columns * sizeof(REAL));
      }
      continue;
    }
    long k = 0;
    // Columns in one piece: blocks of eight by eight, transposed in registers.
    if (rows.step == 1 && rows.inner == one_step && columns == width && width % eight == 0)
      for (const REAL *start = from + places[0]; k + eight <= count; k += eight)
        for (long j = 0; j < width; j += eight) {
          EIGHT block[eight];
          for (int i = 0; i < eight; i++) block[i] = LOAD_EIGHT(start + (j + i) * step + k);
          NAME(transpose_eight)(block);
          for (int i = 0; i < eight; i++) STORE_EIGHT(to + (k + i) * width + j, block[i]);
        }
    for (; k < count; k++) {
      const REAL *row = from + places[k];
      for (long j = 0; j < columns; j++) to[k * width + j] = row[j * step];
    }
  }
}

// Rows begin ..< end of a as panels [count, tile_rows] of the columns from `first` on, the first row again beyond the last one.
// It writes up to eight elements after the last panel.
static void NAME(pack_rows)(
    const matrix_product *product, REAL *restrict packed, long first, long count, long begin, long end) {
  enum { height = NAME(tile_rows), eight = 8 };
  const matrix_rows rows = product->a;
  const long step = product->a_column, run = product->a_run ? product->a_run : one_step;
  if (rows.step == 1 && rows.inner == one_step && !product->a_run) {
    // Columns in one piece: along each of them through all panels.
    const long whole = (end - begin) / height, rest = (end - begin) % height;
    const REAL *from = (const REAL *)rows.start + row_place(&rows, begin) + first * step;
    for (long k = 0; k < count; k++, from += step) {
      REAL *to = packed + k * height;
      const REAL *row = from;
      for (long panel = 0; panel < whole; panel++, row += height, to += height * count)
        memcpy(to, row, height * sizeof(REAL));
      if (rest)
        for (long i = 0; i < height; i++) to[i] = i < rest ? row[i] : 0;
    }
    return;
  }
  long places[NAME(chunk_rows)];
  row_places(&rows, begin, end - begin, places);
  for (long panel = begin; panel < end; panel += height, packed += height * count) {
    const long here = end - panel < height ? end - panel : height;
    const REAL *row[height];
    for (long i = 0; i < height; i++) row[i] = (const REAL *)rows.start + places[panel - begin + (i < here ? i : 0)];
    for (long k = 0; k < count;) {
      // The columns of one run, or what of it lies in this block of the depth.
      const long start = (first + k) % run, stop = run - start < count - k ? k + run - start : count;
      const long shift = (first + k) / run * product->a_run_step + (start - k) * step;
      if (step == 1)
        for (; k + eight <= stop; k += eight) {
          // Blocks of eight rows; what a block has too many lies where the next columns come.
          EIGHT block[(height + eight - 1) / eight][eight];
          for (int part = 0; part * eight < height; part++) {
            for (int i = 0; i < eight; i++) {
              const int this = part * eight + i;
              block[part][i] = LOAD_EIGHT(row[this < height ? this : 0] + shift + k);
            }
            NAME(transpose_eight)(block[part]);
          }
          for (int j = 0; j < eight; j++)
            for (int part = 0; part * eight < height; part++)
              STORE_EIGHT(packed + (k + j) * height + part * eight, block[part][j]);
        }
      for (; k < stop; k++)
        for (long i = 0; i < height; i++) packed[k * height + i] = row[i][shift + k * step];
    }
  }
}

// What becomes of a tile's sums: added to what c holds, the bias after the last block of the depth.
static inline __attribute__((always_inline)) void NAME(store_tile)(
    const VECTOR sums[NAME(tile_rows)][2], REAL *const *to, long column, const REAL *bias, int add, long rows,
    long columns) {
  enum { height = NAME(tile_rows), width = NAME(tile_columns) };
  if (rows == height && columns == width) {
    VECTOR left = {0}, right = {0};
    if (bias) left = LOAD(bias + column), right = LOAD(bias + column + LANES);
#pragma clang loop unroll(full)
    for (int i = 0; i < height; i++) {
      VECTOR first = sums[i][0] + left, second = sums[i][1] + right;
      if (add) first += LOAD(to[i] + column), second += LOAD(to[i] + column + LANES);
      STORE(to[i] + column, first);
      STORE(to[i] + column + LANES, second);
    }
    return;
  }
  for (long i = 0; i < rows; i++) {
    REAL *row = to[i] + column;
    for (long j = 0; j < columns; j++) {
      const REAL value = sums[i][j / LANES][j % LANES] + (bias ? bias[column + j] : 0);
      row[j] = add ? value + row[j] : value;
    }
  }
}

// The part of the product that gemm_block computes, for so few columns that packing a's rows would take as long as the product itself.
static void NAME(gemm_narrow_block)(
    const matrix_product *product, const REAL *packed, long first, long count, long column_begin, long column_end,
    long begin, long end) {
  enum { height = NAME(tile_rows), width = NAME(tile_columns) };
  const int add = product->accumulate || first > 0;
  const REAL *bias = first + count == product->depth ? product->bias : 0;
  const long run = product->a_run ? product->a_run : one_step;
  const long last_row = end * height < product->rows ? end * height : product->rows;
  for (long start = begin * height; start < last_row; start += height) {
    const long rows = last_row - start < height ? last_row - start : height;
    long from[height], places[height];
    row_places(&product->a, start, rows, from);
    row_places(&product->c, start, rows, places);
    const REAL *row[height];
    REAL *to[height];
    for (long i = 0; i < height; i++) {
      row[i] = (const REAL *)product->a.start + from[i < rows ? i : 0];
      to[i] = (REAL *)product->c.start + places[i < rows ? i : 0];
    }
    for (long column = column_begin; column < column_end; column++) {
      const long columns = product->columns - column * width < width ? product->columns - column * width : width;
      VECTOR sums[height][2];
      NAME(tile_in_place)(row, first, count, run, product->a_run_step, packed + column * width * count, sums);
      NAME(store_tile)(sums, to, column * width, bias, add, rows, columns);
    }
  }
}

// The part of the product for `count` of the depth from `first` on: rows of c in row panels begin ..< end, columns in
// column panels column_begin ..< column_end.
static void NAME(gemm_block)(
    const matrix_product *product, const REAL *packed, long first, long count, long column_begin, long column_end,
    long begin, long end) {
  enum { height = NAME(tile_rows), width = NAME(tile_columns), chunk = NAME(chunk_rows), strip = 64 / sizeof(REAL) };
  if (product->a_column == 1 && product->columns <= 2 * width && !product->activated) {
    NAME(gemm_narrow_block)(product, packed, first, count, column_begin, column_end, begin, end);
    return;
  }
  REAL panels[chunk * NAME(block_depth) + 8] __attribute__((aligned(64)));
  REAL *to[chunk];
  const int add = product->accumulate || first > 0;
  const int is_last = first + count == product->depth;
  const REAL *bias = is_last ? product->bias : 0;
  const long to_activated = product->activated ? (REAL *)product->activated - (REAL *)product->c.start : 0;
  const long last_row = end * height < product->rows ? end * height : product->rows;
  // Equal chunks: a small last one would use every panel of b for a few rows only.
  const long chunks = (end - begin + chunk / height - 1) / (chunk / height);
  const long chunk_step = chunks ? (end - begin + chunks - 1) / chunks * height : height;
  for (long start = begin * height; start < last_row; start += chunk_step) {
    const long stop = start + chunk_step < last_row ? start + chunk_step : last_row;
    NAME(pack_rows)(product, panels, first, count, start, stop);
    long places[chunk];
    row_places(&product->c, start, stop - start, places);
    for (long row = 0; row < stop - start; row++) to[row] = (REAL *)product->c.start + places[row];
    const long tiles = (stop - start + height - 1) / height, share = (count * width + tiles - 1) / tiles;
    for (long column = column_begin; column < column_end; column++) {
      const REAL *panel = packed + column * width * count;
      const long columns = product->columns - column * width < width ? product->columns - column * width : width;
      for (long t = 0; t < tiles; t++) {
        const long row = t * height, rows = stop - start - row < height ? stop - start - row : height;
        for (long i = 0; i < rows; i++) __builtin_prefetch(to[row + i] + column * width, 1);
        // The next panel comes to the cache while this one is used.
        if (column + 1 < column_end)
          for (long place = t * share; place < (t + 1) * share; place += strip)
            __builtin_prefetch(panel + count * width + place);
        VECTOR sums[height][2];
        NAME(tile)(count, panels + row * count, 1, height, panel, sums);
        NAME(store_tile)(sums, to + row, column * width, bias, add, rows, columns);
      }
      if (is_last && product->activated)
        for (long row = 0; row < stop - start; row++) {
          const REAL *x = to[row] + column * width;
          REAL *y = to[row] + column * width + to_activated;
          REAL piece[width], density;
          if (columns == width) {
            STORE(piece, LOAD(x));
            STORE(piece + LANES, LOAD(x + LANES));
          } else {
            memset(piece, 0, sizeof(piece));
            memcpy(piece, x, (size_t)columns * sizeof(REAL));
          }
          for (long j = 0; j < width; j++) piece[j] *= NAME(normal_distribution)(piece[j], &density);
          if (columns == width) {
            STORE(y, LOAD(piece));
            STORE(y + LANES, LOAD(piece + LANES));
          } else
            memcpy(y, piece, (size_t)columns * sizeof(REAL));
        }
    }
  }
}

// c = (c +) the sum of the parts in order, then the bias; each part is [rows, columns], `pitch` elements after the one before.
static void NAME(gemm_add_parts)(const matrix_product *product, const REAL *sums, long pitch, long parts) {
  for (long row = 0; row < product->rows; row++) {
    REAL *to = (REAL *)product->c.start + row_place(&product->c, row);
    for (long column = 0; column < product->columns; column++) {
      REAL total = product->accumulate ? to[column] : 0;
      for (long part = 0; part < parts; part++) total += sums[part * pitch + row * product->columns + column];
      to[column] = product->bias ? total + ((const REAL *)product->bias)[column] : total;
    }
  }
}
