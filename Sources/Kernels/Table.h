#pragma once

#include "include/Kernels.h"

// One instruction set's kernels.
#define KERNEL_PARAMETERS(...) __VA_ARGS__
typedef struct {
#define REAL float
#define KERNEL(name, parameters, arguments) void(*name##_f32) parameters;
#include "include/KernelList.h"
#undef KERNEL
#undef REAL
#define REAL double
#define KERNEL(name, parameters, arguments) void(*name##_f64) parameters;
#include "include/KernelList.h"
#undef KERNEL
#undef REAL
} kernel_table;
#undef KERNEL_PARAMETERS

extern const kernel_table kernel_table_baseline, kernel_table_avx2, kernel_table_avx512;

// The rows of a tile of a matrix product (see MatrixProducts.h): as many as leave room for the operands among the registers.
#if defined(__aarch64__)
enum { tile_rows_baseline = 8 };
#else
enum { tile_rows_baseline = 6 };
#endif
enum { tile_rows_avx2 = 6, tile_rows_avx512 = 12 };

// Where row i of a matrix lies, in elements after its start.
static inline long row_place(const matrix_rows *rows, long i) {
  i += rows->skipped;
  if (i < rows->inner) return i * rows->step;
  const long line = i / rows->inner, place = i % rows->inner * rows->step;
  if (rows->lines == 0) return line * rows->line_step + place;
  return line / rows->lines * rows->image_step + line % rows->lines * rows->line_step + place;
}

// The same of `count` rows from i on, without a division for each.
static inline void row_places(const matrix_rows *rows, long i, long count, long *places) {
  const long inner = rows->inner, step = rows->step;
  for (long done = 0; done < count;) {
    const long column = (i + done + rows->skipped) % inner;
    const long here = inner - column < count - done ? inner - column : count - done;
    const long place = row_place(rows, i + done);
    for (long k = 0; k < here; k++) places[done + k] = place + k * step;
    done += here;
  }
}

// The instruction set that this thread uses instead of the program's; -1 for none.
extern _Thread_local int kernels_set_here;

// Marks this thread as inside a loop, as one of its threads; returns what to leave it with.
int kernels_enter_loop(int slot);
void kernels_leave_loop(int before);
