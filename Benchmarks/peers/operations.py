"""PyTorch's outputs and gradients of the engine's operations on fixed inputs, for the engine's tests.

Usage: python Benchmarks/peers/operations.py    (needs torch, safetensors, nnunetv2 2.8.1)
Writes operations, image_operations and compositions.safetensors in Tests/TensorsTests/Fixtures: for every case `NAME/input0`, ...,
`NAME/output`, `NAME/weights` and the gradients of sum(output * weights), `NAME/gradient0`, ... The names are those of the test's table.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from nnunetv2.training.loss.dice import MemoryEfficientSoftDiceLoss
from safetensors.torch import save_file

torch.set_num_threads(1)
generator = torch.Generator().manual_seed(3)


def normal(*shape):
    return torch.randn(shape, generator=generator)


def positive(*shape):
    return torch.rand(shape, generator=generator) + 0.5


def integers(bound, *shape):
    return torch.randint(bound, shape, generator=generator, dtype=torch.int32)


def ignoring(labels):
    labels.view(-1)[3::5] = -1
    return labels


def rows(x, norm):
    return norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def last(operation):
    """A convolution of images [N, H, W, C]."""
    return lambda x, *rest: operation(x.permute(0, 3, 1, 2), *rest).permute(0, 2, 3, 1)


def attend(scale):
    return lambda q, k, v: F.scaled_dot_product_attention(
        q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), scale=scale).transpose(1, 2)


def rotate(x, cosine, sine):
    head, tail = x[:, :1], x[:, 1:]
    a, b = tail.chunk(2, -1)
    turned = tail * cosine[None, :, None] + torch.cat([-b, a], -1) * sine[None, :, None]
    return torch.cat([head, turned], 1)


def dice(logits, labels, over_batch, background, smooth):
    mask = (labels >= 0)[:, None]
    loss = MemoryEfficientSoftDiceLoss(
        apply_nonlin=lambda x: x.softmax(1), batch_dice=over_batch, do_bg=background, smooth=smooth, ddp=False)
    return loss(logits, labels.clamp(min=0)[:, None].long(), loss_mask=mask)


def cross_entropy(logits, labels):
    return F.cross_entropy(logits, labels.long(), ignore_index=-1)


def resize(size, mode, **more):
    return lambda x: F.interpolate(x, size, mode=mode, **more)


def deformable(*maps):
    """Deformable attention by grid_sample, one map after the other."""
    def attend(value, places, weights):
        places = 0.4 * places + 0.5
        items, queries, heads = places.shape[:3]
        total, first = 0, 0
        for index, (height, width) in enumerate(maps):
            pixels = value[:, first:first + height * width].permute(0, 2, 3, 1).reshape(-1, value.shape[3], height, width)
            grid = (2 * places[:, :, :, index] - 1).transpose(1, 2).flatten(0, 1)
            seen = F.grid_sample(pixels, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
            shares = weights[:, :, :, index].transpose(1, 2).flatten(0, 1)[:, None]
            total = total + (seen * shares).sum(-1)
            first += height * width
        return total.reshape(items, heads, -1, queries).permute(0, 3, 1, 2)
    return attend


def scatter(rows):
    return lambda x, index: torch.zeros(rows, x.shape[1]).index_add(0, index.long(), x)


bilinear = dict(mode="bilinear", align_corners=False)
cases = {
    "add, column": ([normal(3, 1), normal(1, 7)], lambda a, b: a + b),
    "multiply, both repeat": ([normal(2, 1, 4), normal(3, 1)], lambda a, b: a * b),
    "divide, row": ([normal(3, 5), positive(5)], lambda a, b: a / b),
    "gelu": ([4 * normal(5, 41)], F.gelu),
    "leaky relu": ([normal(5, 7)], lambda x: F.leaky_relu(x, 0.01)),
    "sigmoid": ([normal(5, 7)], torch.sigmoid),
    "silu": ([3 * normal(5, 7)], F.silu),
    "exponential": ([3 * normal(5, 7)], torch.exp),
    "matrix product, b transposed": ([normal(2, 3, 5), normal(2, 4, 5)], lambda a, b: a @ b.mT),
    "linear": ([normal(2, 3, 5), normal(7, 5), normal(7)], F.linear),
    "convolution 3x3": (
        [normal(2, 3, 7, 6), normal(4, 3, 3, 3), normal(4)], lambda x, w, b: F.conv2d(x, w, b, padding=1)),
    "convolution 3x3, stride 2": (
        [normal(1, 2, 8, 7), normal(3, 2, 3, 3)], lambda x, w: F.conv2d(x, w, stride=2, padding=1)),
    "convolution 3x2, dilated, uneven": (
        [normal(1, 2, 9, 8), normal(3, 2, 3, 2), normal(3)],
        lambda x, w, b: F.conv2d(x, w, b, stride=(1, 2), padding=(2, 0), dilation=(2, 3))),
    "convolution, grouped": (
        [normal(2, 4, 5, 5), normal(6, 2, 3, 3), normal(6)], lambda x, w, b: F.conv2d(x, w, b, padding=1, groups=2)),
    "convolution, depthwise": (
        [normal(1, 5, 6, 4), normal(5, 1, 3, 3)], lambda x, w: F.conv2d(x, w, padding=1, groups=5)),
    "convolution, depthwise, channels last": (
        [normal(1, 3, 4, 70), normal(70, 1, 3, 3), normal(70)],
        last(lambda x, w, b: F.conv2d(x, w, b, padding=1, groups=70))),
    "convolution, depthwise 5x2, channels last": (
        [normal(2, 6, 5, 3), normal(3, 1, 5, 2)], last(lambda x, w: F.conv2d(x, w, padding=(2, 0), groups=3))),
    "convolution 1x1": ([normal(2, 3, 4, 5), normal(4, 3, 1, 1), normal(4)], F.conv2d),
    "convolution, patches": (
        [normal(2, 3, 8, 12), normal(5, 3, 4, 4), normal(5)], lambda x, w, b: F.conv2d(x, w, b, stride=4)),
    "convolution, patches with a rest": (
        [normal(1, 2, 7, 5), normal(3, 2, 2, 2), normal(3)], lambda x, w, b: F.conv2d(x, w, b, stride=2)),
    "convolution, patches channels last": (
        [normal(2, 8, 6, 3), normal(5, 3, 4, 2), normal(5)], last(lambda x, w, b: F.conv2d(x, w, b, stride=(4, 2)))),
    "transposed convolution 2x2": (
        [normal(2, 5, 3, 4), normal(5, 3, 2, 2), normal(3)], lambda x, w, b: F.conv_transpose2d(x, w, b, stride=2)),
    "transposed convolution 3x3, stride 2": (
        [normal(1, 4, 3, 4), normal(4, 3, 3, 3), normal(3)],
        lambda x, w, b: F.conv_transpose2d(x, w, b, stride=2, padding=1)),
    "transposed convolution, grouped": (
        [normal(1, 4, 3, 3), normal(4, 3, 2, 3)], lambda x, w: F.conv_transpose2d(x, w, stride=(2, 1), groups=2)),
    "transposed convolution, channels last": (
        [normal(2, 3, 4, 5), normal(5, 6, 2, 2), normal(6)],
        last(lambda x, w, b: F.conv_transpose2d(x, w, b, stride=2))),
    "resize, bilinear up": ([normal(2, 2, 3, 5)], resize((7, 8), **bilinear)),
    "resize, bilinear down": ([normal(1, 3, 9, 8)], resize((4, 3), **bilinear)),
    "resize, antialiased down": ([normal(1, 2, 11, 9)], resize((4, 3), antialias=True, **bilinear)),
    "resize, antialiased up": ([normal(1, 2, 3, 4)], resize((5, 9), antialias=True, **bilinear)),
    "resize, bilinear, channels last": ([normal(2, 3, 5, 2)], last(resize((7, 4), **bilinear))),
    "resize, bicubic up": ([normal(2, 2, 3, 5)], resize((7, 8), "bicubic")),
    "resize, bicubic down": ([normal(1, 3, 9, 1)], resize((4, 3), "bicubic")),
    "resize, bicubic antialiased": ([normal(1, 2, 11, 4)], resize((4, 7), "bicubic", antialias=True)),
    "resize, nearest": ([normal(1, 2, 5, 4)], resize((8, 3), "nearest")),
    "layer norm": (
        [normal(2, 3, 37), normal(37), normal(37)], lambda x, w, b: F.layer_norm(x, (37,), w, b, 1e-5)),
    "channel layer norm": (
        [normal(2, 5, 9, 8), normal(5), normal(5)],
        lambda x, w, b: rows(x, lambda y: F.layer_norm(y, (5,), w, b, 1e-5))),
    "normalize": ([normal(4, 6)], lambda x: F.normalize(x, dim=-1)),
    "softmax": ([4 * normal(3, 4, 19)], lambda x: x.softmax(-1)),
    "log softmax": ([4 * normal(3, 21)], lambda x: x.log_softmax(-1)),
    "attention": ([normal(2, 5, 3, 4), normal(2, 5, 3, 4), normal(2, 5, 3, 4)], attend(0.5)),
    "attention, other keys": ([normal(1, 3, 2, 6), normal(1, 7, 2, 6), normal(1, 7, 2, 6)], attend(0.4)),
    "deformable attention": (
        [normal(2, 12, 3, 4), normal(2, 7, 3, 1, 4, 2), normal(2, 7, 3, 1, 4)], deformable((3, 4))),
    "deformable attention, several maps": (
        [normal(1, 23, 2, 5), normal(1, 6, 2, 3, 2, 2), normal(1, 6, 2, 3, 2)], deformable((4, 5), (1, 1), (1, 2))),
    "rotary": ([normal(2, 5, 3, 8), normal(4, 8), normal(4, 8)], rotate),
    "gather": ([normal(4, 3), integers(4, 6)], lambda x, index: x[index.long()]),
    "scatter": ([normal(6, 3), integers(4, 6)], scatter(5)),
    "permute, any": ([normal(2, 3, 4, 5, 2)], lambda x: x.permute(3, 1, 4, 0, 2)),
    "sum, per channel": ([normal(3, 4, 5, 2)], lambda x: x.sum((0, 2, 3))),
    "cross-entropy": ([normal(2, 4, 9, 8), integers(4, 2, 9, 8)], cross_entropy),
    "cross-entropy, some ignored": ([normal(1, 3, 5, 5), ignoring(integers(3, 1, 5, 5))], cross_entropy),
    "soft Dice over the batch": (
        [normal(2, 4, 9, 8), integers(4, 2, 9, 8)], lambda x, y: dice(x, y, True, False, 1e-5)),
    "soft Dice, some ignored": (
        [normal(2, 3, 5, 5), ignoring(integers(3, 2, 5, 5))], lambda x, y: dice(x, y, False, False, 1e-5)),
    "soft Dice, background too": (
        [normal(2, 3, 5, 5), integers(3, 2, 5, 5)], lambda x, y: dice(x, y, False, True, 1)),
}

def save(cases, file):
    found = {}
    for name, (inputs, operation) in cases.items():
        inputs = [x.requires_grad_() if x.is_floating_point() else x for x in inputs]
        output = operation(*inputs)
        weights = torch.randn(output.shape, generator=generator)
        gradients = torch.autograd.grad(
            (output * weights).sum(), [x for x in inputs if x.is_floating_point()], retain_graph=True, allow_unused=True)
        for index, x in enumerate(inputs):
            found[f"{name}/input{index}"] = x.detach()
        floating = [index for index, x in enumerate(inputs) if x.is_floating_point()]
        for index, gradient in zip(floating, gradients):
            if gradient is not None:
                found[f"{name}/gradient{index}"] = gradient
        found[f"{name}/output"], found[f"{name}/weights"] = output.detach(), weights
    folder = Path(__file__).resolve().parents[2] / "Tests/TensorsTests/Fixtures"
    folder.mkdir(exist_ok=True)
    save_file({name: x.contiguous() for name, x in found.items()}, folder / file)


save(cases, "operations.safetensors")

# Norms over channels, pooling, and convolutions of images that lie in other ways or are small.
image_cases = {
    "convolution 3x3, stride 2, odd": (
        [normal(2, 3, 9, 7), normal(4, 3, 3, 3), normal(4)], lambda x, w, b: F.conv2d(x, w, b, stride=2, padding=1)),
    "convolution 3x3, one pixel": (
        [normal(2, 3, 1, 1), normal(4, 3, 3, 3), normal(4)], lambda x, w, b: F.conv2d(x, w, b, padding=1)),
    "convolution 1x3, one row": (
        [normal(1, 2, 1, 6), normal(3, 2, 1, 3), normal(3)],
        lambda x, w, b: F.conv2d(x, w, b, stride=(1, 2), padding=(0, 1))),
    "convolution, depthwise, stride 2": (
        [normal(2, 6, 7, 5), normal(6, 1, 3, 3), normal(6)],
        lambda x, w, b: F.conv2d(x, w, b, stride=2, padding=1, groups=6)),
    "transposed convolution 2x2, one pixel": (
        [normal(3, 4, 1, 1), normal(4, 3, 2, 2), normal(3)], lambda x, w, b: F.conv_transpose2d(x, w, b, stride=2)),
    "transposed convolution 2x1, odd": (
        [normal(1, 3, 5, 3), normal(3, 2, 2, 1), normal(2)],
        lambda x, w, b: F.conv_transpose2d(x, w, b, stride=(2, 1))),
    "instance norm": (
        [normal(2, 3, 5, 7), normal(3), normal(3)], lambda x, w, b: F.instance_norm(x, weight=w, bias=b, eps=1e-5)),
    "instance norm, leaky": (
        [normal(2, 3, 9, 4), normal(3), normal(3)],
        lambda x, w, b: F.leaky_relu(F.instance_norm(x, weight=w, bias=b, eps=1e-5), 0.01)),
    "instance norm, channels last": (
        [normal(2, 5, 7, 9), normal(9), normal(9)],
        last(lambda x, w, b: F.leaky_relu(F.instance_norm(x, weight=w, bias=b, eps=1e-5), 0.01))),
    "group norm": (
        [normal(2, 6, 3, 5), normal(6), normal(6)], lambda x, w, b: F.group_norm(x, 3, w, b, 1e-5)),
    "group norm, one group, channels last": (
        [normal(2, 3, 4, 6), normal(6), normal(6)], last(lambda x, w, b: F.group_norm(x, 1, w, b, 1e-3))),
    "batch norm": (
        [normal(3, 2, 4, 5), normal(2), normal(2)],
        lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True, eps=1e-5)),
    "batch norm, relu, channels last": (
        [normal(3, 5, 3, 4), normal(4), normal(4)],
        last(lambda x, w, b: F.relu(F.batch_norm(x, None, None, w, b, training=True, eps=1e-5)))),
    "batch norm, evaluation": (
        [normal(2, 3, 4, 5), normal(3), normal(3), normal(3), positive(3)],
        lambda x, w, b, m, v: F.batch_norm(
            x, m.detach(), v.detach(), w, b, training=False, eps=1e-5)),
    "max pool 2x2": ([normal(2, 3, 6, 4)], lambda x: F.max_pool2d(x, 2)),
    "max pool 3x3, padded, odd": ([normal(1, 2, 7, 5)], lambda x: F.max_pool2d(x, 3, 2, 1)),
    "average pool to 3x2": ([normal(2, 2, 7, 5)], lambda x: F.adaptive_avg_pool2d(x, (3, 2))),
    "average pool to more": ([normal(1, 2, 3, 2)], lambda x: F.adaptive_avg_pool2d(x, (5, 3))),
    "convolution 3x3, channels last": (
        [normal(2, 7, 6, 3), normal(4, 3, 3, 3), normal(4)], last(lambda x, w, b: F.conv2d(x, w, b, padding=1))),
    "convolution 3x3, stride 2, channels last": (
        [normal(1, 9, 8, 5), normal(3, 5, 3, 3)], last(lambda x, w: F.conv2d(x, w, stride=2, padding=1))),
    "blocked convolution 3x3": (
        [normal(2, 16, 5, 4), normal(16, 16, 3, 3), normal(16)], lambda x, w, b: F.conv2d(x, w, b, padding=1)),
    "blocked convolution 3x3, stride 2, from planes": (
        [normal(1, 2, 7, 6), normal(16, 2, 3, 3)], lambda x, w: F.conv2d(x, w, stride=2, padding=1)),
    "blocked convolution 1x1, to planes": ([normal(2, 16, 3, 5), normal(5, 16, 1, 1), normal(5)], F.conv2d),
    "blocked transposed convolution 2x2": (
        [normal(2, 16, 3, 2), normal(16, 16, 2, 2), normal(16)], lambda x, w, b: F.conv_transpose2d(x, w, b, stride=2)),
    "blocked instance norm, leaky": (
        [normal(2, 16, 5, 3), normal(16), normal(16)],
        lambda x, w, b: F.leaky_relu(F.instance_norm(x, weight=w, bias=b, eps=1e-5), 0.01)),
}

save(image_cases, "image_operations.safetensors")

# What takes several of the engine's operations.
compositions = {
    "weight-normalised linear": (
        [normal(3, 5), normal(7, 5)], lambda x, w: F.linear(F.normalize(x, dim=-1), F.normalize(w, dim=-1))),
    "SwiGLU": (
        [normal(2, 3, 5), normal(7, 5), normal(7, 5), normal(5, 7)],
        lambda x, gate, up, down: F.linear(F.silu(F.linear(x, gate)) * F.linear(x, up), down)),
}

save(compositions, "compositions.safetensors")
