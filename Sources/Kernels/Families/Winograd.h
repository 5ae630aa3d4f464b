// Convolutions by kernels of 3 x 3, stride 1, with Winograd's minimal filtering F(2 x 2, 3 x 3) (Lavin and Gray, "Fast algorithms
// for convolutional neural networks", 2016): two by two results y of a patch d [4, 4] of the image and a kernel g are
//
//   y = A' [(G g G') * (B' d B)] A,   B' = 1  0 -1  0   G = 1    0    0     A' = 1  1  1  0
//                                          0  1  1  0       1/2  1/2  1/2        0  1 -1 -1
//                                          0 -1  1  0       1/2 -1/2  1/2
//                                          0  1  0 -1       0    0    1
//
// with 16 multiplications in place of 36. Summed over channels, the products * are matrix products, one for each of the 16
// positions: [tiles, inputs] by [inputs, outputs]. The gradients are the same steps backwards: by the image a convolution by the
// kernel turned around, by the kernel G' [Σ over tiles (A dy A') * (B' d B)] G.
//
// Channels come in eights, and two of these, a line of the cache, together. Arrays of positions have the 16 of them `step` elements
// apart. Tiles are taken a row of the image at a time, all of its tiles for some channels before the next channels.

// Consecutive tiles of one row of tiles: the place of the first one's corner and where its patch begins in the image.
typedef struct {
  long count, corner, y, x;
} NAME(tile_run);

static inline NAME(tile_run) NAME(run_of)(const winograd_image *image, long tile, long end) {
  const long each = image->down * image->across, column = tile % image->across;
  const long y = tile % each / image->across * 2 - image->top, x = column * 2 - image->left;
  const long count = image->across - column < end - tile ? image->across - column : end - tile;
  const long start = tile / each * image->channels * image->height * image->width;
  return (NAME(tile_run)){count, start + (y * image->width + x) * image->channels, y, x};
}

static inline int NAME(is_within)(const winograd_image *image, long y, long x, long size) {
  return y >= 0 && x >= 0 && y + size <= image->height && x + size <= image->width;
}

// Eight channels of the pixels [size, size] at (y, x), with zeros beyond the image.
static __attribute__((noinline)) void NAME(copy_edge)(
    const winograd_image *image, const REAL *from, long y, long x, int size, EIGHT *edge) {
  for (int i = 0; i < size; i++)
    for (int j = 0; j < size; j++) {
      const int there = y + i >= 0 && y + i < image->height && x + j >= 0 && x + j < image->width;
      edge[i * size + j] = there ? LOAD_EIGHT(from + (i * image->width + j) * image->channels) : (EIGHT){0};
    }
}

static inline __attribute__((always_inline)) void NAME(store_patch_row)(const EIGHT row[4], REAL *to, long step) {
  STORE_EIGHT(to, row[0] - row[2]);
  STORE_EIGHT(to + step, row[1] + row[2]);
  STORE_EIGHT(to + 2 * step, row[2] - row[1]);
  STORE_EIGHT(to + 3 * step, row[1] - row[3]);
}

// B' d B of eight channels; the rows in the middle serve twice each.
static inline __attribute__((always_inline)) void NAME(transform_patch)(
    const REAL *from, long row_step, long column_step, REAL *to, long step) {
  EIGHT second[4], third[4], row[4];
  const REAL *line = from + row_step;
#pragma clang loop unroll(full)
  for (int j = 0; j < 4; j++) second[j] = LOAD_EIGHT(line + j * column_step);
  line += row_step;
#pragma clang loop unroll(full)
  for (int j = 0; j < 4; j++) third[j] = LOAD_EIGHT(line + j * column_step);
#pragma clang loop unroll(full)
  for (int j = 0; j < 4; j++) row[j] = LOAD_EIGHT(from + j * column_step) - third[j];
  NAME(store_patch_row)(row, to, step);
  to += 4 * step;
#pragma clang loop unroll(full)
  for (int j = 0; j < 4; j++) row[j] = second[j] + third[j];
  NAME(store_patch_row)(row, to, step);
  to += 4 * step;
#pragma clang loop unroll(full)
  for (int j = 0; j < 4; j++) row[j] = third[j] - second[j];
  NAME(store_patch_row)(row, to, step);
  to += 4 * step;
  line += row_step;
#pragma clang loop unroll(full)
  for (int j = 0; j < 4; j++) row[j] = second[j] - LOAD_EIGHT(line + j * column_step);
  NAME(store_patch_row)(row, to, step);
}

