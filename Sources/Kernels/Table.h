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

// The instruction set that this thread uses instead of the program's; -1 for none.
extern _Thread_local int kernels_set_here;
