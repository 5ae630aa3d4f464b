"""Slices resampled and resized in PyTorch, which the tests of CT-3M's curation compare with.

Usage: python Benchmarks/peers/slices.py    (needs torch, safetensors)
Writes Tests/DatasetsTests/Fixtures/slices.safetensors.

The paper (section 3.2): "resampled to an in-plane spacing of 0.45 mm and 0.45 mm, and then resized to uniform resolution
256 x 256". How is not said; linear here, the second step with antialiasing.
"""

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch.nn.functional import interpolate

torch.set_num_threads(1)
generator = torch.Generator().manual_seed(3)
out = {}
# Height, width, row and column spacing in mm, pixel in mm, side: shrinking, enlarging, and both at once.
for name, (height, width, row, column, pixel, size) in {
    "shrunk": (48, 40, 0.9, 0.9, 0.45, 20),
    "enlarged": (18, 17, 0.3, 0.4, 0.45, 32),
    "uneven": (30, 64, 1.5, 0.2, 0.45, 24),
    "kept": (16, 16, 0.45, 0.45, 0.45, 16),
}.items():
    slice_ = torch.randn(height, width, generator=generator) * 300
    between = (max(1, round(height * row / pixel)), max(1, round(width * column / pixel)))
    resampled = interpolate(slice_[None, None], size=between, mode="bilinear", align_corners=False)
    resized = interpolate(resampled, size=(size, size), mode="bilinear", align_corners=False, antialias=True)
    out |= {name: slice_, f"{name}.scaled": resized[0, 0], f"{name}.form": torch.tensor([row, column, pixel])}

path = Path(__file__).resolve().parents[2] / "Tests/DatasetsTests/Fixtures/slices.safetensors"
save_file({key: value.contiguous() for key, value in out.items()}, path)
print(path, path.stat().st_size, "bytes")
