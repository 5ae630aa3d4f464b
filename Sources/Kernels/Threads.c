#include "Pool.h"
#include "Table.h"

// libgomp's own entry points, for OpenBLAS's teams; loops have a pool of their own (Pool.c).
int omp_get_max_threads(void);
int omp_get_num_procs(void);
void omp_set_num_threads(int count);

static int chosen_threads = 0;
static _Thread_local int threads_here = 0;
_Thread_local int kernels_set_here = -1;
// Where this thread computes a loop's chunk: one more than its slot.
static _Thread_local int place_here = 0;

int kernels_override(int set, int threads) {
  if (set > (int)kernels_best_instruction_set()) return 0;
  kernels_set_here = set;
  threads_here = threads;
  return 1;
}

int kernels_thread_count(void) {
  if (threads_here > 0) return threads_here;
  int count = __atomic_load_n(&chosen_threads, __ATOMIC_RELAXED);
  if (count <= 0) {
    // Asked once, before any thread's own count has been changed below.
    count = omp_get_max_threads();
    int expected = 0;
    if (!__atomic_compare_exchange_n(&chosen_threads, &expected, count, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
      count = expected;
  }
  return count;
}

void kernels_set_thread_count(int count) {
  if (count > 0) __atomic_store_n(&chosen_threads, count, __ATOMIC_RELAXED);
}

// OpenMP keeps the count for each thread of the program.
void kernels_adopt_thread_count(void) {
  const int count = kernels_thread_count(), here = place_here > 0 ? 1 : count;
  if (omp_get_max_threads() != here) omp_set_num_threads(here);
  if (here > 1) pool_rest();
}

int kernels_slot(void) { return place_here > 0 ? place_here - 1 : 0; }

int kernels_enter_loop(int slot) {
  const int before = place_here;
  place_here = slot + 1;
  return before;
}

void kernels_leave_loop(int before) { place_here = before; }

// The chunks depend on the sizes alone, never on the threads: at least `chunk` each and few enough to be handed out in no time.
// Few chunks are a power of two, so that two, four or eight threads have the same number of them.
static chunked_loop divided(long count, long chunk, loop_body *body, void *context) {
  long chunks = chunk > 1 ? count / chunk : count;
  if (chunks > pool_most_chunks) chunks = pool_most_chunks;
  if (chunk > 1)
    while (chunks < 32 && chunks & (chunks - 1)) chunks &= chunks - 1;
  return (chunked_loop){count, chunks > 1 ? (int)chunks : 1, body, context};
}

// The cores that this process may use.
static int core_count(void) {
  static int known = 0;
  int count = __atomic_load_n(&known, __ATOMIC_RELAXED);
  if (count <= 0) __atomic_store_n(&known, count = omp_get_num_procs(), __ATOMIC_RELAXED);
  return count;
}

void kernels_parallel_for(long count, long chunk, loop_body *body, void *context) {
  if (count <= 0) return;
  const chunked_loop loop = divided(count, chunk, body, context);
  const int most = kernels_thread_count(), threads = most < pool_most_threads ? most : pool_most_threads;
  if (loop.chunks > 1 && threads > 1 && place_here == 0) {
    const int cores = core_count();
    // What takes longer than a thread to wake.
    const int is_worth_waking = chunk <= 1 || count / chunk >= 8;
    if (pool_run(&loop, threads, cores > threads ? cores : threads, is_worth_waking)) return;
  }
  const int before = place_here;
  if (before > 0) place_here = 1;
  for (int index = 0; index < loop.chunks; index++)
    body(context, chunk_begin(count, loop.chunks, index), chunk_begin(count, loop.chunks, index + 1));
  place_here = before;
}
