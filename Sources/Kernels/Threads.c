#include "include/Kernels.h"

// libgomp's own entry points: the pool that oneDNN uses, so that no two pools spin against each other.
void GOMP_parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags);
int omp_get_max_threads(void);
int omp_get_thread_num(void);
int omp_get_num_threads(void);
int omp_in_parallel(void);
void omp_set_num_threads(int count);

static int chosen_threads = 0;
static _Thread_local int threads_here = 0;
_Thread_local int kernels_set_here = -1;

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
  int count = kernels_thread_count();
  if (!omp_in_parallel() && omp_get_max_threads() != count) omp_set_num_threads(count);
}

typedef struct {
  long count;
  void (*body)(void *, long, long);
  void *context;
  int set;
} job;

static void run_share(void *data) {
  const job *work = data;
  long threads = omp_get_num_threads(), thread = omp_get_thread_num();
  long begin = work->count * thread / threads, end = work->count * (thread + 1) / threads;
  const int own_set = kernels_set_here;
  kernels_set_here = work->set;
  if (begin < end) work->body(work->context, begin, end);
  kernels_set_here = own_set;
}

void kernels_parallel_for(long count, long grain, void (*body)(void *, long, long), void *context) {
  if (count <= 0) return;
  long threads = kernels_thread_count();
  long most = grain > 0 ? (count + grain - 1) / grain : count;
  if (threads > most) threads = most;
  if (threads <= 1 || omp_in_parallel()) {
    body(context, 0, count);
    return;
  }
  kernels_adopt_thread_count();
  job work = {count, body, context, kernels_set_here};
  GOMP_parallel(run_share, &work, (unsigned)threads, 0);
}
