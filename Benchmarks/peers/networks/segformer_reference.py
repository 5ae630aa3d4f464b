"""SegFormer as MedDINOv3's comparison has it, in PyTorch, written from its description (Xie et al. 2021 and the notes' row 4):
a mix transformer whose feed-forward networks add their input to the depthwise convolution and normalise the sum, an MLP
decoder with channel dropout, and a transposed convolution of 4 x 4 as the last step. SegBench's `SegFormer` is compared with it.
"""

import re

import torch
from torch import nn
from torch.nn import functional as F


def to_image(tokens, height, width):
    return tokens.transpose(1, 2).reshape(tokens.shape[0], -1, height, width)


def to_tokens(image):
    return image.flatten(2).transpose(1, 2)


class Embedding(nn.Module):
    def __init__(self, channels, width, kernel, stride):
        super().__init__()
        self.convolution = nn.Conv2d(channels, width, kernel, stride, kernel // 2)
        self.norm = nn.LayerNorm(width)

    def forward(self, image):
        image = self.convolution(image)
        return self.norm(to_tokens(image)), *image.shape[2:]


class Attention(nn.Module):
    """Queries of every token, keys and values of windows of `reduction` x `reduction` tokens."""

    def __init__(self, width, heads, reduction):
        super().__init__()
        self.query, self.key, self.value, self.output = (nn.Linear(width, width) for _ in range(4))
        self.heads = heads
        self.reduction = nn.Conv2d(width, width, reduction, reduction) if reduction > 1 else None
        self.norm = nn.LayerNorm(width) if reduction > 1 else None

    def forward(self, x, height, width):
        source = x
        if self.reduction is not None:
            source = self.norm(to_tokens(self.reduction(to_image(x, height, width))))

        def split(y):
            return y.unflatten(-1, (self.heads, -1)).transpose(1, 2)

        seen = F.scaled_dot_product_attention(split(self.query(x)), split(self.key(source)), split(self.value(source)))
        return self.output(seen.transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    def __init__(self, width, hidden, skip):
        super().__init__()
        self.expand, self.contract = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.depthwise = nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden)
        self.norm = nn.LayerNorm(hidden) if skip else None

    def forward(self, x, height, width):
        inner = self.expand(x)
        mixed = to_tokens(self.depthwise(to_image(inner, height, width)))
        if self.norm is not None:
            mixed = self.norm(mixed + inner)
        return self.contract(F.gelu(mixed))


class Block(nn.Module):
    def __init__(self, width, heads, reduction, skip):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads, reduction)
        self.feedForward = FeedForward(width, 4 * width, skip)

    def forward(self, x, height, width):
        x = x + self.attention(self.norm1(x), height, width)
        return x + self.feedForward(self.norm2(x), height, width)


class Stage(nn.Module):
    def __init__(self, channels, width, depth, heads, reduction, kernel, stride, skip):
        super().__init__()
        self.embedding = Embedding(channels, width, kernel, stride)
        self.blocks = nn.ModuleList(Block(width, heads, reduction, skip) for _ in range(depth))
        self.norm = nn.LayerNorm(width)

    def forward(self, image):
        x, height, width = self.embedding(image)
        for block in self.blocks:
            x = block(x, height, width)
        return to_image(self.norm(x), height, width)


class Decoder(nn.Module):
    def __init__(self, widths, width, classes, dropout):
        super().__init__()
        self.projections = nn.ModuleList(nn.Linear(w, width) for w in widths)
        self.fusion = nn.Conv2d(width * len(widths), width, 1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.dropout = nn.Dropout2d(dropout)
        self.classifier = nn.Conv2d(width, classes, 1)
        self.upsample = nn.ConvTranspose2d(classes, classes, 4, 4)

    def forward(self, images):
        size = images[0].shape[2:]
        projected = [to_image(layer(to_tokens(x)), *x.shape[2:]) for layer, x in zip(self.projections, images)]
        joined = torch.cat([F.interpolate(x, size, mode="bilinear") for x in reversed(projected)], 1)
        x = self.dropout(F.relu(self.norm(self.fusion(joined))))
        return self.upsample(self.classifier(x))


class SegFormer(nn.Module):
    def __init__(self, widths, depths, heads, reductions, decoder, classes, dropout=0.2, skip=True):
        super().__init__()
        self.stages = nn.ModuleList(
            Stage(channels, width, depth, head, reduction, kernel, stride, skip)
            for channels, width, depth, head, reduction, kernel, stride in zip(
                [3, *widths], widths, depths, heads, reductions, [7, 3, 3, 3], [4, 2, 2, 2]))
        self.decoder = Decoder(widths, decoder, classes, dropout)

    def forward(self, images):
        x, found = images.expand(-1, 3, -1, -1), []
        for stage in self.stages:
            x = stage(x)
            found.append(x)
        return self.decoder(found)


def own_names(state):
    """SegBench's parameter names and shapes for a `SegFormer` module's tensors."""
    result = {}
    for name, tensor in state.items():
        name = re.sub(r"(embedding)\.convolution\.", r"\1.", name)
        name = re.sub(r"attention\.(reduction|norm)\.", lambda m: {
            "reduction": "attention.reduction.", "norm": "attention.reduction.norm."}[m[1]], name)
        if re.search(r"decoder\.(fusion|classifier)\.weight", name):
            tensor = tensor.flatten(1)
        result[name] = tensor
    return result
