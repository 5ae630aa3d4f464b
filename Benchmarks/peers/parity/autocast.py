"""usage: autocast.py FILE: a vision transformer in bfloat16 as TorchPrecisionTests left it (SEGBENCH_AUTOCAST=FILE), against Python's
autocast: tokens and gradients must have the same bits."""
import json
import struct
import sys

import torch
import torch.nn.functional as F


def read(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = bytearray(file.read())
    return {
        name: torch.frombuffer(data, dtype=torch.float32, count=(entry["data_offsets"][1] - entry["data_offsets"][0]) // 4,
                               offset=entry["data_offsets"][0]).view(entry["shape"]).clone()
        for name, entry in header.items() if name != "__metadata__"
    }


torch.use_deterministic_algorithms(True)
torch.set_num_threads(int(sys.argv[2]) if len(sys.argv) > 2 else torch.get_num_threads())
arrays = read(sys.argv[1])
depth = 1 + max(int(name.split(".")[2]) for name in arrays if name.startswith("encoder.blocks."))
weights = {name: value.requires_grad_() for name, value in arrays.items() if name.startswith("encoder.")}
p = lambda name: weights["encoder." + name]
images, cosine, sine = arrays["images"], arrays["cosine"], arrays["sine"]
count, _, height, width = images.shape
patch, heads, prefix = p("patchEmbedding.weight").shape[2], arrays["query"].shape[2], arrays["query"].shape[0]


def rotary(x):
    rest, half = x.narrow(1, prefix, x.shape[1] - prefix), x.shape[3] // 2
    turned = torch.cat([-rest[..., half:], rest[..., :half]], -1)
    y = rest * cosine.unsqueeze(1) + turned * sine.unsqueeze(1)
    return torch.cat([x.narrow(1, 0, prefix).to(y.dtype), y], 1)


with torch.autocast("cpu", torch.bfloat16):
    seen = images.reshape(count, height, width, 1).permute(0, 3, 1, 2)
    patches = F.conv2d(seen, p("patchEmbedding.weight"), p("patchEmbedding.bias"), stride=patch)
    patches = patches.permute(0, 2, 3, 1).reshape(count, -1, patches.shape[1])
    first = torch.cat([p("classToken"), p("storageTokens")], 1) + torch.zeros(count, 1, 1)
    x = torch.cat([first, patches], 1)
    size = x.shape[2]
    for index in range(depth):
        b = lambda name: p(f"blocks.{index}.{name}")
        norm = lambda x, name: F.layer_norm(x, (size,), b(name + ".weight"), b(name + ".bias"), 1e-5)
        linear = lambda x, name: F.linear(x, b(name + ".weight"), weights.get(f"encoder.blocks.{index}.{name}.bias"))
        split = lambda x: x.reshape(count, -1, heads, size // heads)
        y = norm(x, "norm1")
        query, key, value = (split(linear(y, "attention." + name)) for name in ("query", "key", "value"))
        attended = F.scaled_dot_product_attention(*(t.transpose(1, 2) for t in (rotary(query), rotary(key), value)),
                                                  scale=1 / (size // heads) ** 0.5)
        x = x + linear(attended.transpose(1, 2).reshape(count, -1, size), "attention.output") * b("scale1")
        x = x + linear(F.gelu(linear(norm(x, "norm2"), "mlp.expand")), "mlp.contract") * b("scale2")
    tokens = F.layer_norm(x, (size,), p("norm.weight"), p("norm.bias"), 1e-5)[:, prefix:]
(tokens * arrays["weights"]).sum().backward()

differences = [] if torch.equal(tokens, arrays["tokens"]) else ["tokens"]
for name, value in weights.items():
    if not torch.equal(value.grad, arrays["gradient of " + name]):
        worst = (value.grad - arrays["gradient of " + name]).abs().max() / value.grad.abs().max()
        differences.append(f"the gradient of {name} ({worst:.1e})")
if differences:
    sys.exit("not the bits of Python's autocast: " + ", ".join(differences))
print(f"bf16: tokens and {len(weights)} gradients have the bits of Python's autocast (PyTorch {torch.__version__})")