// v[position][tile, channel] = B' d B for the patches of tiles begin ..< end; tile `begin` lies at v. Panels of tile_columns
// channels are panel_step apart, tiles `pitch`; tiles from image->tiles on are zero.
static void NAME(winograd_patches)(
    const winograd_image *image, const REAL *x, REAL *v, long step, long pitch, long panel_step, long begin, long end) {
  enum { width = NAME(tile_columns), eight = 8 };
  const long last = end < image->tiles ? end : image->tiles;
  const long column_step = image->channels, row_step = image->width * column_step;
  NAME(tile_run) run;
  for (long tile = begin; tile < last; tile += run.count, v += run.count * pitch) {
    run = NAME(run_of)(image, tile, last);
    for (long channel = 0; channel < image->channels; channel += 2 * eight) {
      const REAL *first = x + run.corner + channel;
      REAL *to = v + channel / width * panel_step + channel % width;
      // A panel may be as narrow as eight channels.
      const long second_to = (channel + eight) / width * panel_step + (channel + eight) % width - (to - v);
      for (long t = 0; t < run.count; t++, first += 2 * column_step, to += pitch) {
        if (__builtin_expect(NAME(is_within)(image, run.y, run.x + 2 * t, 4), 1)) {
          NAME(transform_patch)(first, row_step, column_step, to, step);
          NAME(transform_patch)(first + eight, row_step, column_step, to + second_to, step);
        } else
          for (int half = 0; half < 2; half++) {
            EIGHT edge[16];
            NAME(copy_edge)(image, first + half * eight, run.y, run.x + 2 * t, 4, edge);
            NAME(transform_patch)((const REAL *)edge, 4 * eight, eight, to + half * second_to, step);
          }
      }
    }
  }
  for (long tile = last > begin ? last : begin; tile < end; tile++, v += pitch)
    for (long channel = 0; channel < image->channels; channel += eight)
      for (int position = 0; position < 16; position++)
        STORE_EIGHT(v + position * step + channel / width * panel_step + channel % width, (EIGHT){0});
}

// A dy A' of eight channels.
static inline __attribute__((always_inline)) void NAME(transform_slopes)(
    const REAL *from, long row_step, long column_step, REAL *to, long step) {
  const EIGHT d[2][2] = {{LOAD_EIGHT(from), LOAD_EIGHT(from + column_step)},
                         {LOAD_EIGHT(from + row_step), LOAD_EIGHT(from + row_step + column_step)}};
  const EIGHT rows[4][2] = {{d[0][0], d[0][1]},
                            {d[0][0] + d[1][0], d[0][1] + d[1][1]},
                            {d[0][0] - d[1][0], d[0][1] - d[1][1]},
                            {-d[1][0], -d[1][1]}};
#pragma clang loop unroll(full)
  for (int i = 0; i < 4; i++, to += 4 * step) {
    STORE_EIGHT(to, rows[i][0]);
    STORE_EIGHT(to + step, rows[i][0] + rows[i][1]);
    STORE_EIGHT(to + 2 * step, rows[i][0] - rows[i][1]);
    STORE_EIGHT(to + 3 * step, -rows[i][1]);
  }
}

