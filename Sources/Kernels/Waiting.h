#pragma once

// How a thread waits for another one: a look at the clock, a short spin, sleep.

#include <stdatomic.h>
#include <stdint.h>
#include <time.h>

#if defined(__linux__) && !defined(KERNELS_WITHOUT_FUTEX)
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#else
#include <pthread.h>
#endif

typedef _Atomic uint32_t waiting_word;

// Nanoseconds of a clock that only goes forward.
static inline int64_t clock_now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

// One turn of a spin.
static inline void relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("isb");
#endif
}

#if defined(__linux__) && !defined(KERNELS_WITHOUT_FUTEX)
// Sleeps while the word has this value, or less long: the caller looks again.
static inline void sleep_while(waiting_word *word, uint32_t value) {
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

// Wakes so many of those that sleep on the word.
static inline void wake(waiting_word *word, int count) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

static inline void forget_sleepers(void) {}
#else
// One condition for all words: whoever wakes looks at its own.
static pthread_mutex_t sleepers_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t sleepers_bell = PTHREAD_COND_INITIALIZER;

static inline void sleep_while(waiting_word *word, uint32_t value) {
  pthread_mutex_lock(&sleepers_lock);
  if (atomic_load(word) == value) pthread_cond_wait(&sleepers_bell, &sleepers_lock);
  pthread_mutex_unlock(&sleepers_lock);
}

static inline void wake(waiting_word *word, int count) {
  (void)word, (void)count;
  pthread_mutex_lock(&sleepers_lock);
  pthread_cond_broadcast(&sleepers_bell);
  pthread_mutex_unlock(&sleepers_lock);
}

// In a process that was forked, nobody sleeps.
static inline void forget_sleepers(void) {
  pthread_mutex_init(&sleepers_lock, NULL);
  pthread_cond_init(&sleepers_bell, NULL);
}
#endif
