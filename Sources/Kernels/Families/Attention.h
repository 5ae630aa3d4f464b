// Attention in tiles: the scores of one block of queries against one block of keys at a time, never all (Dao et al.,
// "FlashAttention", 2022); the backward pass computes them again from the saved logarithms of the sums.
//
// Keys and values are packed into panels first (see MatrixProducts.h), once for all blocks of queries.

static inline long NAME(panels)(long count) { return (count + NAME(tile_columns) - 1) / NAME(tile_columns); }
// `count` rounded up to whole panels.
static inline long NAME(padded)(long count) { return NAME(panels)(count) * NAME(tile_columns); }

// x [rows, columns] at a row step, times `factor`, as panels of columns: [columns / width][rows][width], zeros beyond the last column.
static void NAME(pack_along_rows)(const REAL *x, long step, long rows, long columns, REAL factor, REAL *restrict packed) {
  enum { width = NAME(tile_columns) };
  for (long first = 0; first < columns; first += width)
    for (long r = 0; r < rows; r++, packed += width)
      for (long c = 0; c < width; c++) packed[c] = first + c < columns ? x[r * step + first + c] * factor : 0;
}

// The transposed x [rows, columns] as panels of rows: [rows / width][columns][width], zeros beyond the last row.
static void NAME(pack_across_rows)(const REAL *x, long step, long rows, long columns, REAL *restrict packed) {
  enum { width = NAME(tile_columns) };
  for (long first = 0; first < rows; first += width, packed += width * columns)
    for (long r = 0; r < width; r++)
      for (long c = 0; c < columns; c++) packed[c * width + r] = first + r < rows ? x[(first + r) * step + c] : 0;
}

// c [rows, panels · width] = a b or, where said, c += a b, for panels of b `panel_step` apart. Works on whole tiles: a and c have
// room for rows up to the next multiple of a tile's.
static inline __attribute__((always_inline)) void NAME(multiply_panels)(
    long rows, long panels, long depth, const REAL *a, long row_step, long column_step, const REAL *b, long panel_step,
    REAL *c, long c_step, int accumulate) {
  enum { height = NAME(tile_rows), width = NAME(tile_columns) };
  for (long panel = 0; panel < panels; panel++)
    for (long row = 0; row < rows; row += height) {
      VECTOR sums[height][2];
      NAME(tile)(depth, a + row * row_step, row_step, column_step, b + panel * panel_step, sums);
      REAL *to = c + row * c_step + panel * width;
#pragma clang loop unroll(full)
      for (int i = 0; i < height; i++, to += c_step) {
        STORE(to, accumulate ? LOAD(to) + sums[i][0] : sums[i][0]);
        STORE(to + LANES, accumulate ? LOAD(to + LANES) + sums[i][1] : sums[i][1]);
      }
    }
}

// a's rows are adjacent to themselves, one row_step apart.
static __attribute__((noinline)) void NAME(multiply_by_rows)(
    long rows, long panels, long depth, const REAL *a, long row_step, const REAL *b, long panel_step, REAL *c,
    long c_step, int accumulate) {
  NAME(multiply_panels)(rows, panels, depth, a, row_step, 1, b, panel_step, c, c_step, accumulate);
}

// a is stored transposed: its columns are adjacent to themselves.
static __attribute__((noinline)) void NAME(multiply_by_columns)(
    long rows, long panels, long depth, const REAL *a, long column_step, const REAL *b, long panel_step, REAL *c,
    long c_step, int accumulate) {
  NAME(multiply_panels)(rows, panels, depth, a, 1, column_step, b, panel_step, c, c_step, accumulate);
}

// `rows` rows of x times `factor`, adjacent, then zeros up to a whole block of queries.
static void NAME(copy_rows)(const REAL *x, long step, long rows, long columns, REAL factor, REAL *restrict y) {
  for (long r = 0; r < rows; r++)
    for (long c = 0; c < columns; c++) y[r * columns + c] = x[r * step + c] * factor;
  memset(y + rows * columns, 0, (size_t)((attention_query_block - rows) * columns) * sizeof(REAL));
}

static void NAME(attention_pack)(
    const attention_shape *shape, const REAL *key, const REAL *value, REAL *packed, long begin, long end) {
  const long depth = shape->depth, stride = shape->heads * depth, tokens = shape->key_tokens;
  const long size = NAME(padded)(tokens) * depth + NAME(padded)(depth) * tokens;
  for (long index = begin; index < end; index++) {
    const long place = index / shape->heads * tokens * stride + index % shape->heads * depth;
    NAME(pack_across_rows)(key + place, stride, tokens, depth, packed + index * size);
    NAME(pack_along_rows)(value + place, stride, tokens, depth, 1, packed + index * size + NAME(padded)(tokens) * depth);
  }
}

