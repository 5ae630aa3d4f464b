// The threads that compute together.
//
// A loop's chunks lie in as many shares as it has threads. Each share has a ticket: the region's number (a loop's turn on the
// pool), the next chunk and the share's end, in one word, so that a chunk is taken by comparing and exchanging all of it and a
// thread that comes when the region is over gets nothing. A thread takes the chunks of its own share first, which are those
// it had of the loop before and may still have in its cache, then of the others'. The thread that started the loop computes
// too; when no chunk is left, it waits for those that others have in hand, never for a thread that has not begun. So a thread
// that the system gives to other work delays a loop by one chunk at most.

#define _GNU_SOURCE
#include "Pool.h"
#include "Table.h"
#include "Waiting.h"

#include <pthread.h>
#include <signal.h>

// How long, in nanoseconds: a thread without work spins before it sleeps, on cores of its own and on those that others want too;
// the thread that started a loop spins for the last chunks.
static const int64_t idle_spin = 200000, crowded_spin = 20000, last_spin = 30000;
// A thread that spins and sees the clock leap by so much had lost its core to other work. Then the cores count as crowded for a while.
static const int64_t leap = 100000, crowd_stays = 200000000;

typedef struct {
  _Alignas(64) _Atomic uint64_t word;
} ticket;

static uint64_t ticket_of(uint32_t region, int next, int end) {
  return (uint64_t)region << 32 | (uint64_t)next << 16 | (uint64_t)end;
}

static struct {
  // Whether a loop is being computed, and what only its thread touches: the number of threads that were started.
  _Atomic int is_taken;
  int workers;
  int is_fork_known;
  // The last region's number, for which idle threads wait, and how many of them sleep.
  _Alignas(64) waiting_word region;
  _Atomic int sleepers;
  _Atomic int rests;
  _Atomic int64_t crowded_until;
  // The region's loop.
  _Alignas(64) _Atomic(loop_body *) body;
  _Atomic(void *) context;
  _Atomic long count;
  _Atomic int chunks, shares, threads, cores, set;
  // Chunks that are not finished, and whether the loop's thread sleeps until there are none.
  _Alignas(64) waiting_word left;
  _Atomic int is_awaited;
  ticket tickets[pool_most_threads];
} pool;

// Threads outside of the pool that compute on cores of their own meanwhile.
static _Atomic int others;

void kernels_begin_other_work(void) { atomic_fetch_add_explicit(&others, 1, memory_order_relaxed); }
void kernels_end_other_work(void) { atomic_fetch_sub_explicit(&others, 1, memory_order_relaxed); }

// How many threads of a loop have a core that no other thread of ours computes on.
static int cores_left(void) {
  return atomic_load_explicit(&pool.cores, memory_order_relaxed) - atomic_load_explicit(&others, memory_order_relaxed);
}

void pool_rest(void) { atomic_store_explicit(&pool.rests, 1, memory_order_relaxed); }

// Spins until the word changes; 0 when it has not in due time.
static int spin_for_change(waiting_word *word, uint32_t value) {
  const int64_t start = clock_now();
  int64_t before = start;
  for (;;) {
    for (int turn = 0; turn < 16; turn++) {
      if (atomic_load_explicit(word, memory_order_acquire) != value) return 1;
      relax();
    }
    const int64_t now = clock_now();
    if (now - before > leap) atomic_store_explicit(&pool.crowded_until, now + crowd_stays, memory_order_relaxed);
    before = now;
    const int is_crowded = now < atomic_load_explicit(&pool.crowded_until, memory_order_relaxed);
    if (now - start >= (is_crowded ? crowded_spin : idle_spin)) return 0;
    if (atomic_load_explicit(&pool.rests, memory_order_relaxed)) return 0;
  }
}

// Takes chunks of a region until none is left; how many it computed. What the region's fields hold is used only where a
// ticket of the same region was had afterwards: then the region is open and they are its own.
static uint32_t take_chunks(uint32_t region, int index) {
  loop_body *body = atomic_load_explicit(&pool.body, memory_order_relaxed);
  void *context = atomic_load_explicit(&pool.context, memory_order_relaxed);
  const long count = atomic_load_explicit(&pool.count, memory_order_relaxed);
  const int chunks = atomic_load_explicit(&pool.chunks, memory_order_relaxed);
  const int shares = atomic_load_explicit(&pool.shares, memory_order_relaxed);
  const int set = atomic_load_explicit(&pool.set, memory_order_relaxed);
  const int own_set = kernels_set_here;
  uint32_t done = 0;
  for (int turn = 0; turn < shares; turn++) {
    ticket *from = &pool.tickets[(index + turn) % shares];
    uint64_t word = atomic_load_explicit(&from->word, memory_order_acquire);
    for (;;) {
      const int next = word >> 16 & 0xffff, end = word & 0xffff;
      if (word >> 32 != region) return done;
      if (next >= end) break;
      if (index > 0 && index >= cores_left()) return done;
      if (!atomic_compare_exchange_weak_explicit(
              &from->word, &word, word + (1 << 16), memory_order_acq_rel, memory_order_acquire))
        continue;
      kernels_set_here = set;
      body(context, chunk_begin(count, chunks, next), chunk_begin(count, chunks, next + 1));
      kernels_set_here = own_set;
      done++;
      word = atomic_load_explicit(&from->word, memory_order_acquire);
    }
  }
  return done;
}

