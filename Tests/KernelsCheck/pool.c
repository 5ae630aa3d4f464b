// The pool of threads under stress, for the thread sanitizer (Setup/test-sanitizers.sh): loops of many sizes by 1 to 64 threads,
// nested ones, several at once, beside other work, under signals and after a fork. What each loop wrote is compared with what
// its definition says. Exits with 1 when something differs; a loop that never ends is for the caller to notice.

#include "Kernels.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { most = 3000, most_slots = 64 };

static _Atomic int failures = 0;
static _Thread_local unsigned state = 1;

static unsigned draw(unsigned below) {
  state = state * 1664525u + 1013904223u;
  return (state >> 8) % below;
}

static void expect(int holds, const char *what, int threads) {
  if (holds) return;
  if (atomic_fetch_add(&failures, 1) < 20) printf("%d threads: %s\n", threads, what);
}

// What a loop does. Nothing here is atomic: each element and each slot is one thread's at a time, or the sanitizer speaks.
typedef struct {
  int threads, is_nested;
  int visits[most], ends[most];
  struct {
    _Alignas(64) int busy;
    long sum;
  } slots[most_slots];
} trial;

static void add_inner(void *context, long begin, long end) {
  for (long i = begin; i < end; i++) atomic_fetch_add((_Atomic long *)context, i);
}

static void visit(void *context, long begin, long end) {
  trial *t = context;
  const int slot = kernels_slot();
  expect(slot >= 0 && slot < t->threads, "a slot beyond the threads", t->threads);
  expect(!t->slots[slot].busy, "two threads in one slot", t->threads);
  t->slots[slot].busy = 1;
  t->ends[begin] = (int)end;
  for (long i = begin; i < end; i++) {
    t->visits[i]++;
    t->slots[slot].sum += i;
  }
  if (t->is_nested) {
    _Atomic long sum = 0;
    kernels_parallel_for(100, 7, add_inner, &sum);
    expect(sum == 4950, "a nested loop's sum", t->threads);
    expect(kernels_slot() == slot, "another slot after a nested loop", t->threads);
  }
  t->slots[slot].busy = 0;
}

static void run(trial *t, int threads, long count, long chunk, int is_nested) {
  memset(t, 0, sizeof *t);
  t->threads = threads;
  t->is_nested = is_nested;
  kernels_parallel_for(count, chunk, visit, t);
  long sum = 0;
  int visited = 1;
  for (long i = 0; i < most; i++) visited &= t->visits[i] == (i < count);
  for (int slot = 0; slot < most_slots; slot++) sum += t->slots[slot].sum;
  expect(visited, "an element not visited once", threads);
  expect(sum == count * (count - 1) / 2, "a loop's sum", threads);
}

// Loops of drawn sizes; their chunks are those of a single thread.
static void loops(int threads, int rounds) {
  trial *t = malloc(sizeof *t), *alone = malloc(sizeof *alone);
  for (int round = 0; round < rounds; round++) {
    const long count = draw(4) ? draw(200) : draw(most), chunk = draw(3) ? 1 : 1 + draw(40);
    const int is_nested = draw(4) == 0;
    kernels_override(-1, threads);
    run(t, threads, count, chunk, is_nested);
    if (round % 16 == 0) {
      kernels_override(-1, 1);
      run(alone, 1, count, chunk, 0);
      expect(memcmp(t->ends, alone->ends, sizeof t->ends) == 0, "other chunks than one thread's", threads);
    }
    // Now and then the threads fall asleep.
    if (round % 512 == 511) usleep(1000);
  }
  kernels_override(-1, 0);
  free(t), free(alone);
}

static const int counts[] = {1, 2, 3, 5, 8, 17, 64};
enum { count_count = sizeof counts / sizeof *counts };

static void *loops_of_a_thread(void *argument) {
  const int index = (int)(long)argument;
  state = 77 + (unsigned)index;
  for (int i = 0; i < count_count; i++) loops(counts[(index + i) % count_count], 300);
  return NULL;
}

