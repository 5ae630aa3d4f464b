#include "Table.h"

#include <string.h>

// The sizes that MatrixProducts.h is compiled with.
typedef struct {
  long height, width, depth;
} tiling;

static long size_of(kernel_type type) { return type == kernel_float32 ? 4 : 8; }

static tiling tiling_of(kernel_type type) {
  const long size = size_of(type);
  switch (kernels_instruction_set()) {
    case instruction_set_avx512: return (tiling){tile_rows_avx512, 2 * 64 / size, 1536 / size};
    case instruction_set_avx2: return (tiling){tile_rows_avx2, 2 * 32 / size, 1536 / size};
    default: return (tiling){tile_rows_baseline, 2 * 16 / size, 1536 / size};
  }
}

product_tile kernel_product_tile(kernel_type type) {
  const tiling t = tiling_of(type);
  return (product_tile){t.height, t.width};
}

static long divided(long count, long by) { return (count + by - 1) / by; }
static long smaller(long a, long b) { return a < b ? a : b; }
static long larger(long a, long b) { return a > b ? a : b; }

// A product of few elements and great depth, such as the gradient by the weights of a map from 24 to 16 channels over all
// pixels: so many parts of the depth are summed by themselves. It depends on the sizes alone; the bits thus don't depend on
// the number of threads.
static long part_count(const matrix_product *product) {
  const long parts = product->depth / 2048;
  const int is_large = product->rows * product->columns > 1 << 12;
  return is_large || parts < 2 || product->activated || product->a_run ? 1 : smaller(parts, 16);
}

static long panels_bytes(const matrix_product *product, const tiling *t, long size) {
  return divided(product->columns, t->width) * t->width * smaller(t->depth, product->depth) * size;
}

long kernel_gemm_scratch(kernel_type type, const matrix_product *product) {
  const long size = size_of(type);
  const tiling t = tiling_of(type);
  const long parts = part_count(product), panels = panels_bytes(product, &t, size);
  return parts == 1 ? panels : parts * (panels + divided(product->rows * product->columns * size, 64) * 64);
}

typedef struct {
  kernel_type type;
  const matrix_product *product;
  void *packed;
  long first, count;
  long row_panels, column_panels;
} block_work;

static void pack(void *context, long begin, long end) {
  const block_work *w = context;
  kernel_gemm_pack(w->type, w->product, w->packed, w->first, w->count, begin, end);
}

static void multiply_rows(void *context, long begin, long end) {
  const block_work *w = context;
  kernel_gemm_block(w->type, w->product, w->packed, w->first, w->count, 0, w->column_panels, begin, end);
}

static void multiply_columns(void *context, long begin, long end) {
  const block_work *w = context;
  kernel_gemm_block(w->type, w->product, w->packed, w->first, w->count, begin, end, 0, w->row_panels);
}

static void multiply(kernel_type type, const matrix_product *product, void *packed, const tiling *t) {
  block_work work = {type, product, packed, 0, 0, divided(product->rows, t->height), divided(product->columns, t->width)};
  const int by_rows = work.row_panels >= work.column_panels || work.row_panels >= 4 * kernels_thread_count();
  const long grain = 1 + (1 << 17) / ((by_rows ? product->columns * t->height : product->rows * t->width) * smaller(t->depth, product->depth) + 1);
  // Few panels of rows would use every panel of columns for little; every chunk of columns packs all rows anew.
  const long rows = larger(grain, smaller(72 / t->height, divided(work.row_panels, kernels_thread_count()))), columns = larger(grain, larger(128 / t->width, divided(work.column_panels, 16)));
  do {
    work.count = smaller(t->depth, product->depth - work.first);
    kernels_parallel_for(work.column_panels, 1 + (1 << 13) / (t->width * (work.count + 1)), pack, &work);
    if (by_rows)
      kernels_parallel_for(work.row_panels, rows, multiply_rows, &work);
    else
      kernels_parallel_for(work.column_panels, columns, multiply_columns, &work);
    work.first += work.count;
  } while (work.first < product->depth);
}

typedef struct {
  kernel_type type;
  const matrix_product *product;
  char *scratch;
  const tiling *t;
  long parts, panels, sums;
} parts_work;

static void multiply_parts(void *context, long begin, long end) {
  const parts_work *w = context;
  for (long part = begin; part < end; part++) {
    const long first = w->product->depth * part / w->parts, last = w->product->depth * (part + 1) / w->parts;
    matrix_product share = *w->product;
    share.depth = last - first;
    share.a.start = (char *)share.a.start + first * share.a_column * size_of(w->type);
    share.b.skipped += first;
    share.accumulate = 0;
    share.bias = 0;
    share.c = (matrix_rows){w->scratch + w->parts * w->panels + part * w->sums, share.columns, one_step, 0, 0, 0, 0};
    multiply(w->type, &share, w->scratch + part * w->panels, w->t);
  }
}

void kernel_gemm(kernel_type type, const matrix_product *product, void *scratch) {
  if (product->rows <= 0 || product->columns <= 0) return;
  const tiling t = tiling_of(type);
  const long parts = part_count(product), size = size_of(type);
  if (parts == 1) {
    multiply(type, product, scratch, &t);
    return;
  }
  parts_work work = {type, product, scratch, &t, parts, panels_bytes(product, &t, size),
                     divided(product->rows * product->columns * size, 64) * 64};
  kernels_parallel_for(parts, 1, multiply_parts, &work);
  kernel_gemm_add_parts(type, product, (char *)scratch + parts * work.panels, work.sums / size, parts);
}
