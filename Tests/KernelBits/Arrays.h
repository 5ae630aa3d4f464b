// Drawn arrays, and digests of what becomes of them.
#pragma once

#pragma STDC FP_CONTRACT OFF

#include "Kernels.h"
#include "include/KernelBits.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// What one run of all cases shares.
typedef struct {
  kernel_type type;
  void (*report)(void *context, const char *name, uint64_t digest);
  void *context;
  uint64_t state;
  void *blocks[64];
  int block_count;
} bits_run;

static inline long bytes_of(const bits_run *run) { return run->type == kernel_float32 ? 4 : 8; }

// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
static inline uint64_t next_bits(bits_run *run) {
  uint64_t z = run->state += 0x9E3779B97F4A7C15u;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  return z ^ z >> 31;
}

static inline void *blank(bits_run *run, long bytes) {
  void *block = aligned_alloc(64, (size_t)(bytes + 64) / 64 * 64);
  if (!block || run->block_count == 64) abort();
  memset(block, 0, (size_t)(bytes + 64) / 64 * 64);
  return run->blocks[run->block_count++] = block;
}

// So many elements, zero.
static inline void *zeros(bits_run *run, long count) { return blank(run, count * bytes_of(run)); }

// Between `low` and `high`, exact steps of both types.
static inline void *drawn_between(bits_run *run, long count, double low, double high) {
  void *values = zeros(run, count);
  for (long i = 0; i < count; i++) {
    if (run->type == kernel_float32)
      ((float *)values)[i] = (float)low + (float)(high - low) * ((float)(next_bits(run) >> 40) * 0x1p-24f);
    else
      ((double *)values)[i] = low + (high - low) * ((double)(next_bits(run) >> 11) * 0x1p-53);
  }
  return values;
}

static inline void *drawn(bits_run *run, long count) { return drawn_between(run, count, -2, 2); }

// Whole numbers from `low` to `high` - 1.
static inline int *drawn_labels(bits_run *run, long count, int low, int high) {
  int *labels = blank(run, count * 4);
  for (long i = 0; i < count; i++) labels[i] = low + (int)(next_bits(run) % (uint64_t)(high - low));
  return labels;
}

// FNV-1a (Fowler, Noll and Vo) over words of four bytes.
static inline uint64_t digest_of(const void *values, long bytes) {
  uint64_t digest = 0xCBF29CE484222325u;
  for (long i = 0; i < bytes / 4; i++) {
    uint32_t word;
    memcpy(&word, (const char *)values + 4 * i, 4);
    digest = (digest ^ word) * 0x100000001B3u;
  }
  return digest;
}

static inline void report_bytes(bits_run *run, const char *name, const void *values, long bytes) {
  char full[96];
  snprintf(full, sizeof full, "%s/%s", name, run->type == kernel_float32 ? "float32" : "float64");
  run->report(run->context, full, digest_of(values, bytes));
}

static inline void report(bits_run *run, const char *name, const void *values, long count) {
  report_bytes(run, name, values, count * bytes_of(run));
}

static inline void give_back(bits_run *run) {
  while (run->block_count > 0) free(run->blocks[--run->block_count]);
}

// One family's cases.
void bits_of_rows(bits_run *run);
void bits_of_elements(bits_run *run);
void bits_of_images(bits_run *run);
void bits_of_losses(bits_run *run);
void bits_of_products(bits_run *run);
