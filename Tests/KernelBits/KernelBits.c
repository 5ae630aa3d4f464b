#include "Arrays.h"

void kernel_bits(void (*report)(void *context, const char *name, uint64_t digest), void *context) {
  for (int type = 0; type < 2; type++) {
    bits_run run = {.type = (kernel_type)type, .report = report, .context = context, .state = 5};
    bits_of_elements(&run);
    bits_of_rows(&run);
    bits_of_images(&run);
    bits_of_losses(&run);
    bits_of_products(&run);
  }
}
