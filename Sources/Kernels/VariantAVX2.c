#include "Prologue.h"

#if defined(__x86_64__)
#define VECTOR_BYTES 32
#define TILE_ROWS tile_rows_avx2
#define TABLE kernel_table_avx2
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#include "Families.h"
#pragma clang attribute pop
#endif
