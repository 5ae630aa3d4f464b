"""DINO U-Net in PyTorch, written from the papers' descriptions: DINO U-Net (arXiv 2508.20909), ViT-Adapter (arXiv 2205.08534) in
the form that leaves the transformer alone, and deformable attention (arXiv 2010.04159). The frozen transformer is Hugging
Face's DINOv3ViT. SegBench's `DINOUNet` is compared with it.
"""

import math
import re

import torch
from torch import nn
from torch.nn import functional as F

from segformer_reference import to_image, to_tokens
from vit_reference import block_tokens


def centres(height, width):
    """The pixels' centres as (x, y) from 0 to 1, row by row."""
    y, x = torch.meshgrid((torch.arange(height) + 0.5) / height, (torch.arange(width) + 0.5) / width, indexing="ij")
    return torch.stack([x, y], -1).flatten(0, 1)


class DeformableAttention(nn.Module):
    def __init__(self, width, heads, points, ratio):
        super().__init__()
        inner = int(width * ratio)
        self.heads, self.points = heads, points
        self.samplingOffsets = nn.Linear(width, heads * points * 2)
        self.attentionWeights = nn.Linear(width, heads * points)
        self.value, self.output = nn.Linear(width, inner), nn.Linear(inner, width)
        angles = torch.arange(heads) * 2 * math.pi / heads
        directions = torch.stack([angles.cos(), angles.sin()], -1)
        directions = directions / directions.abs().max(-1, keepdim=True)[0]
        steps = torch.arange(1, points + 1)[None, :, None]
        with torch.no_grad():
            self.samplingOffsets.weight.zero_()
            self.samplingOffsets.bias.copy_((directions[:, None] * steps).flatten())
            for parameter in self.attentionWeights.parameters():
                parameter.zero_()

    def forward(self, queries, references, features, height, width):
        n, q = queries.shape[:2]
        values = self.value(features).unflatten(-1, (self.heads, -1)).permute(0, 2, 3, 1)
        values = values.reshape(n * self.heads, -1, height, width)
        offsets = self.samplingOffsets(queries).view(n, q, self.heads, self.points, 2)
        seen = references[None, :, None, None] + offsets / torch.tensor([width, height])
        grid = (2 * seen - 1).transpose(1, 2).reshape(n * self.heads, q, self.points, 2)
        found = F.grid_sample(values, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
        weights = self.attentionWeights(queries).view(n, q, self.heads, self.points).softmax(-1)
        found = (found * weights.transpose(1, 2).reshape(n * self.heads, 1, q, self.points)).sum(-1)
        return self.output(found.view(n, -1, q).transpose(1, 2))


class Extractor(nn.Module):
    def __init__(self, width, heads, points, ratio, feed_forward_ratio):
        super().__init__()
        hidden = int(width * feed_forward_ratio)
        self.queryNorm, self.featureNorm, self.feedForwardNorm = (nn.LayerNorm(width, eps=1e-6) for _ in range(3))
        self.attention = DeformableAttention(width, heads, points, ratio)
        self.expand, self.contract = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.depthwise = nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden)

    def forward(self, queries, references, sizes, features, height, width):
        queries = queries + self.attention(self.queryNorm(queries), references, self.featureNorm(features), height, width)
        hidden = self.expand(self.feedForwardNorm(queries)).split([h * w for h, w in sizes], 1)
        mixed = [to_tokens(self.depthwise(to_image(x, *size))) for x, size in zip(hidden, sizes)]
        return queries + self.contract(F.gelu(torch.cat(mixed, 1)))


class Step(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x):
        return F.relu(self.norm(self.convolution(x)))


class Prior(nn.Module):
    def __init__(self, inner, width):
        super().__init__()
        sizes = [3, inner, inner, inner, 2 * inner, 4 * inner, 4 * inner]
        strides = [2, 1, 1, 2, 2, 2]
        self.steps = nn.ModuleList(Step(*size) for size in zip(sizes, sizes[1:], strides))
        self.projections = nn.ModuleList(nn.Conv2d(size, width, 1) for size in sizes[-4:])

    def forward(self, x):
        maps = []
        for index, step in enumerate(self.steps):
            x = step(x)
            if index == 2:
                x = F.max_pool2d(x, 3, 2, 1)
            if index >= 2:
                maps.append(x)
        return [projection(x) for projection, x in zip(self.projections, maps)]


