#include "Prologue.h"

#if defined(__x86_64__)
#define VECTOR_BYTES 64
#define TILE_ROWS tile_rows_avx512
#define TABLE kernel_table_avx512
#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx2,fma"))), apply_to = function)
#include "Families.h"
#pragma clang attribute pop
#endif
