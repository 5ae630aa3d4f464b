#pragma once

#include "include/Kernels.h"

typedef void loop_body(void *context, long begin, long end);

// A loop over 0 ..< count.
typedef struct {
  long count;
  int chunks;
  loop_body *body;
  void *context;
} chunked_loop;

// Where a chunk begins, and the one before it ends: long chunks at multiples of what vectors take.
static inline long chunk_begin(long count, int chunks, int index) {
  const long begin = count * index / chunks;
  return count / chunks < 256 || index == chunks ? begin : begin / 64 * 64;
}

enum { pool_most_threads = 256, pool_most_chunks = 256 };

// Computes the loop on up to `threads` threads, this one among them; 0 when another thread's loop has the pool.
// `cores`: how many of them and of the program's other threads (kernels_begin_other_work) may compute at once. `is_worth_waking`:
// whether threads that sleep are woken for it.
int pool_run(const chunked_loop *loop, int threads, int cores, int is_worth_waking);

// Lets the threads that wait for a loop sleep at once.
void pool_rest(void);
