"""The networks that `engine.py` times, as PyTorch has them. A case is a function that returns a `Case`; Benchmarks/engine/Cases.swift
builds the same network on our side from the tensors that `exported` names.
"""

import pathlib
import sys
from dataclasses import dataclass, field
from typing import Callable

import torch
import torch.nn.functional as F

sys.path += [str(pathlib.Path(__file__).resolve().parents[1] / name) for name in ("fixtures", "networks")]


@dataclass
class Case:
    model: torch.nn.Module  # images [N, C, H, W] -> logits [N, classes, H, W], or a list of them, the finest first
    images: torch.Tensor
    labels: torch.Tensor  # int64 [N, H, W]
    optimizer: torch.optim.Optimizer
    own_names: Callable  # a state dict -> SegBench's names and shapes
    clip: float = 12
    extra: dict = field(default_factory=dict)  # what else our side must know, as tensors

    def exported(self):
        arrays = {**self.own_names(self.model.state_dict()), "batch.images": self.images,
                  "batch.labels": self.labels.float(), **self.extra}
        return {name: tensor.detach().contiguous().clone() for name, tensor in arrays.items()}

    def loss(self, outputs):
        """nnU-Net's loss of one output, or of several with deep supervision: weights halve, the last one is 0."""
        if torch.is_tensor(outputs):
            return soft_dice(outputs, self.labels) + F.cross_entropy(outputs, self.labels)
        weights = [0.5**index for index in range(len(outputs) - 1)]
        total = 0
        for output, weight in zip(outputs, weights):
            labels = F.interpolate(self.labels[:, None].float(), output.shape[2:], mode="nearest-exact")[:, 0].long()
            total = total + weight / sum(weights) * (soft_dice(output, labels) + F.cross_entropy(output, labels))
        return total


def soft_dice(logits, labels):
    """nnU-Net's soft Dice over the batch without the background."""
    p = logits.softmax(1)[:, 1:]
    with torch.no_grad():
        truth = torch.zeros_like(logits, dtype=torch.bool).scatter_(1, labels[:, None], True)[:, 1:]
        size = truth.sum((0, 2, 3))
    both, predicted = (p * truth).sum((0, 2, 3)), p.sum((0, 2, 3))
    return -((2 * both + 1e-5) / torch.clip(size + predicted + 1e-5, 1e-8)).mean()


def batch(items, size, classes, channels=1):
    images = torch.randn(items, channels, size, size)
    return images, torch.randint(classes, (items, size, size))


def primus(width, depth, heads, items, size=448, classes=16):
    """A ViT/16 with the multi-scale Primus decoder, trained as MedDINOv3 was."""
    from vit_reference import Primus, own_names, randomise, vision_transformer

    blocks = [quarter * depth // 4 - 1 for quarter in (1, 2, 3, 4)]
    model = Primus(vision_transformer(width, depth, heads, patch=16, storage=4), blocks, classes)
    randomise(model, 1)
    images, labels = batch(items, size, classes)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4, betas=(0.9, 0.98), weight_decay=5e-2)
    return Case(model, images, labels, optimizer, own_names, extra={"batch.heads": torch.tensor([float(heads)])})


def unet(features, items, size, classes=16):
    """nnU-Net's 2d network by dynamic-network-architectures, trained as nnU-Net does, with deep supervision."""
    from unet_fixtures import UNet, randomise

    stages = len(features)
    strides = [[1, 1]] + [[2, 2]] * (stages - 1)
    model = UNet.peer(dict(channels=1, classes=classes, features=features, strides=strides, kernels=[[3, 3]] * stages,
                           convolutions=[2] * stages, decoder=[2] * (stages - 1), deep=True))
    randomise(model, 1)
    images, labels = batch(items, size, classes)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-2, momentum=0.99, nesterov=True, weight_decay=3e-5)

    def own_names(state):
        own = {}
        for name, value in state.items():
            if "all_modules" in name or name.startswith("decoder.encoder."):
                continue
            parts = name.split(".")
            what, kind = {"conv": "convolution"}.get(parts[-2], parts[-2]), parts[-1]
            if parts[0] == "encoder":
                own[f"contracting.{parts[2]}.{parts[5]}.{what}.{kind}"] = value
                continue
            stage = stages - 2 - int(parts[2])
            if parts[1] == "stages":
                own[f"expanding.{stage}.{parts[4]}.{what}.{kind}"] = value
            else:
                own[f"expanding.{stage}.{'upsample' if parts[1] == 'transpconvs' else 'head'}.{kind}"] = value
        return own

    return Case(model, images, labels, optimizer, own_names,
                extra={"batch.strides": torch.tensor(strides, dtype=torch.float32).reshape(-1)})


def segformer(items, size=256, classes=16):
    """SegFormer-B2 in the study's form, trained as the study's code does; nothing is dropped, so that both sides compute the same."""
    import segformer_reference
    from segformer_dino_unet_fixtures import randomise, statistics

    model = segformer_reference.SegFormer(
        widths=[64, 128, 320, 512], depths=[3, 4, 6, 3], heads=[1, 2, 5, 8], reductions=[8, 4, 2, 1], decoder=768,
        classes=classes, dropout=0)
    randomise(model, 1)
    images, labels = batch(items, size, classes)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-5, betas=(0.9, 0.98), weight_decay=5e-2)
    return Case(model, images, labels, optimizer, lambda state: segformer_reference.own_names(statistics(state)))


def dino_unet(items, size=256, classes=16):
    """DINO U-Net (B), its transformer frozen, trained as nnU-Net does; nothing is dropped."""
    import dino_unet_reference
    import vit_reference
    from segformer_dino_unet_fixtures import randomise, statistics

    encoder = vit_reference.vision_transformer(768, 12, 12, patch=16, storage=4)
    model = dino_unet_reference.DINOUNet(encoder, [2, 5, 8, 11], classes)
    randomise(model, 1)
    images, labels = batch(items, size, classes)
    optimizer = torch.optim.SGD(
        [p for p in model.parameters() if p.requires_grad], lr=1e-3, momentum=0.99, nesterov=True, weight_decay=3e-5)

    def own_names(state):
        inner = {name: value for name, value in state.items() if name.startswith("encoder.")}
        return dino_unet_reference.own_names(statistics(state)) | vit_reference.own_names(inner)

    return Case(model, images, labels, optimizer, own_names)


# Name -> (what the table calls it, the function that builds it).
CASES = {
    "vit-s": ("ViT-S + multi-scale Primus, batch 2, 448 x 448", lambda: primus(384, 12, 6, items=2)),
    "vit-b": ("ViT-B + multi-scale Primus, batch 1, 448 x 448", lambda: primus(768, 12, 12, items=1)),
    "nnu-net": ("nnU-Net 2d, 7 stages, batch 4, 256 x 256",
                lambda: unet([32, 64, 128, 256, 512, 512, 512], items=4, size=256)),
    "segformer": ("SegFormer-B2, batch 2, 256 x 256", lambda: segformer(items=2)),
    "dino-u-net": ("DINO U-Net (B), batch 1, 256 x 256", lambda: dino_unet(items=1)),
}
