// Deformable attention (Zhu et al., "Deformable DETR", 2021): every query reads a few points of one or several maps, between
// their pixels. Pixel centres lie at half-integers, and what lies outside of a map is zero.

// The four pixels around a point of a map: their indices among the map's tokens, -1 outside, and their bilinear weights.
typedef struct {
  long token[4];
  REAL share[4], right, down;
} NAME(corners);

// Whether the point touches the map at all; a point that is not a number doesn't.
static inline int NAME(find_corners)(REAL x, REAL y, long height, long width, long first, NAME(corners) * found) {
  const REAL column = FMA(x, (REAL)width, (REAL)-0.5), row = FMA(y, (REAL)height, (REAL)-0.5);
  if (!(column > -1 && column < (REAL)width && row > -1 && row < (REAL)height)) return 0;
  const long left = (long)column - (column < 0), top = (long)row - (row < 0);
  const REAL right = column - (REAL)left, down = row - (REAL)top;
  for (int corner = 0; corner < 4; corner++) {
    const long i = top + corner / 2, j = left + corner % 2;
    found->token[corner] = i >= 0 && i < height && j >= 0 && j < width ? first + i * width + j : -1;
    found->share[corner] = (corner / 2 ? down : 1 - down) * (corner % 2 ? right : 1 - right);
  }
  found->right = right;
  found->down = down;
  return 1;
}

static void NAME(deformable_forward)(
    const deformable_shape *shape, const REAL *restrict value, const REAL *restrict place,
    const REAL *restrict weight, REAL *restrict output, long begin, long end) {
  const long heads = shape->heads, depth = shape->depth, points = shape->points, samples = shape->levels * points;
  for (long index = begin; index < end; index++) {
    const REAL *values = value + index / shape->queries * shape->tokens * heads * depth;
    for (long head = 0; head < heads; head++) {
      REAL *restrict to = output + (index * heads + head) * depth;
      memset(to, 0, (size_t)depth * sizeof(REAL));
      long first = 0;
      for (long s = 0; s < samples; s++) {
        const long *size = shape->sizes + s / points * 2;
        const long sample = (index * heads + head) * samples + s;
        NAME(corners) found;
        if (NAME(find_corners)(place[2 * sample], place[2 * sample + 1], size[0], size[1], first, &found))
          for (int corner = 0; corner < 4; corner++) {
            if (found.token[corner] < 0) continue;
            const REAL factor = weight[sample] * found.share[corner];
            const REAL *restrict from = values + (found.token[corner] * heads + head) * depth;
            for (long d = 0; d < depth; d++) to[d] = FMA(factor, from[d], to[d]);
          }
        if (s % points == points - 1) first += size[0] * size[1];
      }
    }
  }
}

// Σ x y; z += factor x on the way.
INLINED REAL NAME(product_and_step)(
    const REAL *restrict x, const REAL *restrict y, REAL factor, REAL *restrict z, long n) {
  WIDE sum[2] = {(WIDE)0, (WIDE)0};
#define STEP(GET)                                                                                        \
  for (int half = 0; half < 2; half++) {                                                                 \
    const long at = i + half * WIDTH;                                                                    \
    const WIDE v = GET(x, at, n, 0);                                                                     \
    sum[half] = FMA(v, GET(y, at, n, 0), sum[half]);                                                     \
    PUT_##GET(z, at, n, FMA((WIDE)factor, v, GET(z, at, n, 0)));                                         \
  }
  BY_PIECES(0, n, 2, STEP)
#undef STEP
  return NAME(lane_sum)(sum[0] + sum[1]);
}

// The range counts (item, head): each owns its part of every gradient.
static void NAME(deformable_backward)(
    const deformable_shape *shape, const REAL *restrict value, const REAL *restrict place,
    const REAL *restrict weight, const REAL *restrict g, REAL *restrict d_value, REAL *restrict d_place,
    REAL *restrict d_weight, long begin, long end) {
  const long heads = shape->heads, depth = shape->depth, points = shape->points, samples = shape->levels * points;
  for (long index = begin; index < end; index++) {
    const long item = index / heads, head = index % heads;
    const REAL *values = value + item * shape->tokens * heads * depth;
    REAL *d_values = d_value + item * shape->tokens * heads * depth;
    for (long token = 0; token < shape->tokens; token++)
      memset(d_values + (token * heads + head) * depth, 0, (size_t)depth * sizeof(REAL));
    for (long query = 0; query < shape->queries; query++) {
      const long row = (item * shape->queries + query) * heads + head;
      const REAL *restrict slope = g + row * depth;
      long first = 0;
      for (long s = 0; s < samples; s++) {
        const long *size = shape->sizes + s / points * 2;
        const long sample = row * samples + s;
        NAME(corners) found;
        REAL by_weight = 0, by_x = 0, by_y = 0;
        if (NAME(find_corners)(place[2 * sample], place[2 * sample + 1], size[0], size[1], first, &found)) {
          REAL product[4] = {0};
          for (int corner = 0; corner < 4; corner++) {
            if (found.token[corner] < 0) continue;
            const long at = (found.token[corner] * heads + head) * depth;
            const REAL *restrict from = values + at;
            REAL *restrict to = d_values + at;
            const REAL factor = weight[sample] * found.share[corner];
            product[corner] = NAME(product_and_step)(slope, from, factor, to, depth);
            by_weight = FMA(found.share[corner], product[corner], by_weight);
          }
          by_x = FMA(1 - found.down, product[1] - product[0], found.down * (product[3] - product[2]));
          by_y = FMA(1 - found.right, product[2] - product[0], found.right * (product[3] - product[1]));
        }
        d_weight[sample] = by_weight;
        d_place[2 * sample] = weight[sample] * (REAL)size[1] * by_x;
        d_place[2 * sample + 1] = weight[sample] * (REAL)size[0] * by_y;
        if (s % points == points - 1) first += size[0] * size[1];
      }
    }
  }
}
