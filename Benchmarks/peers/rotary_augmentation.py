"""Rotary tables of augmented positions by Hugging Face's DINOv3ViT in training mode, with the draws that the test gives SegBench's.

Usage: python Benchmarks/peers/rotary_augmentation.py    (needs torch, safetensors, transformers)
Writes Tests/NetworksTests/Fixtures/rotary_augmentation.safetensors.
"""

import math
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import DINOv3ViTConfig
from transformers.models.dinov3_vit.modeling_dinov3_vit import DINOv3ViTRopePositionEmbedding

torch.set_num_threads(1)

# What is drawn: the axes' shifts, the logarithms of their factors, the logarithm of the factor of both; rows first.
SHIFTS, JITTERS, RESCALE = [0.05, -0.03], [math.log(1.2), math.log(0.9)], [math.log(0.7)]
draws = []
original = torch.Tensor.uniform_


def drawn(self, low, high):
    values = draws.pop(0)
    assert all(low <= value <= high for value in values), (low, values, high)
    return self.copy_(torch.tensor(values).reshape(self.shape))


config = DINOv3ViTConfig(
    hidden_size=16, num_attention_heads=1, patch_size=4, pos_embed_shift=0.1, pos_embed_jitter=1.5, pos_embed_rescale=2.0)
embedding = DINOv3ViTRopePositionEmbedding(config).train()
draws += [SHIFTS, JITTERS, RESCALE]
torch.Tensor.uniform_ = drawn
cosine, sine = embedding(torch.zeros(1, 3, 12, 20))
torch.Tensor.uniform_ = original
assert not draws
path = Path(__file__).resolve().parents[2] / "Tests/NetworksTests/Fixtures/rotary_augmentation.safetensors"
save_file({"cosine": cosine.contiguous(), "sine": sine.contiguous()}, path)
print(path, path.stat().st_size, "bytes")
