"""The operations that `engine.py` times one by one, as PyTorch has them. Benchmarks/engine/Operations.swift has those of the same names.

    python Benchmarks/peers/speed/engine_operations.py THREADS    answers lines: `export PATH`, `run NAME`

Sizes are those of the networks that `engine.py` times whole.
"""

import sys
import time

import torch
import torch.nn.functional as F


def normal(*shape):
    return torch.randn(shape)


def positive(*shape):
    return torch.rand(shape) + 0.5


def indices(bound, *shape):
    return torch.randint(bound, shape)


def channels_first(function):
    """A function of images [N, C, H, W] as one of images [N, H, W, C], as both lie in memory."""
    return lambda x, *rest: function(x.permute(0, 3, 1, 2), *rest).permute(0, 2, 3, 1)


def attend(q, k, v):
    return F.scaled_dot_product_attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)).transpose(1, 2)


def rotate(x, cosine, sine):
    head, tail = x[:, :1], x[:, 1:]
    a, b = tail.chunk(2, -1)
    return torch.cat([head, tail * cosine[:, None] + torch.cat([-b, a], -1) * sine[:, None]], 1)


def look(value, places, weights):
    """Deformable attention on one map of 16 x 16."""
    n, _, heads, depth = value.shape
    queries, points = places.shape[1], places.shape[4]
    image = value.permute(0, 2, 3, 1).reshape(n * heads, depth, 16, 16)
    grid = (2 * places - 1).permute(0, 2, 1, 3, 4, 5).reshape(n * heads, queries, points, 2)
    found = F.grid_sample(image, grid, align_corners=False)
    found = (found * weights.permute(0, 2, 1, 3, 4).reshape(n * heads, 1, queries, points)).sum(-1)
    return found.reshape(n, heads, depth, queries).permute(0, 3, 1, 2)


def dice(logits, labels):
    from engine_cases import soft_dice

    return soft_dice(logits, labels)


def nested(labels):
    """The masks of sixteen regions of which each holds the next one."""
    return (labels[:, None] >= torch.arange(16)[:, None, None]).float()


def region_cross_entropy(logits, labels):
    return F.binary_cross_entropy_with_logits(logits, nested(labels))


def region_dice(logits, labels):
    masks, p = nested(labels), logits.sigmoid()
    both, predicted, reference = ((x).sum((0, 2, 3)) for x in (p * masks, p, masks))
    return -((2 * both + 1e-5) / (predicted + reference + 1e-5)).mean()


def koleo(features):
    """Minus the mean logarithm of the distance to the nearest other feature."""
    unit = F.normalize(features, dim=-1, eps=1e-8)
    with torch.no_grad():
        nearest = (unit @ unit.T).fill_diagonal_(-2).argmax(1)
    distance = ((unit - unit[nearest]).square().sum(1) + 1e-16).sqrt()
    return -(distance + 1e-8).log().mean()


def leaky(norm):
    return lambda *inputs: F.leaky_relu(norm(*inputs), 0.01)