static void *work(void *argument) {
  const int index = (int)(intptr_t)argument;
  uint32_t seen = 0;
  kernels_enter_loop(index);
  for (;;) {
    uint32_t region = atomic_load_explicit(&pool.region, memory_order_acquire);
    if (region == seen) {
      if (index >= cores_left() || !spin_for_change(&pool.region, seen)) {
        atomic_fetch_add(&pool.sleepers, 1);
        while (atomic_load(&pool.region) == seen) sleep_while(&pool.region, seen);
        atomic_fetch_sub(&pool.sleepers, 1);
      }
      region = atomic_load_explicit(&pool.region, memory_order_acquire);
    }
    seen = region;
    if (index >= atomic_load_explicit(&pool.threads, memory_order_relaxed)) continue;
    const uint32_t done = take_chunks(region, index);
    if (done > 0 && atomic_fetch_sub(&pool.left, done) == done && atomic_load(&pool.is_awaited)) wake(&pool.left, 1);
  }
  return NULL;
}

// A process that was forked has one thread alone, and another's loop will never be finished there.
static void forget_workers(void) {
  forget_sleepers();
  pool.workers = 0;
  for (int share = 0; share < pool_most_threads; share++) atomic_store(&pool.tickets[share].word, 0);
  atomic_store(&others, 0);
  atomic_store(&pool.sleepers, 0);
  atomic_store(&pool.is_awaited, 0);
  atomic_store(&pool.is_taken, 0);
}

// Starts what is lacking of so many threads, or as many as the system gives. Signals are for the program's own threads, but for those
// that tell of a thread's own fault.
static void start_workers(int wanted) {
  static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT};
  if (!pool.is_fork_known) pool.is_fork_known = pthread_atfork(NULL, NULL, forget_workers) == 0;
  sigset_t blocked, before;
  sigfillset(&blocked);
  for (unsigned i = 0; i < sizeof faults / sizeof *faults; i++) sigdelset(&blocked, faults[i]);
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0) return;
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, 8 << 20);
  pthread_sigmask(SIG_SETMASK, &blocked, &before);
  pthread_t thread;
  while (pool.workers < wanted &&
         pthread_create(&thread, &attributes, work, (void *)(intptr_t)(pool.workers + 1)) == 0)
    pool.workers++;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
}

// Waits for the chunks that others have in hand.
static void await_chunks(void) {
  const int64_t start = clock_now();
  do {
    for (int turn = 0; turn < 16; turn++) {
      if (atomic_load_explicit(&pool.left, memory_order_acquire) == 0) return;
      relax();
    }
  } while (clock_now() - start < last_spin);
  atomic_store(&pool.is_awaited, 1);
  for (uint32_t left; (left = atomic_load(&pool.left)) != 0;) sleep_while(&pool.left, left);
  atomic_store(&pool.is_awaited, 0);
}

// Wakes as many as a loop of so many shares lacks.
static void wake_workers(int shares, int threads) {
  const int sleepers = atomic_load(&pool.sleepers);
  if (sleepers == 0) return;
  const int left = cores_left(), lacking = (shares < left ? shares : left) - 1 - (pool.workers - sleepers);
  // Of more threads than may take part anyone may be woken first.
  if (lacking > 0) wake(&pool.region, pool.workers < threads ? lacking : pool.workers);
}

int pool_run(const chunked_loop *loop, int threads, int cores, int is_worth_waking) {
  int free = 0;
  if (!atomic_compare_exchange_strong_explicit(&pool.is_taken, &free, 1, memory_order_acquire, memory_order_relaxed)) return 0;
  if (pool.workers < threads - 1) start_workers(threads - 1);
  const int shares = loop->chunks < threads ? loop->chunks : threads;
  const uint32_t region = atomic_load_explicit(&pool.region, memory_order_relaxed) + 1;
  atomic_store_explicit(&pool.body, loop->body, memory_order_relaxed);
  atomic_store_explicit(&pool.context, loop->context, memory_order_relaxed);
  atomic_store_explicit(&pool.count, loop->count, memory_order_relaxed);
  atomic_store_explicit(&pool.chunks, loop->chunks, memory_order_relaxed);
  atomic_store_explicit(&pool.shares, shares, memory_order_relaxed);
  atomic_store_explicit(&pool.threads, threads, memory_order_relaxed);
  atomic_store_explicit(&pool.cores, cores, memory_order_relaxed);
  atomic_store_explicit(&pool.set, kernels_set_here, memory_order_relaxed);
  atomic_store_explicit(&pool.left, (uint32_t)loop->chunks, memory_order_relaxed);
  atomic_store_explicit(&pool.rests, 0, memory_order_relaxed);
  for (int share = 0; share < shares; share++)
    atomic_store_explicit(
        &pool.tickets[share].word,
        ticket_of(region, loop->chunks * share / shares, loop->chunks * (share + 1) / shares), memory_order_release);
  atomic_store(&pool.region, region);
  if (is_worth_waking) wake_workers(shares, threads);
  const int own = kernels_enter_loop(0);
  const uint32_t done = take_chunks(region, 0);
  kernels_leave_loop(own);
  if (atomic_fetch_sub(&pool.left, done) != done) await_chunks();
  atomic_store_explicit(&pool.is_taken, 0, memory_order_release);
  return 1;
}