class Adapter(nn.Module):
    def __init__(self, width, blocks, heads, points, ratio, feed_forward_ratio, inner):
        super().__init__()
        self.prior = Prior(inner, width)
        self.levels = nn.Parameter(torch.randn(3, width))
        self.extractors = nn.ModuleList(
            nn.ModuleList(Extractor(width, heads, points, ratio, feed_forward_ratio) for _ in range(turns))
            for turns in [1] * (blocks - 1) + [3])
        self.upsample = nn.ConvTranspose2d(width, width, 2, 2)
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for _ in range(4))

    def forward(self, images, tokens, rows, columns):
        first, *others = self.prior(images)
        sizes = [x.shape[2:] for x in others]
        queries = torch.cat([to_tokens(x) + level for x, level in zip(others, self.levels)], 1)
        references = torch.cat([centres(*size) for size in sizes])
        for features, extractors in zip(tokens, self.extractors):
            for extractor in extractors:
                queries = extractor(queries, references, sizes, features, rows, columns)
        maps = [to_image(x, *size) for x, size in zip(queries.split([h * w for h, w in sizes], 1), sizes)]
        maps.insert(0, self.upsample(maps[0]) + first)
        patches = [to_image(x, rows, columns) for x in tokens]
        return [norm(x + F.interpolate(patch, x.shape[2:], mode="bilinear"))
                for norm, x, patch in zip(self.norms, maps, patches)]


class Block(nn.Module):
    """A convolution, instance normalisation and leaky ReLU."""

    def __init__(self, inputs, outputs, kernel):
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
        self.norm = nn.InstanceNorm2d(outputs, affine=True)

    def forward(self, x):
        return F.leaky_relu(self.norm(self.convolution(x)), 0.01)


class Level(nn.Module):
    def __init__(self, inputs, rank, width):
        super().__init__()
        self.own, self.film = nn.Conv2d(inputs, rank, 1), nn.Conv2d(rank, 2 * rank, 1)
        self.reduce = Block(rank, width, 1)
        self.depthwise = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.pointwise, self.refine = Block(width, width, 1), nn.Conv2d(width, width, 1)
        squeezed = max(1, width // 16)
        self.squeeze, self.excite = nn.Conv2d(width, squeezed, 1), nn.Conv2d(squeezed, width, 1)
        self.shortcut = nn.Conv2d(rank, width, 1) if rank != width else nn.Identity()

    def forward(self, x, shared):
        factor, shift = self.film(shared).chunk(2, 1)
        modulated = factor * self.own(x) + shift
        refined = self.refine(self.pointwise(self.depthwise(self.reduce(modulated))))
        weight = self.excite(F.relu(self.squeeze(refined.mean((2, 3), keepdim=True)))).sigmoid()
        return refined * weight + self.shortcut(modulated)


class Projection(nn.Module):
    def __init__(self, inputs, rank, widths):
        super().__init__()
        self.shared = nn.Conv2d(inputs, rank, 1)
        self.levels = nn.ModuleList(Level(inputs, rank, width) for width in widths)

    def forward(self, features):
        return [level(x, self.shared(x)) for level, x in zip(self.levels, features)]


class Decoder(nn.Module):
    """nnU-Net's: from the coarsest features up, each stage doubles the resolution, joins the skip and convolves."""

    def __init__(self, widths, convolutions, classes):
        super().__init__()
        pairs = list(zip(widths[::-1], widths[-2::-1]))
        self.upsamples = nn.ModuleList(nn.ConvTranspose2d(below, width, 2, 2) for below, width in pairs)
        self.stages = nn.ModuleList(
            nn.Sequential(*[Block(width if i else 2 * width, width, 3) for i in range(convolutions)])
            for _, width in pairs)
        self.classifier = nn.Conv2d(widths[0], classes, 1)

    def forward(self, skips):
        x = skips[-1]
        for upsample, stage, skip in zip(self.upsamples, self.stages, skips[-2::-1]):
            x = stage(torch.cat([upsample(x), skip], 1))
        return self.classifier(x)


class DINOUNet(nn.Module):
    def __init__(self, encoder, blocks, classes, heads=16, points=4, ratio=0.5, feed_forward_ratio=0.25, inner=64,
                 rank=256, widths=(32, 64, 128, 256), convolutions=2):
        super().__init__()
        self.encoder, self.blocks = encoder.requires_grad_(False), blocks
        width = encoder.config.hidden_size
        self.adapter = Adapter(width, len(blocks), heads, points, ratio, feed_forward_ratio, inner)
        self.projection = Projection(width, rank, widths)
        self.upsamples = nn.ModuleList(nn.ConvTranspose2d(w, w, 2, 2) for w in widths)
        self.decoder = Decoder(widths, convolutions, classes)

    def forward(self, images):
        images = images.expand(-1, 3, -1, -1)
        patch = self.encoder.config.patch_size
        with torch.no_grad():
            found = block_tokens(self.encoder, images, self.blocks)
        tokens = [found[index][0] for index in self.blocks]
        features = self.adapter(images, tokens, images.shape[2] // patch, images.shape[3] // patch)
        features = self.projection(features)
        return self.decoder([up(up(x)) for up, x in zip(self.upsamples, features)])


def own_names(state):
    """SegBench's parameter names and shapes for a `DINOUNet` module's tensors, but the encoder's."""
    result = {}
    for name, tensor in state.items():
        if name.startswith("encoder."):
            continue
        if re.search(r"adapter\.prior\.projections\.\d\.weight", name):
            tensor = tensor.flatten(1)
        result[re.sub(r"(adapter\.prior\.steps\.\d)\.convolution\.", r"\1.", name)] = tensor
    return result
