"""DINOv3's views and masks from their own parts: torchvision's transforms, and the masking of DINOv3's code as it runs.

Usage: python Benchmarks/peers/views.py PATH    (needs torch, torchvision, safetensors, numpy; PATH: a checkout's
dinov3/data/masking.py, which is run and not copied: only statistics of its masks are kept)
Writes Tests/PretrainingTests/Fixtures/views.safetensors.
"""

import importlib.util
import random
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

torch.set_num_threads(1)
torch.manual_seed(3)
picture = torch.rand(1, 30, 26)
out = {"picture": picture[0]}


def resized(image, size):
    return F.resize(image, [size, size], interpolation=v2.InterpolationMode.BICUBIC, antialias=True).clamp(0, 1)


# A crop shrunk, one enlarged, and one enlarged first and shrunk from there, as a large crop beside a Gram teacher's.
out["shrunk"] = resized(picture[:, 2:29, 1:24], 12)[0]
out["enlarged"] = resized(picture[:, 5:14, 3:10], 24)[0]
out["twice"] = resized(resized(picture[:, 5:25, 3:23], 32), 16)[0]
for factor in (0.6, 1.4):
    out[f"brightness.{factor}"] = F.adjust_brightness(picture, factor)[0]
    out[f"contrast.{factor}"] = F.adjust_contrast(picture, factor)[0]
for deviation in (0.1, 0.7, 2.0):
    out[f"blur.{deviation}"] = F.gaussian_blur(picture, [9, 9], [deviation, deviation])[0]
out["solarized"] = F.solarize(picture, 128 / 255)[0]
# Saturation, hue and the conversion to grey leave three equal channels as they are.
grey = picture.expand(3, -1, -1)
for changed in (F.adjust_saturation(grey, 1.2), F.adjust_hue(grey, 0.1), F.rgb_to_grayscale(grey, 3)):
    assert (changed - grey).abs().max() < 1e-3
# The code's blur: RandomApply is given 1 - p and applies with the probability it is given.
blur = {p: v2.RandomApply([v2.GaussianBlur(9, (0.1, 2.0))], p=1 - p) for p in (1.0, 0.1, 0.5)}
out["blur.shares"] = torch.tensor(
    [sum(not torch.equal(blur[p](picture), picture) for _ in range(4000)) / 4000 for p in (1.0, 0.1, 0.5)])

# How many patches of 32 views of 16 x 16 patches are masked: half of the views, in equal steps from 0.1 to 0.5.
out["counts"] = (256 * torch.linspace(0.1, 0.5, 17)[1:]).to(torch.int32)
out["counts.odd"] = (49 * torch.linspace(0.1, 0.5, 6)[1:]).to(torch.int32)

spec = importlib.util.spec_from_file_location("masking", sys.argv[1])
masking = importlib.util.module_from_spec(spec)
spec.loader.exec_module(masking)
random.seed(1)
np.random.seed(1)
# For each grid and count: the mean and the standard deviation of the borders between masked and other patches, of the masked
# patches in the outermost ring, and of rows without any.
for side, count in ((16, 25), (16, 64), (16, 128), (7, 12), (48, 1000)):
    generator = masking.MaskingGenerator((side, side), max_num_patches=0.5 * side * 16 // 16 * side * 16 // 16)
    found = []
    for _ in range(4000 if side < 48 else 1000):
        mask = generator(count)
        borders = (mask[1:] != mask[:-1]).sum() + (mask[:, 1:] != mask[:, :-1]).sum()
        found.append([borders, mask.sum() - mask[1:-1, 1:-1].sum(), (~mask.any(1)).sum()])
    found = torch.tensor(np.array(found), dtype=torch.float32)
    out[f"masks.{side}.{count}"] = torch.stack([found.mean(0), found.std(0)])
path = Path(__file__).resolve().parents[2] / "Tests/PretrainingTests/Fixtures/views.safetensors"
save_file({name: value.contiguous() for name, value in out.items()}, path)
for name in ("blur.shares", "counts", "counts.odd"):
    print(name, out[name].tolist())
for name in out:
    if name.startswith("masks"):
        print(name, out[name].tolist())
print(path, path.stat().st_size, "bytes")
