#include "include/Kernels.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#ifdef __GLIBC__
// Arrays of some MiB come and go, a slice of a scan at a time. Left to itself the C library hands their pages back to the system each
// time and has them cleared again: a sixth of the time that preparing a scan takes.
__attribute__((constructor)) static void keep_freed_pages(void) {
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 256 << 20);
}
#endif

// Whole sentences, put together without the memory that there isn't.
static char advice[512];

void kernels_set_memory_advice(const char *text) {
  strncpy(advice, text, sizeof advice - 1);
}

_Noreturn void kernels_out_of_memory(unsigned long bytes) {
  char line[768];
  const char *unit = bytes >= 1ul << 30 ? "GiB" : bytes >= 1ul << 20 ? "MiB" : "KiB";
  const int shift = bytes >= 1ul << 30 ? 30 : bytes >= 1ul << 20 ? 20 : 10;
  int length = snprintf(
      line, sizeof line,
      "segbench: out of memory: %lu.%lu %s more (%lu bytes) were asked for and are not to be had, from this machine or "
      "within a limit (ulimit -v, a container's)%s%s\n",
      bytes >> shift, ((bytes >> (shift - 10)) % 1024) * 10 / 1024, unit, bytes, *advice ? "; " : "", advice);
  if (length > (int)sizeof line - 1) length = sizeof line - 1;
  ssize_t written = write(2, line, (size_t)length);
  (void)written;
  // What was printed is handed on. Files appear whole or not at all, so that nothing else is left to do.
  fflush(stdout);
  _exit(1);
}

_Noreturn void kernels_device_failed(const char *what, int is_memory) {
  char line[2048];
  const int hasAdvice = is_memory && *advice;
  int length = snprintf(line, sizeof line, "segbench: %s%s%s\n", what, hasAdvice ? "; " : "", hasAdvice ? advice : "");
  if (length > (int)sizeof line - 1) length = sizeof line - 1;
  ssize_t written = write(2, line, (size_t)length);
  (void)written;
  fflush(stdout);
  _exit(1);
}

void *kernels_required(void *block, unsigned long bytes) {
  if (!block) kernels_out_of_memory(bytes);
  return block;
}