# Name -> (sizes, function, its inputs).
OPERATIONS = {
    "add": ("2 x 785 x 384", torch.add, lambda: [normal(2, 785, 384), normal(2, 785, 384)]),
    "multiply": ("4096 x 256 by 256", torch.mul, lambda: [normal(4096, 256), normal(256)]),
    "divide": ("4096 x 256 by 256", torch.div, lambda: [normal(4096, 256), positive(256)]),
    "affine": ("1570 x 1536", lambda x: 2.5 * x + 0.5, lambda: [normal(1570, 1536)]),
    "residual": ("2 x 785 x 384, scaled", lambda x, b, s: x + b * s,
                 lambda: [normal(2, 785, 384), normal(2, 785, 384), normal(384)]),
    "gelu": ("1570 x 1536", F.gelu, lambda: [normal(1570, 1536)]),
    "sigmoid": ("1570 x 1536", torch.sigmoid, lambda: [normal(1570, 1536)]),
    "relu": ("1570 x 1536", F.relu, lambda: [normal(1570, 1536)]),
    "leakyRelu": ("1570 x 1536", lambda x: F.leaky_relu(x, 0.01), lambda: [normal(1570, 1536)]),
    "logarithm": ("1570 x 1536", torch.log, lambda: [positive(1570, 1536)]),
    "squareRoot": ("1570 x 1536", torch.sqrt, lambda: [positive(1570, 1536)]),
    "dropout": ("2 x 785 x 768", lambda x: F.dropout(x, 0.1), lambda: [normal(2, 785, 768)]),
    "dropout of channels": ("2 x 64 x 64 x 768, channels last", channels_first(lambda x: F.dropout2d(x, 0.2)),
                            lambda: [normal(2, 64, 64, 768)]),
    "matrixProduct": ("12 x 261 x 261 by 64", torch.matmul, lambda: [normal(12, 261, 261), normal(12, 261, 64)]),
    "linear": ("1570 x 384 to 1536", F.linear, lambda: [normal(1570, 384), normal(1536, 384), normal(1536)]),
    "linear, GELU": ("1570 x 384 to 1536", lambda *inputs: F.gelu(F.linear(*inputs)),
                     lambda: [normal(1570, 384), normal(1536, 384), normal(1536)]),
    "linear, weight-normalised": ("1570 x 256 to 4096", lambda x, w: F.linear(F.normalize(x, dim=-1), F.normalize(w, dim=-1)),
                                  lambda: [normal(1570, 256), normal(4096, 256)]),
    "convolution": ("3 x 3, 64 to 64 of 128 x 128", lambda x, w, b: F.conv2d(x, w, b, padding=1),
                    lambda: [normal(1, 64, 128, 128), normal(64, 64, 3, 3), normal(64)]),
    "convolution, channels last": ("3 x 3, 64 to 64 of 128 x 128", channels_first(lambda x, w, b: F.conv2d(x, w, b, padding=1)),
                                   lambda: [normal(1, 128, 128, 64), normal(64, 64, 3, 3), normal(64)]),
    "convolution, stride 2": ("3 x 3, 64 to 128 of 128 x 128", lambda x, w, b: F.conv2d(x, w, b, 2, 1),
                              lambda: [normal(1, 64, 128, 128), normal(128, 64, 3, 3), normal(128)]),
    "convolution, grouped": ("3 x 3, 64 to 64 of 128 x 128, 4 groups", lambda x, w, b: F.conv2d(x, w, b, padding=1, groups=4),
                             lambda: [normal(1, 64, 128, 128), normal(64, 16, 3, 3), normal(64)]),
    "convolution, depthwise": ("3 x 3 of 64 x 64 x 256, channels last",
                               channels_first(lambda x, w, b: F.conv2d(x, w, b, padding=1, groups=256)),
                               lambda: [normal(2, 64, 64, 256), normal(256, 1, 3, 3), normal(256)]),
    "convolution, patches": ("16 x 16 of 448 x 448, channels last", channels_first(lambda x, w, b: F.conv2d(x, w, b, stride=16)),
                             lambda: [normal(2, 448, 448, 1), normal(384, 1, 16, 16), normal(384)]),
    "transposedConvolution": ("2 x 2, 192 to 96 of 112 x 112, channels last",
                              channels_first(lambda x, w, b: F.conv_transpose2d(x, w, b, stride=2)),
                              lambda: [normal(1, 112, 112, 192), normal(192, 96, 2, 2), normal(96)]),
    "layerNorm": ("1570 x 384", lambda x, w, b: F.layer_norm(x, (384,), w, b, 1e-5),
                  lambda: [normal(1570, 384), normal(384), normal(384)]),
    "layerNorm, GELU": ("50176 x 96", lambda x, w, b: F.gelu(F.layer_norm(x, (96,), w, b, 1e-6)),
                        lambda: [normal(50176, 96), normal(96), normal(96)]),
    "groupNorm": ("2 x 64 x 64 x 64, 8 groups", lambda x, w, b: F.group_norm(x, 8, w, b),
                  lambda: [normal(2, 64, 64, 64), normal(64), normal(64)]),
    "groupNorm, leaky ReLU": ("an image of 32 x 256 x 256", leaky(lambda x, w, b: F.instance_norm(x, weight=w, bias=b)),
                              lambda: [normal(1, 32, 256, 256), normal(32), normal(32)]),
    "batchNorm": ("2 x 64 x 64 x 64", lambda x, w, b: F.batch_norm(x, None, None, w, b, True),
                  lambda: [normal(2, 64, 64, 64), normal(64), normal(64)]),
    "batchNorm, evaluation": ("2 x 64 x 64 x 64", lambda x, w, b, mean, variance: F.batch_norm(x, mean, variance, w, b),
                              lambda: [normal(2, 64, 64, 64), normal(64), normal(64), normal(64), positive(64)]),
    "normalize": ("1570 x 384", lambda x: F.normalize(x, dim=-1), lambda: [normal(1570, 384)]),
    "softmax": ("1344 x 64 x 16", lambda x: x.softmax(-1), lambda: [normal(1344, 64, 16)]),
    "logSoftmax": ("1570 x 384", lambda x: x.log_softmax(-1), lambda: [normal(1570, 384)]),
    "attention": ("2 x 785 x 6 x 64", attend, lambda: [normal(2, 785, 6, 64) for _ in range(3)]),
    "rotary": ("2 x 785 x 6 x 64", rotate, lambda: [normal(2, 785, 6, 64), positive(784, 64), positive(784, 64)]),
    "deformableAttention": ("1344 queries, 16 heads of 24, 4 points", look,
                            lambda: [normal(1, 256, 16, 24), torch.rand(1, 1344, 16, 1, 4, 2), normal(1, 1344, 16, 1, 4)]),
    "permute": ("2 x 128 x 128 x 64 to channels first", lambda x: x.permute(0, 3, 1, 2).contiguous(),
                lambda: [normal(2, 128, 128, 64)]),
    "concatenate": ("two of 64 x 64 x 256", lambda a, b: torch.cat([a, b], -1),
                    lambda: [normal(64, 64, 256), normal(64, 64, 256)]),
    "slice": ("half of 64 x 64 x 512", lambda x: x[..., 256:].contiguous(), lambda: [normal(64, 64, 512)]),
    "resize, nearest": ("2 x 16 x 64 x 64 to 256 x 256", lambda x: F.interpolate(x, (256, 256)), lambda: [normal(2, 16, 64, 64)]),
    "resize, bilinear": ("2 x 16 x 64 x 64 to 256 x 256", lambda x: F.interpolate(x, (256, 256), mode="bilinear"),
                         lambda: [normal(2, 16, 64, 64)]),
    "resize, bicubic": ("2 x 16 x 64 x 64 to 256 x 256", lambda x: F.interpolate(x, (256, 256), mode="bicubic"),
                        lambda: [normal(2, 16, 64, 64)]),
    "resize, bilinear antialiased": ("2 x 16 x 256 x 256 to 96 x 96",
                                     lambda x: F.interpolate(x, (96, 96), mode="bilinear", antialias=True),
                                     lambda: [normal(2, 16, 256, 256)]),
    "resize, bicubic antialiased": ("2 x 16 x 256 x 256 to 96 x 96",
                                    lambda x: F.interpolate(x, (96, 96), mode="bicubic", antialias=True),
                                    lambda: [normal(2, 16, 256, 256)]),
    "maxPool": ("3 x 3 of 64 x 128 x 128", lambda x: F.max_pool2d(x, 3, 2, 1), lambda: [normal(1, 64, 128, 128)]),
    "gather": ("4096 of 8192 rows of 256", lambda x, i: x[i], lambda: [normal(8192, 256), indices(8192, 4096)]),
    "sum": ("1570 x 1536 over the rows", lambda x: x.sum(0), lambda: [normal(1570, 1536)]),
    "KoLeo": ("256 of 768", koleo, lambda: [normal(256, 768)]),
    "crossEntropy": ("2 x 16 x 256 x 256", F.cross_entropy, lambda: [normal(2, 16, 256, 256), indices(16, 2, 256, 256)]),
    "softDice": ("2 x 16 x 256 x 256", dice, lambda: [normal(2, 16, 256, 256), indices(16, 2, 256, 256)]),
    "regionCrossEntropy": ("2 x 16 x 256 x 256", region_cross_entropy,
                           lambda: [normal(2, 16, 256, 256), indices(16, 2, 256, 256)]),
    "regionDice": ("2 x 16 x 256 x 256", region_dice, lambda: [normal(2, 16, 256, 256), indices(16, 2, 256, 256)]),
}
# Inputs that are constants: no gradient is asked for.
CONSTANTS = {"rotary": (1, 2), "batchNorm, evaluation": (3, 4)}
# How far the outputs' means may lie apart where both sides draw random numbers of their own; elsewhere 1e-4.
TOLERANCES = {"dropout": 2e-3, "dropout of channels": 2e-3}


def main(threads):
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    arrays = {}
    for name, (_, function, make) in OPERATIONS.items():
        inputs = [
            x.requires_grad_() if x.is_floating_point() and place not in CONSTANTS.get(name, ()) else x
            for place, x in enumerate(make())]
        with torch.no_grad():
            slopes = torch.randn_like(function(*inputs))
        arrays[name] = inputs, slopes.contiguous()
    print("ready", flush=True)
    for line in sys.stdin:
        command, _, argument = line.strip().partition(" ")
        if command == "export":
            from safetensors.torch import save_file

            save_file({f"{name}/{place}": x.detach().float().contiguous()
                       for name, (inputs, slopes) in arrays.items() for place, x in enumerate([*inputs, slopes])}, argument)
            print("written", flush=True)
            continue
        inputs, slopes = arrays[argument]
        start = time.perf_counter()
        output = OPERATIONS[argument][1](*inputs)
        torch.autograd.grad(output, [x for x in inputs if x.requires_grad], slopes)
        print(output.double().mean().item(), time.perf_counter() - start, flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