static void NAME(attention_forward)(
    const attention_shape *shape, const REAL *query, const REAL *packed, REAL *output, REAL *log_sum, long begin,
    long end) {
  enum { key_block = attention_key_block, query_block = attention_query_block, width = NAME(tile_columns) };
  const long depth = shape->depth, stride = shape->heads * depth, tokens = shape->key_tokens;
  const long wide = NAME(padded)(depth), size = NAME(padded)(tokens) * depth + wide * tokens;
  const long blocks = (shape->query_tokens + query_block - 1) / query_block;
  const size_t bytes = (size_t)(query_block * (depth + wide + key_block)) * sizeof(REAL);
  REAL *scaled = kernels_required(aligned_alloc(64, bytes), bytes);
  REAL *result = scaled + query_block * depth, *scores = result + query_block * wide;
  for (long index = begin; index < end; index++) {
    const long block = index % blocks, head = index / blocks % shape->heads, item = index / blocks / shape->heads;
    const long first = block * query_block;
    const long queries = shape->query_tokens - first < query_block ? shape->query_tokens - first : query_block;
    const long place = (item * shape->query_tokens + first) * stride + head * depth;
    const REAL *keys = packed + (item * shape->heads + head) * size, *values = keys + NAME(padded)(tokens) * depth;
    REAL greatest[query_block], sum[query_block];
    for (long i = 0; i < queries; i++) greatest[i] = -INFINITY, sum[i] = 0;
    NAME(copy_rows)(query + place, stride, queries, depth, (REAL)shape->scale, scaled);
    for (long start = 0; start < tokens; start += key_block) {
      const long count = tokens - start < key_block ? tokens - start : key_block;
      NAME(multiply_by_rows)(
          queries, NAME(panels)(count), depth, scaled, depth, keys + start * depth, width * depth, scores, key_block, 0);
      for (long i = 0; i < queries; i++) {
        REAL *row = scores + i * key_block;
        const REAL here = NAME(row_maximum)(row, count);
        const REAL now = here > greatest[i] ? here : greatest[i];
        const REAL correction = NAME(exp)(greatest[i] - now);
        for (long j = 0; j < count; j++) row[j] = NAME(exp)(row[j] - now);
        sum[i] = FMA(sum[i], correction, NAME(row_sum)(row, count));
        greatest[i] = now;
        if (start > 0 && correction != 1)
          for (long d = 0; d < wide; d++) result[i * wide + d] *= correction;
      }
      NAME(multiply_by_rows)(
          queries, NAME(panels)(depth), count, scores, key_block, values + start * width, width * tokens, result, wide,
          start > 0);
    }
    for (long i = 0; i < queries; i++) {
      const REAL factor = 1 / sum[i];
      for (long d = 0; d < depth; d++) output[place + i * stride + d] = result[i * wide + d] * factor;
      if (log_sum)
        log_sum[(item * shape->heads + head) * shape->query_tokens + first + i] =
            greatest[i] + NAME(log)(sum[i]);
    }
  }
  free(scaled);
}

