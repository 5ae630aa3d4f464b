// Prints the digest of every kernel's results, one a line: see Tests/KernelBits. With an argument, with that instruction set, 0 for
// the baseline.

#include "Kernels.h"
#include "KernelBits.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void print(void *context, const char *name, uint64_t digest) {
  (void)context;
  printf("%016" PRIx64 " %s\n", digest, name);
}

int main(int count, char **arguments) {
  if (count > 1 && !kernels_override(atoi(arguments[1]), 1)) return 2;
  kernel_bits(print, NULL);
}
