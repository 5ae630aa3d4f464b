// What the plugin's files share. They are compiled as one: PyTorch's headers take most of the time.
#pragma once
#include "SegTorch.h"

#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/engine.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/variable.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

using at::Tensor;
using Sizes = std::vector<int64_t>;

// What an operation's vector-Jacobian product needs: where PyTorch's graph of it ends and where it begins. The graph keeps the
// elements that it reads, and no others.
struct Record {
  std::vector<torch::autograd::Edge> outputs;
  std::vector<at::ScalarType> outputTypes;
  std::vector<Sizes> outputShapes;
  // Empty edges for inputs whose gradient nobody needs.
  std::vector<torch::autograd::Edge> inputs;
};

struct segtorch_block {
  // Bytes until someone says what they are.
  Tensor tensor;
  std::unique_ptr<Record> record;
  std::mutex mutex;
};

void check(bool holds, const std::string &what);

// Runs what may throw and turns it into a status.
template <class Body> int32_t guarded(const Body &body);

// A block's elements as a tensor of PyTorch's. Of what is not contiguous, in another shape than its own, a copy.
Tensor view(const segtorch_tensor *tensor);
// The same to be written to.
Tensor writable(const segtorch_tensor *tensor);
segtorch_block *block(Tensor tensor);
at::Device device(int32_t number);

// An operation with its attributes, read no further than they go.
struct Call {
  int32_t kind;
  at::IntArrayRef integers;
  at::ArrayRef<double> reals;
  std::vector<Tensor> inputs;

  const Tensor &input(size_t place) const {
    check(place < inputs.size(), "an operation with too few inputs");
    return inputs[place];
  }
  int64_t integer(size_t place) const {
    check(place < integers.size(), "an operation with too few integers");
    return integers[place];
  }
  double real(size_t place) const {
    check(place < reals.size(), "an operation with too few real numbers");
    return reals[place];
  }
  bool flag(size_t place) const { return integer(place) != 0; }
};

// The operations, each written once and forwards: their gradients are PyTorch's own.
std::vector<Tensor> compute(const Call &call);
Tensor convolution(const Call &call, bool transposed);
std::vector<Tensor> channelNorm(const Call &call);
Tensor resized(const Call &call);
Tensor maxPooled(const Call &call);
Tensor deformableAttention(const Call &call);
Tensor crossEntropy(const Tensor &logits, const Tensor &labels);
Tensor softDice(const Call &call);
Tensor regionCrossEntropy(const Call &call);
Tensor regionDice(const Call &call);

// For each element of labels [N, ...] whether it belongs to each of the regions: [N, R, ...].
Tensor membership(const Call &regions, const Tensor &labels);

// A constant that is made once for each device.
template <class Key, class Make> Tensor constant(const Key &key, at::Device device, const Make &make);
