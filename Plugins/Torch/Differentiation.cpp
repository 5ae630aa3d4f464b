// An operation with its vector-Jacobian product: PyTorch's graph of this operation alone. The order in which operations' gradients
// are computed and added up is the engine's.
#include "Plugin.h"

#include <c10/core/AutogradState.h>

using torch::autograd::Edge;
using torch::autograd::Node;

// Where the graph begins, in place of a leaf: a leaf would keep the input's elements until the backward pass.
struct Beginning : Node {
  torch::autograd::variable_list apply(torch::autograd::variable_list &&) override {
    throw std::logic_error("the backward pass goes beyond an operation");
  }
};

// Nodes were std::shared_ptr before 2.13 or so.
template <class Pointer> static Pointer beginning() {
  if constexpr (std::is_same_v<Pointer, std::shared_ptr<Node>>)
    return std::make_shared<Beginning>();
  else
    return Pointer(c10::make_intrusive<Beginning>());
}

static Call read(const segtorch_operation *operation, const segtorch_tensor *inputs, int32_t count) {
  check(operation && operation->integer_count >= 0 && operation->real_count >= 0 && (operation->integers || !operation->integer_count) &&
            (operation->reals || !operation->real_count) && (inputs || !count) && count >= 0 && count <= 1 << 16,
        "an operation without attributes");
  Call call{operation->kind,
            {operation->integers, (size_t)operation->integer_count},
            {operation->reals, (size_t)operation->real_count},
            {}};
  for (int32_t place = 0; place < count; place++) call.inputs.push_back(view(inputs + place));
  for (auto &input : call.inputs) check(input.device() == call.inputs[0].device(), "tensors of several devices");
  return call;
}

// A part of the graph, so that the gradient is converted back.
static Tensor converted(const Tensor &input, int32_t inputs) {
  check(inputs >= segtorch_as_given && inputs <= segtorch_single, "a precision numbered " + std::to_string(inputs));
  if (inputs == segtorch_bfloat16 && input.scalar_type() == at::kFloat) return input.to(at::kBFloat16);
  if (inputs == segtorch_single && input.scalar_type() == at::kBFloat16) return input.to(at::kFloat);
  return input;
}

// Gives out all blocks or, where one cannot be made, none.
static void give(const std::vector<Tensor> &tensors, segtorch_block **blocks) {
  std::vector<std::unique_ptr<segtorch_block>> made;
  for (const auto &tensor : tensors) made.emplace_back(tensor.defined() ? block(tensor) : nullptr);
  for (size_t place = 0; place < made.size(); place++) blocks[place] = made[place].release();
}

static int32_t forward(const segtorch_operation *operation, const segtorch_tensor *inputs, int32_t count, const uint8_t *needed,
                       segtorch_block **outputs, int32_t capacity, int32_t *outputCount, segtorch_block **recordBlock) {
  return guarded([&] {
    check(outputs && outputCount && (!needed || recordBlock), "nowhere to put an operation's outputs");
    auto call = read(operation, inputs, count);
    at::AutoGradMode mode(needed != nullptr);
    auto record = std::make_unique<Record>();
    if (needed) {
      for (int32_t place = 0; place < count; place++) {
        record->inputs.emplace_back();
        auto &input = call.inputs[place];
        if (!needed[place]) continue;
        check(input.is_floating_point(), "a gradient of an integer tensor");
        input = input.detach();
        torch::autograd::create_gradient_edge(input, beginning<decltype(Edge::function)>());
        record->inputs.back() = torch::autograd::impl::gradient_edge(input);
      }
    }
    for (auto &input : call.inputs) input = converted(input, operation->inputs);
    auto found = compute(call);
    check((int32_t)found.size() <= capacity, "no room for an operation's outputs");
    std::vector<Tensor> given;
    for (auto &output : found) {
      record->outputs.push_back(output.requires_grad() ? torch::autograd::impl::gradient_edge(output) : Edge());
      record->outputTypes.push_back(output.scalar_type());
      record->outputShapes.push_back(output.sizes().vec());
      given.push_back(output.detach());
    }
    std::unique_ptr<segtorch_block> kept;
    if (needed) {
      kept = std::make_unique<segtorch_block>();
      kept->record = std::move(record);
    }
    give(given, outputs);
    *outputCount = (int32_t)given.size();
    if (recordBlock) *recordBlock = kept.release();
  });
}

static int32_t backward(segtorch_block *kept, const segtorch_tensor *gradients, int32_t count, segtorch_block **results, int32_t capacity) {
  return guarded([&] {
    check(kept && kept->record && gradients && results, "backward without a record of the forward pass");
    auto record = std::move(*kept->record);
    kept->record = std::make_unique<Record>();
    check(count == (int32_t)record.outputs.size() && capacity >= (int32_t)record.inputs.size() && count > 0, "backward of another operation");
    // Here and now, on this thread.
    auto state = c10::AutogradState::get_tls_state();
    struct Restoring {
      c10::AutogradState before;
      ~Restoring() { c10::AutogradState::set_tls_state(before); }
    } restoring{state};
    state.set_multithreading_enabled(false);
    c10::AutogradState::set_tls_state(state);
    at::NoGradGuard none;

    torch::autograd::edge_list roots, ends;
    torch::autograd::variable_list seeds;
    for (int32_t place = 0; place < count; place++) {
      if (!gradients[place].block || !record.outputs[place].is_valid()) continue;
      auto seed = view(gradients + place);
      check(seed.sizes() == at::IntArrayRef(record.outputShapes[place]), "a gradient of another shape than the output");
      roots.push_back(record.outputs[place]);
      seeds.push_back(seed.to(record.outputTypes[place]));
    }
    for (const auto &edge : record.inputs)
      if (edge.is_valid()) ends.push_back(edge);
    std::vector<Tensor> found(record.inputs.size());
    if (!roots.empty() && !ends.empty()) {
      auto all = torch::autograd::Engine::get_default_engine().execute(roots, seeds, false, false, false, ends);
      size_t next = 0;
      for (size_t place = 0; place < found.size(); place++)
        if (record.inputs[place].is_valid()) found[place] = all[next++];
    }
    give(found, results);
  });
}

static int32_t accumulate(const segtorch_tensor *a, const segtorch_tensor *b, segtorch_block **sum) {
  return guarded([&] {
    at::NoGradGuard none;
    auto x = view(a), y = view(b);
    check(sum && x.sizes() == y.sizes(), "a sum of gradients of different shapes");
    *sum = block(x + y);
  });
}