static void several_at_once(void) {
  pthread_t threads[4];
  for (long i = 0; i < 4; i++) pthread_create(&threads[i], NULL, loops_of_a_thread, (void *)i);
  for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
}

// Where others compute on all cores, the loop is its own thread's.
static void note_slot(void *context, long begin, long end) {
  (void)begin, (void)end;
  if (kernels_slot() != 0) atomic_fetch_add((_Atomic int *)context, 1);
}

static void beside_other_work(void) {
  _Atomic int elsewhere = 0;
  kernels_override(-1, 3);
  for (int i = 0; i < 10000; i++) kernels_begin_other_work();
  for (int round = 0; round < 2000; round++) kernels_parallel_for(50, 1, note_slot, &elsewhere);
  expect(elsewhere == 0, "a loop took a core that others have", 3);
  for (int i = 0; i < 10000; i++) kernels_end_other_work();
  kernels_override(-1, 0);
}

// Whether another thread ever takes a part, given time.
static void work_slowly(void *context, long begin, long end) {
  usleep(200);
  note_slot(context, begin, end);
}

static int is_shared(void) {
  _Atomic int elsewhere = 0;
  kernels_override(-1, 2);
  for (int round = 0; round < 1000 && elsewhere == 0; round++) kernels_parallel_for(16, 1, work_slowly, &elsewhere);
  kernels_override(-1, 0);
  return elsewhere > 0;
}

static pthread_t main_thread;
static _Atomic int signals_seen = 0;
static void on_signal(int number) {
  (void)number;
  expect(pthread_equal(pthread_self(), main_thread), "a signal came to a thread of the pool", 0);
  _Atomic long sum = 0;
  kernels_parallel_for(20, 20, add_inner, &sum);
  expect(sum == 190, "a loop's sum in a signal's handler", 0);
  atomic_fetch_add(&signals_seen, 1);
}

static void under_signals(void) {
  struct sigaction action = {.sa_handler = on_signal}, before;
  sigaction(SIGALRM, &action, &before);
  const struct itimerval often = {{0, 500}, {0, 500}}, never = {{0, 0}, {0, 0}};
  setitimer(ITIMER_REAL, &often, NULL);
  // Slow machines too see some of them.
  for (int i = 0; i < 100 && (i < count_count || atomic_load(&signals_seen) < 20); i++) loops(counts[i % count_count], 500);
  setitimer(ITIMER_REAL, &never, NULL);
  sigaction(SIGALRM, &before, NULL);
  expect(signals_seen >= 20, "too few signals came to say anything", 0);
}

static _Atomic int is_over = 0;
static void *loops_until_over(void *argument) {
  (void)argument;
  state = 5;
  while (!atomic_load(&is_over)) loops(4, 20);
  return NULL;
}

// Forks while the pool rests and while another thread's loop has it.
static void after_forks(void) {
  for (int is_busy = 0; is_busy < 2; is_busy++) {
    pthread_t other;
    atomic_store(&is_over, 0);
    if (is_busy) pthread_create(&other, NULL, loops_until_over, NULL);
    for (int round = 0; round < 8; round++) {
      fflush(stdout);
      const pid_t child = fork();
      if (child == 0) {
        loops(counts[round % count_count], 200);
        expect(is_shared(), "a forked process computes alone", 2);
        _exit(failures > 0);
      }
      int status = 1;
      waitpid(child, &status, 0);
      expect(status == 0, is_busy ? "a process forked beside a loop failed" : "a forked process failed", counts[round % count_count]);
      loops(3, 50);
    }
    atomic_store(&is_over, 1);
    if (is_busy) pthread_join(other, NULL);
  }
}

int main(int argc, char **argv) {
  const int rounds = argc > 1 ? atoi(argv[1]) : 3000;
  main_thread = pthread_self();
  for (int i = 0; i < count_count; i++) loops(counts[i], rounds);
  expect(is_shared(), "the program's thread computes alone", 2);
  beside_other_work();
  under_signals();
  several_at_once();
  after_forks();
  printf("pool: %d differ\n", failures);
  return failures > 0;
}
