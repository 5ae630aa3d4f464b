// Attention in tiles: the scores of one block of queries against one block of keys at a time, never all (Dao et al.,
// "FlashAttention", 2022); the backward pass computes them again from the saved logarithms of the sums.

enum { NAME(attention_key_block) = 256 };

#if IS_FLOAT
#define GEMM cblas_sgemm
#else
#define GEMM cblas_dgemm
#endif

static void NAME(attention_forward)(
    const attention_shape *shape, const REAL *query, const REAL *key, const REAL *value, REAL *output,
    REAL *log_sum, long begin, long end) {
  enum { key_block = NAME(attention_key_block), query_block = attention_query_block };
  const long depth = shape->depth, stride = shape->heads * depth;
  const long blocks = (shape->query_tokens + query_block - 1) / query_block;
  REAL *scaled = malloc((size_t)(query_block * (2 * depth + key_block)) * sizeof(REAL));
  REAL *result = scaled + query_block * depth, *scores = result + query_block * depth;
  for (long index = begin; index < end; index++) {
    const long block = index % blocks, head = index / blocks % shape->heads, item = index / blocks / shape->heads;
    const long first = block * query_block;
    const long queries = shape->query_tokens - first < query_block ? shape->query_tokens - first : query_block;
    const long place = (item * shape->query_tokens + first) * stride + head * depth;
    const REAL *keys = key + item * shape->key_tokens * stride + head * depth;
    const REAL *values = value + item * shape->key_tokens * stride + head * depth;
    REAL greatest[query_block], sum[query_block];
    for (long i = 0; i < queries; i++) {
      greatest[i] = -INFINITY;
      sum[i] = 0;
      for (long d = 0; d < depth; d++) {
        scaled[i * depth + d] = query[place + i * stride + d] * (REAL)shape->scale;
        result[i * depth + d] = 0;
      }
    }
    for (long start = 0; start < shape->key_tokens; start += key_block) {
      const long count = shape->key_tokens - start < key_block ? shape->key_tokens - start : key_block;
      GEMM(CblasRowMajor, CblasNoTrans, CblasTrans, (int)queries, (int)count, (int)depth, 1, scaled, (int)depth,
           keys + start * stride, (int)stride, 0, scores, key_block);
      for (long i = 0; i < queries; i++) {
        REAL *row = scores + i * key_block;
        const REAL here = NAME(row_maximum)(row, count);
        const REAL now = here > greatest[i] ? here : greatest[i];
        const REAL correction = NAME(exp)(greatest[i] - now);
        REAL total = 0;
        for (long j = 0; j < count; j++) {
          row[j] = NAME(exp)(row[j] - now);
          total += row[j];
        }
        sum[i] = sum[i] * correction + total;
        greatest[i] = now;
        if (correction != 1)
          for (long d = 0; d < depth; d++) result[i * depth + d] *= correction;
      }
      GEMM(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)queries, (int)depth, (int)count, 1, scores, key_block,
           values + start * stride, (int)stride, 1, result, (int)depth);
    }
    for (long i = 0; i < queries; i++) {
      const REAL factor = 1 / sum[i];
      for (long d = 0; d < depth; d++) output[place + i * stride + d] = result[i * depth + d] * factor;
      if (log_sum)
        log_sum[(item * shape->heads + head) * shape->query_tokens + first + i] =
            greatest[i] + (REAL)log((double)sum[i]);
    }
  }
  free(scaled);
}

static void NAME(attention_backward)(
    const attention_shape *shape, const REAL *query, const REAL *key, const REAL *value, const REAL *output,
    const REAL *log_sum, const REAL *g, REAL *d_query, REAL *d_key, REAL *d_value, long begin, long end) {
  enum { key_block = NAME(attention_key_block), query_block = attention_query_block };
  const long depth = shape->depth, stride = shape->heads * depth;
  const long query_tokens = shape->query_tokens, key_tokens = shape->key_tokens;
  REAL *scores = malloc((size_t)(2 * query_block * key_block + query_tokens) * sizeof(REAL));
  REAL *slopes = scores + query_block * key_block, *delta = slopes + query_block * key_block;
  for (long index = begin; index < end; index++) {
    const long head = index % shape->heads, item = index / shape->heads;
    const long from_query = item * query_tokens * stride + head * depth;
    const long from_key = item * key_tokens * stride + head * depth;
    for (long i = 0; i < query_tokens; i++) {
      REAL product = 0;
      for (long d = 0; d < depth; d++) product += g[from_query + i * stride + d] * output[from_query + i * stride + d];
      delta[i] = product;
      memset(d_query + from_query + i * stride, 0, (size_t)depth * sizeof(REAL));
    }
    for (long j = 0; j < key_tokens; j++) {
      memset(d_key + from_key + j * stride, 0, (size_t)depth * sizeof(REAL));
      memset(d_value + from_key + j * stride, 0, (size_t)depth * sizeof(REAL));
    }
    for (long start = 0; start < key_tokens; start += key_block) {
      const long count = key_tokens - start < key_block ? key_tokens - start : key_block;
      const long keys = from_key + start * stride;
      for (long first = 0; first < query_tokens; first += query_block) {
        const long queries = query_tokens - first < query_block ? query_tokens - first : query_block;
        const long rows = from_query + first * stride;
        GEMM(CblasRowMajor, CblasNoTrans, CblasTrans, (int)queries, (int)count, (int)depth, (REAL)shape->scale,
             query + rows, (int)stride, key + keys, (int)stride, 0, scores, key_block);
        GEMM(CblasRowMajor, CblasNoTrans, CblasTrans, (int)queries, (int)count, (int)depth, 1, g + rows, (int)stride,
             value + keys, (int)stride, 0, slopes, key_block);
        for (long i = 0; i < queries; i++) {
          const REAL shift = log_sum[index * query_tokens + first + i], centre = delta[first + i];
          REAL *row = scores + i * key_block, *slope = slopes + i * key_block;
          for (long j = 0; j < count; j++) {
            row[j] = NAME(exp)(row[j] - shift);
            slope[j] = row[j] * (slope[j] - centre) * (REAL)shape->scale;
          }
        }
        GEMM(CblasRowMajor, CblasTrans, CblasNoTrans, (int)count, (int)depth, (int)queries, 1, scores, key_block,
             g + rows, (int)stride, 1, d_value + keys, (int)stride);
        GEMM(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)queries, (int)depth, (int)count, 1, slopes, key_block,
             key + keys, (int)stride, 1, d_query + rows, (int)stride);
        GEMM(CblasRowMajor, CblasTrans, CblasNoTrans, (int)count, (int)depth, (int)queries, 1, slopes, key_block,
             query + rows, (int)stride, 1, d_key + keys, (int)stride);
      }
    }
  }
  free(scores);
}
#undef GEMM

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
          to[d] = from[d] * c[d] + from[d + half] * s[d + half];
          to[d + half] = from[d + half] * c[d + half] - from[d] * s[d];
        }
      else
        for (long d = 0; d < half; d++) {
          to[d] = from[d] * c[d] - from[d + half] * s[d];
          to[d + half] = from[d + half] * c[d + half] + from[d] * s[d + half];
        }
  }
}
