// The C library's allocator, watched: where Swift's runtime or Foundation are refused memory, which they answer with a trap,
// the process ends with a sentence and exit code 1. All other callers are told, as ever, and act by themselves.
#ifdef __linux__
#define _GNU_SOURCE
#include "Kernels.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#ifdef __GLIBC__
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

extern void *swift_slowAlloc(size_t size, size_t alignment);

// Whether a library is the program itself with Swift's runtime and Foundation linked in (`make dist`). There the runtime's calls
// are not told from the program's own, of which those by `posix_memalign` have another way and all others end the process, too
// (`kernels_required`). HDF5, linked in as well, does not come by here.
static int is_program_with_runtime(const Dl_info *library) {
  Dl_info runtime;
  return dladdr((const void *)swift_slowAlloc, &runtime) && runtime.dli_fbase == library->dli_fbase;
}

static void *checked(void *block, size_t size, const void *caller, int isFinal) {
  if (__builtin_expect(block != NULL || size == 0, 1)) return block;
  Dl_info library;
  if (dladdr(caller, &library) && library.dli_fname) {
    static const char *const names[] = {"libswift", "Foundation", "libdispatch"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
      if (strstr(library.dli_fname, names[i])) kernels_out_of_memory(size);
    if (isFinal && is_program_with_runtime(&library)) kernels_out_of_memory(size);
  }
  errno = ENOMEM;
  return NULL;
}

void *malloc(size_t size) { return checked(__libc_malloc(size), size, __builtin_return_address(0), 1); }

void *calloc(size_t count, size_t size) {
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes)) bytes = (size_t)-1;
  return checked(__libc_calloc(count, size), bytes, __builtin_return_address(0), 1);
}

void *realloc(void *block, size_t size) {
  return checked(__libc_realloc(block, size), size, __builtin_return_address(0), 1);
}

void *aligned_alloc(size_t alignment, size_t size) {
  return checked(__libc_memalign(alignment, size), size, __builtin_return_address(0), 1);
}

int posix_memalign(void **block, size_t alignment, size_t size) {
  if (alignment % sizeof(void *) != 0 || alignment == 0 || (alignment & (alignment - 1)) != 0) return EINVAL;
  const int before = errno;
  void *made = checked(__libc_memalign(alignment, size), size, __builtin_return_address(0), 0);
  errno = before;
  if (!made && size) return ENOMEM;
  *block = made;
  return 0;
}
#endif
#endif
