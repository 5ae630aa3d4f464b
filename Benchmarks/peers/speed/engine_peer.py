"""PyTorch's side of `engine.py`, in a process of its own: `engine_peer.py CASE eager|compiled THREADS`. It answers the same lines as
Benchmarks/engine/main.swift, and besides `export PATH` (weights and batch) and `flops` (of a training step and a prediction).
"""

import functools
import math
import sys
import time

import torch

from engine_cases import CASES

name, mode, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
torch.set_num_threads(threads)
replies = sys.stdout
sys.stdout = sys.stderr


def say(*parts):
    print(*parts, file=replies, flush=True)


def gemm():
    """The best rate of several matrix products, in 1e9 operations a second."""
    a = torch.full((1536, 1536), 0.5)
    best = 0
    for _ in range(5):
        start = time.perf_counter()
        a @ a
        best = max(best, 2e-9 * 1536**3 / (time.perf_counter() - start))
    return best


say("idle")
sys.stdin.readline()
torch.manual_seed(0)
case = CASES[name][1]()
torch.set_num_threads(threads)  # modules that a case imports have chosen for themselves
model = torch.compile(case.model) if mode == "compiled" else case.model


def train():
    model.train()
    case.optimizer.zero_grad(set_to_none=True)
    loss = case.loss(model(case.images))
    loss.backward()
    torch.nn.utils.clip_grad_norm_(case.model.parameters(), case.clip)
    case.optimizer.step()
    return loss.item()


@torch.no_grad()
def predict():
    model.eval()
    outputs = model(case.images)
    return (outputs if torch.is_tensor(outputs) else outputs[0]).mean().item()


def convolution_backward(slopes, x, weight, bias, stride, padding, dilation, transposed, output_padding, groups, mask, **_):
    """Operations of a convolution's gradients; PyTorch's own count forgets that a group sees its own channels alone."""
    places = (x if transposed else slopes)
    return 2 * math.prod([places[0], *places[2:]]) * math.prod(weight) * (mask[0] + mask[1])


def flops():
    from torch.utils import flop_counter
    from torch.utils.flop_counter import FlopCounterMode as Counter

    def attention(query, key, value, *_, out_shape=None, **__):
        return flop_counter.sdpa_flop_count(query, key, value)

    def attention_backward(slopes, query, key, value, *_, out_shape=None, **__):
        return flop_counter.sdpa_backward_flop_count(slopes, query, key, value)

    # PyTorch's count does not know attention's names on a CPU.
    mapping = {torch.ops.aten.convolution_backward: convolution_backward,
               torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: attention,
               torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward: attention_backward}
    FlopCounterMode = functools.partial(Counter, custom_mapping=mapping)
    with FlopCounterMode(display=False) as counter:
        predict()
    prediction = counter.get_total_flops()
    case.model.train()
    statistics = {name: value.clone() for name, value in case.model.named_buffers()}
    with FlopCounterMode(display=False) as counter:
        case.loss(model(case.images)).backward()
    case.optimizer.zero_grad(set_to_none=True)
    for name, value in case.model.named_buffers():
        value.copy_(statistics[name])
    return counter.get_total_flops(), prediction


say(f"ready {torch.get_num_threads()} threads, PyTorch {torch.__version__}")
for line in sys.stdin:
    command, _, argument = line.strip().partition(" ")
    if command in ("train", "predict"):
        start = time.perf_counter()
        result = train() if command == "train" else predict()
        say(result, time.perf_counter() - start)
    elif command == "gemm":
        say(gemm())
    elif command == "flops":
        say(*flops())
    elif command == "export":
        from safetensors.torch import save_file

        save_file(case.exported(), argument)
        say("written")
    else:
        sys.exit(f"unknown command {command}")
