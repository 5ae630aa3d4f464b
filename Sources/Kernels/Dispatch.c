#include "Table.h"

#include <stddef.h>

#if defined(__x86_64__)
instruction_set kernels_best_instruction_set(void) {
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq"))
    return instruction_set_avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return instruction_set_avx2;
  return instruction_set_baseline;
}

static const kernel_table *table_of(instruction_set set) {
  switch (set) {
    case instruction_set_avx512: return &kernel_table_avx512;
    case instruction_set_avx2: return &kernel_table_avx2;
    default: return &kernel_table_baseline;
  }
}
#else
instruction_set kernels_best_instruction_set(void) { return instruction_set_baseline; }

static const kernel_table *table_of(instruction_set set) {
  (void)set;
  return &kernel_table_baseline;
}
#endif

static int chosen_set = -1;

instruction_set kernels_instruction_set(void) {
  if (kernels_set_here >= 0) return (instruction_set)kernels_set_here;
  int set = __atomic_load_n(&chosen_set, __ATOMIC_RELAXED);
  if (set < 0) {
    set = (int)kernels_best_instruction_set();
    __atomic_store_n(&chosen_set, set, __ATOMIC_RELAXED);
  }
  return (instruction_set)set;
}

int kernels_choose_instruction_set(instruction_set set) {
  if (set > kernels_best_instruction_set()) return 0;
  __atomic_store_n(&chosen_set, (int)set, __ATOMIC_RELAXED);
  return 1;
}

#define REAL void
#define KERNEL_PARAMETERS(...) __VA_ARGS__
#define KERNEL(name, parameters, arguments)                                \
  void kernel_##name(kernel_type type, KERNEL_PARAMETERS parameters) {     \
    const kernel_table *table = table_of(kernels_instruction_set());       \
    if (type == kernel_float32)                                            \
      table->name##_f32 arguments;                                         \
    else                                                                   \
      table->name##_f64 arguments;                                         \
  }
#include "include/KernelList.h"