// z[position][tile, channel] = A dy A' for the gradient dy [2, 2] of the results of tiles begin ..< end.
static void NAME(winograd_slopes)(
    const winograd_image *image, const REAL *dy, REAL *z, long step, long pitch, long begin, long end) {
  enum { eight = 8 };
  const long column_step = image->channels, row_step = image->width * column_step;
  NAME(tile_run) run;
  for (long tile = begin; tile < end; tile += run.count, z += run.count * pitch) {
    run = NAME(run_of)(image, tile, end);
    for (long channel = 0; channel < image->channels; channel += 2 * eight) {
      const REAL *first = dy + run.corner + channel;
      REAL *to = z + channel;
      for (long t = 0; t < run.count; t++, first += 2 * column_step, to += pitch) {
        if (__builtin_expect(NAME(is_within)(image, run.y, run.x + 2 * t, 2), 1)) {
          NAME(transform_slopes)(first, row_step, column_step, to, step);
          NAME(transform_slopes)(first + eight, row_step, column_step, to + eight, step);
        } else
          for (int half = 0; half < 2; half++) {
            EIGHT edge[4];
            NAME(copy_edge)(image, first + half * eight, run.y, run.x + 2 * t, 2, edge);
            NAME(transform_slopes)((const REAL *)edge, 2 * eight, eight, to + half * eight, step);
          }
      }
    }
  }
}

// y = A' m A + bias for tiles begin ..< end, m [tiles, channels] at each position, of which tile `begin` lies at m.
static void NAME(winograd_results)(
    const winograd_image *image, const REAL *m, long step, long pitch, const REAL *bias, REAL *y, long begin, long end) {
  enum { pair = 16 };
  const long column_step = image->channels, row_step = image->width * column_step;
  NAME(tile_run) run;
  for (long tile = begin; tile < end; tile += run.count, m += run.count * pitch) {
    run = NAME(run_of)(image, tile, end);
    const int rows_there = run.y + 2 <= image->height ? 2 : 1;
    for (long channel = 0; channel < image->channels; channel += pair) {
      const long places[2] = {channel, channel + 8};
      const REAL *first = m + channel;
      for (long t = 0; t < run.count; t++, first += pitch)
        for (int half = 0; half < 2; half++) {
          const REAL *from = first + 8 * half;
          const EIGHT shift = bias ? LOAD_EIGHT(bias + channel + 8 * half) : (EIGHT){0};
          EIGHT rows[2][4];
          for (int j = 0; j < 4; j++, from += step) {
            const EIGHT second = LOAD_EIGHT(from + 4 * step), third = LOAD_EIGHT(from + 8 * step);
            rows[0][j] = LOAD_EIGHT(from) + second + third;
            rows[1][j] = second - third - LOAD_EIGHT(from + 12 * step);
          }
          REAL *to = y + (run.corner + 2 * t * column_step + places[half]);
          const int columns_there = run.x + 2 * t + 2 <= image->width ? 2 : 1;
          for (int i = 0; i < rows_there; i++, to += row_step) {
            STORE_EIGHT(to, rows[i][0] + rows[i][1] + rows[i][2] + shift);
            if (columns_there == 2) STORE_EIGHT(to + column_step, rows[i][1] - rows[i][2] - rows[i][3] + shift);
          }
        }
    }
  }
}

// u[position] = G g G' as panels begin ..< end of tile_columns columns, each [depth, tile_columns]. The kernel of (depth k, column n)
// lies at g + k depth_step + n column_step, and is turned around where said.
static void NAME(winograd_kernels)(
    const REAL *g, long depth_step, long column_step, int turned, long depth, REAL *u, long step, long begin, long end) {
  enum { width = NAME(tile_columns) };
  for (long panel = begin; panel < end; panel++)
    for (long k = 0; k < depth; k++)
      for (long part = 0; part < width; part += 8) {
        const REAL *from = g + k * depth_step + (panel * width + part) * column_step;
        EIGHT taps[9], rows[4][3];
        for (int i = 0; i < 8; i++) {
          taps[i] = LOAD_EIGHT(from + i * column_step);
          taps[8][i] = from[i * column_step + 8];
        }
        NAME(transpose_eight)(taps);
        if (turned)
          for (int i = 0; i < 4; i++) {
            const EIGHT kept = taps[i];
            taps[i] = taps[8 - i];
            taps[8 - i] = kept;
          }
        for (int j = 0; j < 3; j++) {
          const EIGHT ends = taps[j] + taps[6 + j];
          rows[0][j] = taps[j];
          rows[1][j] = (REAL)0.5 * (ends + taps[3 + j]);
          rows[2][j] = (REAL)0.5 * (ends - taps[3 + j]);
          rows[3][j] = taps[6 + j];
        }
        REAL *to = u + (panel * depth + k) * width + part;
        for (int i = 0; i < 4; i++, to += 4 * step) {
          const EIGHT ends = rows[i][0] + rows[i][2];
          STORE_EIGHT(to, rows[i][0]);
          STORE_EIGHT(to + step, (REAL)0.5 * (ends + rows[i][1]));
          STORE_EIGHT(to + 2 * step, (REAL)0.5 * (ends - rows[i][1]));
          STORE_EIGHT(to + 3 * step, rows[i][2]);
        }
      }
}

