"""Checkpoints of full size (ViT-B/16, random weights) in every published layout, made by the peers' own libraries, through
`segbench features`, `weights inspect` and `weights convert`, compared with the peer's own forward pass.

    python Benchmarks/peers/parity/checkpoints.py [--segbench .build/release/segbench] [--small] [--keep FOLDER]

Needs torch, transformers, safetensors, h5py, SimpleITK. `parity.py` puts the same into its page. Prints the largest relative error of a patch's features and the
seconds that each command took; exits with 1 when an error is above 1e-4 or a planted file is not refused.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import h5py
import numpy as np
import SimpleITK as sitk
import torch
from safetensors.torch import load_file

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "networks"))

from vit_reference import Primus, block_tokens, own_names, published_names, randomise, vision_transformer

torch.set_num_threads(2)
TOLERANCE = 1e-4  # float32 sums in another order, over 12 blocks
results = []


class Planted:
    def __reduce__(self):
        return os.system, ("touch planted",)


def check(name, passed, words):
    print(f"{name:42} {words}{'' if passed else '  <- FAILED'}", flush=True)
    results.append((name, passed, words))


def run(*arguments):
    start = time.perf_counter()
    result = subprocess.run([str(a) for a in arguments], capture_output=True, text=True)
    return result, time.perf_counter() - start


def make(folder, form):
    model = vision_transformer(**form, storage=4)
    randomise(model, 5)
    published = published_names(model)
    torch.save(published, folder / "dinov3.pth")
    torch.save(published, folder / "dinov3_legacy.pth", _use_new_zipfile_serialization=False)
    torch.save({k: v.bfloat16() for k, v in published.items()}, folder / "dinov3_bfloat16.pth")
    model.save_pretrained(folder / "hugging-face")

    medical = vision_transformer(**form, storage=4, qkv_bias=False, eps=1e-6)
    randomise(medical, 8)
    teacher = {f"backbone.{k}": v for k, v in published_names(medical).items()}
    for head in ("dino_head", "ibot_head"):
        teacher |= {f"{head}.mlp.0.weight": torch.randn(64, form["width"]), f"{head}.last_layer.weight": torch.randn(99, 16)}
    torch.save({"teacher": teacher, "iteration": 119999}, folder / "meddinov3.pth")

    torch.save({**published, "extra": Planted()}, folder / "planted.pth")
    torch.save({**published, "extra": Planted()}, folder / "planted_legacy.pth", _use_new_zipfile_serialization=False)
    return model, medical


def image(folder, size):
    """A slice of a volume as `segbench features --normalize ct --size N` sees it."""
    volume = np.random.default_rng(0).normal(0, 700, (3, 200, 240)).astype(np.float32)
    sitk.WriteImage(sitk.GetImageFromArray(volume), str(folder / "scan.nii.gz"))
    values = (torch.from_numpy(volume[1]).clamp(-1000, 1000) - 65.1084213256836) / 178.01663208007812
    return torch.nn.functional.interpolate(
        values[None, None], (size, size), mode="bilinear", antialias=True, align_corners=False)


def compare(segbench, folder, name, weights, model, pixels, size, blocks, tolerance=TOLERANCE):
    output = folder / "features.h5"
    result, seconds = run(segbench, "features", "--weights", weights, "--image", folder / "scan.nii.gz", "--slice", 1,
                          "--size", size, "--blocks", ",".join(map(str, blocks)), "--output", output)
    if result.returncode != 0:
        return check(name, False, result.stderr.strip())
    worst = 0
    with torch.no_grad(), h5py.File(output) as file:
        for index, (patches, _) in block_tokens(model, pixels.expand(-1, 3, -1, -1), blocks).items():
            ours = torch.from_numpy(file[f"block{index}"][:]).flatten(0, 1)
            worst = max(worst, ((ours - patches[0]).norm(dim=1) / patches[0].norm(dim=1)).max().item())
    check(name, worst <= tolerance, f"features differ by {worst:.1e}; {seconds:.1f} s")


def measure(segbench, small=False, keep=None):
    """(what, whether it passed, words) for every check, and what was checked in words."""
    form = dict(width=64, depth=3, heads=2, patch=8) if small else dict(width=768, depth=12, heads=12, patch=16)
    size, blocks = (48, [0, 2]) if small else (224, [2, 5, 8, 11])
    results.clear()
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(keep or temporary)
        folder.mkdir(parents=True, exist_ok=True)
        model, medical = make(folder, form)
        pixels = image(folder, size)
        count = sum(p.numel() for p in model.parameters())
        about = (f"Files of a vision transformer of {count / 1e6:.1f} M parameters with random weights, made by PyTorch and "
                 f"transformers; features of {size} x {size} pixels after blocks {blocks}, counted from 0, beside the peer's "
                 f"own. Largest relative difference of a patch's features allowed: {TOLERANCE:.0e}.")
        print(about)

        def features(name, weights, network, **more):
            compare(segbench, folder, name, weights, network, pixels, size, blocks, **more)

        features("DINOv3's file", folder / "dinov3.pth", model)
        features("the same as the older stream", folder / "dinov3_legacy.pth", model)
        features("the same in bfloat16", folder / "dinov3_bfloat16.pth",
                 vision_rounded(form, model), tolerance=TOLERANCE)
        features("Hugging Face's file", folder / "hugging-face/model.safetensors", model)
        features("MedDINOv3's file", folder / "meddinov3.pth", medical)

        for name in ("planted.pth", "planted_legacy.pth"):
            result, _ = run(segbench, "weights", "inspect", folder / name)
            check(name, result.returncode == 2 and "posix.system" in result.stderr and not os.path.exists("planted"),
                  result.stderr.strip()[-120:])

        result, seconds = run(segbench, "weights", "inspect", folder / "meddinov3.pth")
        check("weights inspect", result.returncode == 0 and "iteration  = 119999" in result.stdout,
              f"{len(result.stdout.splitlines())} lines; {seconds:.1f} s")

        for names, ending in (("segbench", "h5"), ("segbench", "safetensors"), ("dinov3", "safetensors"),
                              ("hugging-face", "safetensors"), ("meddinov3", "h5")):
            output = folder / f"out-{names}.{ending}"
            result, seconds = run(segbench, "weights", "convert", folder / "dinov3.pth", output, "--names", names)
            if result.returncode != 0:
                check(f"weights convert to {names}", False, result.stderr.strip())
                continue
            check(f"weights convert to {names}, .{ending}", True, f"{seconds:.1f} s")
            if names == "meddinov3":
                continue  # its epsilon is the medical model's; the next loop reads the others
            features(f"{names}, .{ending}, read again", output, model)

        # Weights out: PyTorch loads them.
        exported = load_file(folder / "out-hugging-face.safetensors")
        fresh = vision_transformer(**form, storage=4)
        in_memory = {name.removeprefix("model."): name for name in fresh.state_dict()}
        fresh.load_state_dict({in_memory[name]: value for name, value in exported.items()}, strict=True)
        same = all(torch.equal(a, b) for (n, a), (_, b) in zip(fresh.state_dict().items(), model.state_dict().items())
                   if "mask_token" not in n)
        check("PyTorch loads Hugging Face's names", same, "every array equal")
        published, exported = torch.load(folder / "dinov3.pth"), load_file(folder / "out-dinov3.safetensors")
        same = published.keys() == exported.keys() and all(
            torch.allclose(exported[k], v, rtol=1e-6, atol=0) for k, v in published.items()
            if k != "mask_token" and not k.endswith("qkv.bias"))
        check("PyTorch loads DINOv3's names", same, "every array equal")
        whole_network(segbench, folder, form)
    return list(results), about


def vision_rounded(form, model):
    rounded = vision_transformer(**form, storage=4)
    rounded.load_state_dict({k: v.bfloat16().float() for k, v in model.state_dict().items()})
    return rounded


def whole_network(segbench, folder, form):
    """A segmentation network with our names goes out under the published trainers'."""
    network = Primus(vision_transformer(**form, storage=4), [0, form["depth"] - 1], 5)
    randomise(network, 3)
    from safetensors.torch import save_file
    ours = own_names(dict(network.named_parameters()))
    save_file(ours, folder / "primus.safetensors",
              metadata={"encoder.heads": str(form["heads"]), "encoder.normEpsilon": "1e-5", "encoder.rotaryBase": "100"})
    result, seconds = run(segbench, "weights", "convert", folder / "primus.safetensors", folder / "out-primus.safetensors",
                          "--names", "primus")
    if result.returncode != 0:
        return check("weights convert to primus", False, result.stderr.strip())
    exported = load_file(folder / "out-primus.safetensors")
    expected = {f"dino_encoder.{k}": v for k, v in published_names(network.encoder).items()}
    for index, (upsample, norm) in enumerate(network.steps):
        for part in ("weight", "bias"):
            expected[f"up_projection.decode.{index}.0.{part}"] = getattr(upsample, part)
            expected[f"up_projection.decode.{index}.1.{part}"] = getattr(norm.norm, part)
    for part in ("weight", "bias"):
        expected[f"up_projection.decode.{len(network.steps)}.{part}"] = getattr(network.head, part)
    same = exported.keys() == expected.keys() and all(
        torch.allclose(exported[k], v, rtol=1e-6, atol=0) for k, v in expected.items() if not k.endswith("mask_token"))
    check("a whole network under the trainers' names", same, f"{len(expected)} arrays equal; {seconds:.1f} s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--segbench", default=".build/release/segbench")
    parser.add_argument("--small", action="store_true", help="a small network, to try the script")
    parser.add_argument("--keep", help="leave the files in this folder")
    arguments = parser.parse_args()
    found, _ = measure(arguments.segbench, arguments.small, arguments.keep)
    sys.exit(not all(passed for _, passed, _ in found))