static void NAME(attention_backward)(
    const attention_shape *shape, const REAL *query, const REAL *key, const REAL *value, const REAL *output,
    const REAL *log_sum, const REAL *g, REAL *d_query, REAL *d_key, REAL *d_value, long begin, long end) {
  enum { key_block = attention_key_block, query_block = attention_query_block, width = NAME(tile_columns) };
  const long depth = shape->depth, stride = shape->heads * depth, wide = NAME(padded)(depth);
  const long query_tokens = shape->query_tokens, key_tokens = shape->key_tokens;
  // Keys and values across their rows, keys along them; the sums of their gradients; one block's queries and slopes of the output,
  // both ways, its scores and their slopes, and the sum of its gradient. Rows end in room for a tile.
  const long across = NAME(padded)(key_tokens) * depth, along = wide * key_tokens;
  const long sums = (key_tokens + NAME(tile_rows)) * wide;
  const long total = 2 * across + along + 2 * sums + query_block * (2 * depth + 3 * wide + 2 * key_block);
  const size_t bytes = (size_t)((total * (long)sizeof(REAL) + 63) / 64 * 64);
  REAL *memory = kernels_required(aligned_alloc(64, bytes), bytes);
  REAL *keys_across = memory, *values_across = keys_across + across, *keys_along = values_across + across;
  REAL *key_sums = keys_along + along, *value_sums = key_sums + sums, *query_sums = value_sums + sums;
  REAL *queries_along = query_sums + query_block * wide, *slopes_along = queries_along + query_block * wide;
  REAL *queries_here = slopes_along + query_block * wide, *slopes_here = queries_here + query_block * depth;
  REAL *scores = slopes_here + query_block * depth, *score_slopes = scores + query_block * key_block;
  const REAL scale = (REAL)shape->scale;
  for (long index = begin; index < end; index++) {
    const long head = index % shape->heads, item = index / shape->heads;
    const long from_query = item * query_tokens * stride + head * depth;
    const long from_key = item * key_tokens * stride + head * depth;
    NAME(pack_across_rows)(key + from_key, stride, key_tokens, depth, keys_across);
    NAME(pack_across_rows)(value + from_key, stride, key_tokens, depth, values_across);
    NAME(pack_along_rows)(key + from_key, stride, key_tokens, depth, 1, keys_along);
    memset(key_sums, 0, (size_t)(2 * sums) * sizeof(REAL));
    memset(scores, 0, (size_t)(2 * query_block * key_block) * sizeof(REAL));
    for (long first = 0; first < query_tokens; first += query_block) {
      const long queries = query_tokens - first < query_block ? query_tokens - first : query_block;
      const long rows = from_query + first * stride;
      REAL centre[query_block];
      for (long i = 0; i < queries; i++)
        centre[i] = NAME(row_product)(g + rows + i * stride, output + rows + i * stride, depth);
      NAME(copy_rows)(query + rows, stride, queries, depth, scale, queries_here);
      NAME(copy_rows)(g + rows, stride, queries, depth, 1, slopes_here);
      NAME(pack_along_rows)(query + rows, stride, queries, depth, scale, queries_along);
      NAME(pack_along_rows)(g + rows, stride, queries, depth, 1, slopes_along);
      for (long start = 0; start < key_tokens; start += key_block) {
        const long count = key_tokens - start < key_block ? key_tokens - start : key_block;
        NAME(multiply_by_rows)(
            queries, NAME(panels)(count), depth, queries_here, depth, keys_across + start * depth, width * depth,
            scores, key_block, 0);
        NAME(multiply_by_rows)(
            queries, NAME(panels)(count), depth, slopes_here, depth, values_across + start * depth, width * depth,
            score_slopes, key_block, 0);
        for (long i = 0; i < queries; i++) {
          const REAL shift = log_sum[index * query_tokens + first + i], middle = centre[i];
          REAL *restrict row = scores + i * key_block, *restrict slope = score_slopes + i * key_block;
          for (long j = 0; j < count; j++) {
            row[j] = NAME(exp)(row[j] - shift);
            slope[j] = row[j] * (slope[j] - middle);
          }
        }
        NAME(multiply_by_columns)(
            count, NAME(panels)(depth), queries, scores, key_block, slopes_along, width * queries,
            value_sums + start * wide, wide, 1);
        NAME(multiply_by_columns)(
            count, NAME(panels)(depth), queries, score_slopes, key_block, queries_along, width * queries,
            key_sums + start * wide, wide, 1);
        NAME(multiply_by_rows)(
            queries, NAME(panels)(depth), count, score_slopes, key_block, keys_along + start * width,
            width * key_tokens, query_sums, wide, start > 0);
      }
      for (long i = 0; i < queries; i++)
        for (long d = 0; d < depth; d++) d_query[rows + i * stride + d] = query_sums[i * wide + d] * scale;
    }
    for (long j = 0; j < key_tokens; j++) {
      memcpy(d_key + from_key + j * stride, key_sums + j * wide, (size_t)depth * sizeof(REAL));
      memcpy(d_value + from_key + j * stride, value_sums + j * wide, (size_t)depth * sizeof(REAL));
    }
  }
  free(memory);
}

static void NAME(rotary)(
    int backward, const REAL *restrict x, const REAL *restrict cosine, const REAL *restrict sine, REAL *restrict y,
    long tokens, long heads, long depth, long prefix, long begin, long end) {
  const long half = depth / 2;
  for (long index = begin; index < end; index++) {
    const long token = index % tokens;
    const REAL *from = x + index * heads * depth;
    REAL *to = y + index * heads * depth;
    if (token < prefix) {
      memcpy(to, from, (size_t)(heads * depth) * sizeof(REAL));
      continue;
    }
    const REAL *c = cosine + (token - prefix) * depth, *s = sine + (token - prefix) * depth;
    for (long head = 0; head < heads; head++, from += depth, to += depth)
      if (backward)
        for (long d = 0; d < half; d++) {
          to[d] = FMA(from[d], c[d], from[d + half] * s[d + half]);
          to[d + half] = FMA(from[d + half], c[d + half], -(from[d] * s[d]));
        }
      else
        for (long d = 0; d < half; d++) {
          to[d] = FMA(from[d], c[d], -(from[d + half] * s[d]));
          to[d + half] = FMA(from[d + half], c[d + half], from[d] * s[d + half]);
        }
  }
}