// dg = G' du G for the outputs begin ..< end; du [outputs, inputs] at each position, dg [outputs, inputs, 3, 3].
static void NAME(winograd_kernel_slopes)(const REAL *du, long step, long inputs, REAL *dg, long begin, long end) {
  for (long output = begin; output < end; output++)
    for (long input = 0; input < inputs; input += 8) {
      const REAL *from = du + output * inputs + input;
      EIGHT rows[3][4], taps[9];
      for (int j = 0; j < 4; j++, from += step) {
        const EIGHT second = LOAD_EIGHT(from + 4 * step), third = LOAD_EIGHT(from + 8 * step);
        const EIGHT both = (REAL)0.5 * (second + third);
        rows[0][j] = LOAD_EIGHT(from) + both;
        rows[1][j] = (REAL)0.5 * (second - third);
        rows[2][j] = both + LOAD_EIGHT(from + 12 * step);
      }
      for (int i = 0; i < 3; i++) {
        const EIGHT both = (REAL)0.5 * (rows[i][1] + rows[i][2]);
        taps[3 * i] = rows[i][0] + both;
        taps[3 * i + 1] = (REAL)0.5 * (rows[i][1] - rows[i][2]);
        taps[3 * i + 2] = both + rows[i][3];
      }
      NAME(transpose_eight)(taps);
      REAL *to = dg + (output * inputs + input) * 9;
      for (int i = 0; i < 8; i++) {
        STORE_EIGHT(to + i * 9, taps[i]);
        to[i * 9 + 8] = taps[8][i];
      }
    }
}

// m = v u at positions begin ..< end: v [rows, depth], the rows a multiple of tile_rows, u in `panels` panels, aligned to a vector.
static void NAME(winograd_products)(
    const REAL *v, long v_step, long v_pitch, const REAL *u, long u_step, REAL *m, long m_step, long m_pitch, long rows,
    long depth, long panels, long begin, long end) {
  for (long position = begin; position < end; position++)
    NAME(multiply_by_rows)(
        rows, panels, depth, v + position * v_step, v_pitch, u + position * u_step, NAME(tile_columns) * depth,
        m + position * m_step, m_pitch, 0);
}

// du += z' v at positions begin ..< end: z [tiles, outputs] with whole tile_rows of columns, v in panels [tiles, tile_columns] of
// inputs, aligned to a vector. d_bias += the sums of the results' gradients, which are z's at one of the positions; it may be null.
static void NAME(winograd_kernel_products)(
    const REAL *z, long z_step, long z_pitch, const REAL *v, long v_step, long v_panel_step, REAL *du, long du_step,
    REAL *d_bias, long tiles, long inputs, long outputs, long begin, long end) {
  for (long position = begin; position < end; position++) {
    const REAL *here = z + position * z_step;
    NAME(multiply_by_columns)(
        outputs, inputs / NAME(tile_columns), tiles, here, z_pitch, v + position * v_step, v_panel_step,
        du + position * du_step, inputs, 1);
    if (position == 5 && d_bias)
      for (long tile = 0; tile < tiles; tile++)
        for (long c = 0; c < outputs; c++) d_bias[c] += here[tile * z_pitch + c];
  }
}
