// Which GPUs there are. Nothing of CUDA's headers is needed: PyTorch's hooks count, the driver tells the rest.
#include "Plugin.h"

#include <ATen/detail/CUDAHooksInterface.h>
#include <dlfcn.h>
#include <torch/version.h>
#if TORCH_VERSION_MAJOR > 2 || TORCH_VERSION_MINOR >= 10
#define SEGTORCH_ALLOCATOR_STATISTICS
#include <c10/core/CachingDeviceAllocator.h>
#endif

static int32_t gpuCount() {
  int32_t count = 0;
  guarded([&] { count = at::detail::getCUDAHooks().getNumGPUs(); });
  return count;
}

// A function of the driver's library, which PyTorch has loaded by now.
template <class Function> static Function driver(const char *name) {
  static void *library = dlopen("libcuda.so.1", RTLD_LAZY);
  auto found = library ? reinterpret_cast<Function>(dlsym(library, name)) : nullptr;
  check(found, std::string("the driver has no ") + name);
  return found;
}

static int driverDevice(int32_t number) {
  check(number < gpuCount(), "there is no GPU " + std::to_string(number));
  int device = 0;
  check(driver<int (*)(unsigned)>("cuInit")(0) == 0 && driver<int (*)(int *, int)>("cuDeviceGet")(&device, number) == 0,
        "the driver does not tell about GPU " + std::to_string(number));
  return device;
}

static int32_t deviceName(int32_t number, char *text, int32_t capacity) {
  return guarded([&] {
    check(text && capacity > 0, "a name for which there is no room");
    if (number < 0) {
      snprintf(text, capacity, "PyTorch's CPU");
    } else {
      int device = driverDevice(number);
      check(driver<int (*)(char *, int, int)>("cuDeviceGetName")(text, capacity, device) == 0, "the driver does not tell a GPU's name");
    }
  });
}

static int32_t deviceMemory(int32_t number, segtorch_memory *memory) {
  return guarded([&] {
    check(memory, "a place for the memory's sizes");
    *memory = {};
    if (number < 0) return;
    size_t total = 0;
    int device = driverDevice(number);
    check(driver<int (*)(size_t *, int)>("cuDeviceTotalMem_v2")(&total, device) == 0, "the driver does not tell a GPU's memory");
    memory->total = (int64_t)total;
#ifdef SEGTORCH_ALLOCATOR_STATISTICS
    at::globalContext().lazyInitDevice(at::kCUDA);
    auto allocator = c10::getDeviceAllocator(at::kCUDA);
    auto statistics = allocator->getDeviceStats((c10::DeviceIndex)number);
    auto all = (size_t)c10::CachingAllocator::StatType::AGGREGATE;
    memory->allocated = statistics.allocated_bytes[all].current;
    memory->peak = statistics.allocated_bytes[all].peak;
    memory->free = (int64_t)allocator->getMemoryInfo((c10::DeviceIndex)number).first;
#endif
  });
}
