"""Small SegFormers and a small DINO U-Net in PyTorch, with their outputs and gradients, for the tests of SegBench's networks.

    python Benchmarks/peers/segformer_dino_unet_fixtures.py    writes Tests/NetworksTests/Fixtures

Training mode without any dropping: batch normalisation sees the batch. `evaluation` are the logits with the running
statistics that this one pass has left, at `value.…Mean` and `value.…Variance` the statistics from before it.
"""

import pathlib
import re

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F
from transformers import SegformerConfig, SegformerForSemanticSegmentation

import dino_unet_reference
import segformer_reference
from vit_reference import own_names as encoder_names
from vit_reference import vision_transformer

FIXTURES = pathlib.Path(__file__).parents[2] / "Tests/NetworksTests/Fixtures"
torch.set_num_threads(1)


@torch.no_grad()
def randomise(network, seed):
    """Weights at which every part matters; those of norms around 1, biases away from 0."""
    generator = torch.Generator().manual_seed(seed)
    norms = (nn.LayerNorm, nn.BatchNorm2d, nn.InstanceNorm2d)
    for name, module in sorted(network.named_modules()):
        for key, parameter in sorted(module.named_parameters(recurse=False)):
            noise = torch.randn(parameter.shape, generator=generator)
            if "lambda1" in key or (isinstance(module, norms) and key == "weight"):
                parameter.copy_(1 + 0.2 * noise)
            elif key == "bias" and name.endswith("offsets"):
                parameter.add_(0.3 * noise)
            elif parameter.ndim > 1 and "token" not in key:
                parameter.copy_(noise * parameter[0].numel() ** -0.5)
            else:
                parameter.copy_(0.1 * noise)
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.copy_(0.3 * torch.randn(module.running_mean.shape, generator=generator))
            module.running_var.copy_(0.5 + torch.rand(module.running_var.shape, generator=generator))


def statistics(state):
    """SegBench's names of batch normalisation's running statistics."""
    renamed = {re.sub(r"running_mean$", "mean", re.sub(r"running_var$", "variance", name)): tensor
               for name, tensor in state.items() if "num_batches" not in name}
    return renamed


def whole(network, names, images, seed, encoder=None):
    """Logits, gradients of Σ logits · weights and everything they follow from."""
    generator = torch.Generator().manual_seed(seed)
    arrays = {f"value.{k}": v.detach().clone() for k, v in names(statistics(network.state_dict())).items()}
    network.train()
    logits = network(images)
    weights = torch.randn(logits.shape, generator=generator)
    (logits * weights).sum().backward()
    gradients = {k: p.grad for k, p in network.named_parameters() if p.grad is not None}
    arrays |= {f"gradient.{k}": v for k, v in names(gradients).items()}
    network.eval()
    with torch.no_grad():
        arrays |= {"images": images, "logits": logits.detach(), "weights": weights, "evaluation": network(images)}
    if encoder is not None:
        arrays |= {f"value.{k}": v for k, v in encoder_names({f"encoder.{k}": v for k, v in encoder.state_dict().items()}).items()}
    return {name: tensor.contiguous() for name, tensor in arrays.items()}


def published_segformer():
    network = segformer_reference.SegFormer(
        [4, 6, 8, 8], [1, 2, 1, 1], [1, 2, 2, 4], [4, 2, 2, 1], decoder=8, classes=3, dropout=0)
    randomise(network, 1)
    images = torch.randn(2, 1, 40, 28, generator=torch.Generator().manual_seed(2))
    save_file(whole(network, segformer_reference.own_names, images, 3), FIXTURES / "segformer_published.safetensors")


class HuggingFace(nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, images):
        logits = self.network(images.expand(-1, 3, -1, -1)).logits
        return F.interpolate(logits, images.shape[2:], mode="bilinear")


def original_segformer():
    """Hugging Face's SegFormer in the layout of its published files, and its outputs and gradients under the same keys."""
    config = SegformerConfig(
        hidden_sizes=[4, 6, 8, 8], depths=[1, 2, 1, 1], num_attention_heads=[1, 2, 2, 4], sr_ratios=[4, 2, 2, 1],
        decoder_hidden_size=8, num_labels=3, drop_path_rate=0, classifier_dropout_prob=0)
    network = SegformerForSemanticSegmentation(config)
    randomise(network, 4)
    network.save_pretrained(FIXTURES / "hf")
    (FIXTURES / "hf/model.safetensors").replace(FIXTURES / "segformer_hugging_face.safetensors")
    images = torch.randn(2, 1, 40, 28, generator=torch.Generator().manual_seed(5))
    arrays = whole(HuggingFace(network), lambda state: {}, images, 6)
    # The gradients as a file of weights, so that they get the published names.
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(parameter.grad)
    network.save_pretrained(FIXTURES / "hf")
    (FIXTURES / "hf/model.safetensors").replace(FIXTURES / "segformer_hugging_face_gradients.safetensors")
    for leftover in (FIXTURES / "hf").iterdir():
        leftover.unlink()
    (FIXTURES / "hf").rmdir()
    save_file(arrays, FIXTURES / "segformer_hugging_face_outputs.safetensors")


def dino_unet():
    encoder = vision_transformer(width=16, depth=4, heads=2, patch=8, storage=1, mlp_ratio=1)
    network = dino_unet_reference.DINOUNet(
        encoder, [0, 1, 2, 3], classes=2, heads=2, points=2, inner=2, rank=6, widths=(2, 4, 6, 8))
    randomise(network, 7)
    images = torch.randn(2, 1, 32, 64, generator=torch.Generator().manual_seed(8))
    save_file(whole(network, dino_unet_reference.own_names, images, 9, encoder), FIXTURES / "dino_unet.safetensors")


if __name__ == "__main__":
    published_segformer()
    original_segformer()
    dino_unet()
