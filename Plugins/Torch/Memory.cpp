// Blocks, views of them, errors, and what is set for the whole process.
#include "Plugin.h"

#include <torch/version.h>

static thread_local std::string errorText;

void check(bool holds, const std::string &what) {
  if (!holds) throw std::invalid_argument(what);
}

template <class Body> int32_t guarded(const Body &body) {
  try {
    body();
    return segtorch_ok;
  } catch (const c10::Error &error) {
    errorText = error.what_without_backtrace();
    // The CPU's allocator has no type of its own for it.
    bool memory = dynamic_cast<const c10::OutOfMemoryError *>(&error) || errorText.find("can't allocate memory") != std::string::npos;
    return memory ? segtorch_out_of_memory : segtorch_failed;
  } catch (const std::bad_alloc &) {
    errorText = "the system has no memory left";
    return segtorch_out_of_memory;
  } catch (const std::exception &error) {
    errorText = error.what();
    return segtorch_failed;
  } catch (...) {
    errorText = "an unknown exception";
    return segtorch_failed;
  }
}

static const char *error() { return errorText.c_str(); }

at::Device device(int32_t number) { return number < 0 ? at::Device(at::kCPU) : at::Device(at::kCUDA, (at::DeviceIndex)number); }

segtorch_block *block(Tensor tensor) {
  auto made = std::make_unique<segtorch_block>();
  made->tensor = std::move(tensor);
  return made.release();
}

static at::ScalarType scalarType(int32_t type) {
  switch (type) {
    case segtorch_float32: return at::kFloat;
    case segtorch_float64: return at::kDouble;
    case segtorch_int32: return at::kInt;
    default: throw std::invalid_argument("an element type numbered " + std::to_string(type));
  }
}

// The tensor behind a block, as elements of this type.
static Tensor elements(segtorch_block *block, at::ScalarType type) {
  check(block && !block->record, "no tensor where one is needed");
  std::lock_guard<std::mutex> lock(block->mutex);
  if (block->tensor.scalar_type() == at::kByte) block->tensor = block->tensor.view(type);
  auto found = block->tensor.scalar_type();
  check(found == type || (type == at::kFloat && found == at::kBFloat16),
        std::string("elements of ") + c10::toString(found) + " read as " + c10::toString(type));
  return block->tensor;
}

static Sizes sizes(const segtorch_tensor &tensor) {
  check(tensor.rank >= 0 && tensor.rank <= 16 && (tensor.rank == 0 || tensor.shape), "a tensor of rank " + std::to_string(tensor.rank));
  Sizes shape(tensor.shape, tensor.shape + tensor.rank);
  int64_t count = 1;
  for (int64_t size : shape) check(size >= 0 && !__builtin_mul_overflow(count, size, &count), "a shape that no memory holds");
  return shape;
}

Tensor view(const segtorch_tensor *tensor) {
  check(tensor, "no tensor where one is needed");
  auto shape = sizes(*tensor);
  auto all = elements(tensor->block, scalarType(tensor->type));
  if (tensor->offset == 0 && all.sizes() == at::IntArrayRef(shape)) return all;
  int64_t count = c10::multiply_integers(shape);
  check(tensor->offset >= 0 && tensor->offset <= all.numel() && count <= all.numel() - tensor->offset, "a tensor that reaches beyond its block");
  return all.reshape({-1}).narrow(0, tensor->offset, count).view(shape);
}

Tensor writable(const segtorch_tensor *tensor) {
  check(tensor && tensor->block && tensor->block->tensor.defined() && tensor->block->tensor.is_contiguous(), "a tensor that cannot be written to");
  auto found = view(tensor);
  check(found.scalar_type() != at::kBFloat16, "a tensor that cannot be written to");
  return found;
}

static int32_t allocate(int32_t number, int64_t bytes, segtorch_block **made) {
  return guarded([&] {
    check(made && bytes >= 0 && bytes <= INT64_MAX - 8, "a block of " + std::to_string(bytes) + " bytes");
    // A multiple of every element's size.
    *made = block(at::empty({(bytes + 7) / 8 * 8}, at::TensorOptions().dtype(at::kByte).device(device(number))));
  });
}

static void release(segtorch_block *block) {
  guarded([&] { delete block; });
}

static int32_t copyIn(segtorch_block *block, const void *bytes, int64_t count) {
  return guarded([&] {
    check(block && !block->record && (bytes || count == 0) && count >= 0, "a copy from nowhere");
    check(block->tensor.is_contiguous(), "a copy to what is not contiguous");
    auto target = block->tensor.reshape({-1}).view(at::kByte);
    check(count <= target.numel(), "a copy that reaches beyond its block");
    if (count > 0) target.narrow(0, 0, count).copy_(at::from_blob(const_cast<void *>(bytes), {count}, at::kByte));
  });
}

static int32_t copyOut(segtorch_block *block, int64_t offset, void *bytes, int64_t count) {
  return guarded([&] {
    check(block && !block->record && (bytes || count == 0) && count >= 0 && offset >= 0, "a copy to nowhere");
    auto all = block->tensor.scalar_type() == at::kBFloat16 ? block->tensor.to(at::kFloat) : block->tensor;
    int64_t size = all.element_size(), total = all.numel() * size;
    check(offset <= total && count <= total - offset && offset % size == 0 && count % size == 0, "a copy that reaches beyond its block");
    if (count == 0) return;
    auto part = all.reshape({-1}).narrow(0, offset / size, count / size).to(at::kCPU).contiguous();
    std::memcpy(bytes, part.data_ptr(), count);
  });
}

static int32_t fill(const segtorch_tensor *tensor, double value) {
  return guarded([&] {
    at::NoGradGuard none;
    writable(tensor).fill_(value);
  });
}

static int32_t copy(const segtorch_tensor *source, const segtorch_tensor *target) {
  return guarded([&] {
    at::NoGradGuard none;
    auto from = view(source), to = writable(target);
    check(from.sizes() == to.sizes(), "a copy to another shape");
    to.copy_(from);
  });
}

static int32_t shape(segtorch_block *block, int64_t *shape, int32_t capacity, int32_t *rank) {
  return guarded([&] {
    check(block && !block->record && rank && shape && block->tensor.dim() <= capacity, "a shape for which there is no room");
    *rank = (int32_t)block->tensor.dim();
    for (int32_t axis = 0; axis < *rank; axis++) shape[axis] = block->tensor.size(axis);
  });
}

template <class Key, class Make> Tensor constant(const Key &key, at::Device device, const Make &make) {
  static std::mutex mutex;
  static auto &made = *new std::map<std::pair<Key, std::string>, Tensor>; // Outlives CUDA's own teardown.
  std::lock_guard<std::mutex> lock(mutex);
  auto &found = made[{key, device.str()}];
  if (!found.defined()) {
    at::NoGradGuard none;
    found = make().to(device);
  }
  return found;
}

static int32_t configure(int32_t threads, int32_t deterministic, int32_t tf32) {
  return guarded([&] {
    check(threads > 0, "a number of threads below 1");
    at::set_num_threads(threads);
    auto &context = at::globalContext();
    context.setDeterministicAlgorithms(deterministic, false);
    // Or every fresh tensor would be filled.
    context.setDeterministicFillUninitializedMemory(false);
    context.setDeterministicCuDNN(deterministic);
    context.setBenchmarkCuDNN(!deterministic);
    context.setAllowTF32CuBLAS(tf32);
    context.setAllowTF32CuDNN(tf32);
  });
}
