// All kernels for float and for double, then the table that names them. Included once for every instruction set, so without
// a guard.

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define NAME(name) JOIN(name, SUFFIX)

// What is written is what is computed, so that the bits are the same with every instruction set.
#pragma clang fp reassociate(off) contract(off)

#define REAL float
#define SUFFIX _f32
#define IS_FLOAT 1
#include "Families/All.h"
#undef REAL
#undef SUFFIX
#undef IS_FLOAT

#define REAL double
#define SUFFIX _f64
#define IS_FLOAT 0
#include "Families/All.h"
#undef REAL
#undef SUFFIX
#undef IS_FLOAT

const kernel_table TABLE = {
#define KERNEL(name, parameters, arguments) .name##_f32 = name##_f32, .name##_f64 = name##_f64,
#include "include/KernelList.h"
#undef KERNEL
};
