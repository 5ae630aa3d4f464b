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
  return i < rows->inner ? i * rows->step : i / rows->inner * rows->outer_step + i % rows->inner * rows->step;
}

// The instruction set that this thread uses instead of the program's; -1 for none.
extern _Thread_local int kernels_set_here;

// Marks this thread as inside a loop, as one of its threads; returns what to leave it with.
int kernels_enter_loop(int slot);
void kernels_leave_loop(int before);
