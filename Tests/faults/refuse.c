// Preloaded into a command: refuses what a system may refuse. REFUSE_LOCKS=ERRNO: flock. REFUSE_THREADS_FROM=N: each
// pthread_create after the first N, with EAGAIN.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

int flock(int descriptor, int operation) {
  const char *refused = getenv("REFUSE_LOCKS");
  if (refused) {
    errno = atoi(refused);
    return -1;
  }
  int (*real)(int, int) = (int (*)(int, int))dlsym(RTLD_NEXT, "flock");
  return real(descriptor, operation);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *), void *context) {
  static int made = 0;
  const char *most = getenv("REFUSE_THREADS_FROM");
  if (most && __atomic_fetch_add(&made, 1, __ATOMIC_SEQ_CST) >= atoi(most)) return EAGAIN;
  int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) =
      (int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *))dlsym(RTLD_NEXT, "pthread_create");
  return real(thread, attributes, body, context);
}
