"""Every network of the study beside its peer in PyTorch, and published checkpoints' layouts at full size, as one page.

    python Benchmarks/peers/parity/parity.py [--program .build/release/parity] [--segbench .build/release/segbench]
                                      [--output Benchmarks/results/parity.md] [NAME ...]

Prints the page and writes it to --output: for each network its parameters, and of its outputs and gradients, with the same
random weights, the largest difference over the largest value (of the gradient that is worst; one that is rounding alone is
measured against a hundredth of the largest of all). Both compute in training mode, batch normalisation over the batch, without
dropping anything. Then the pretraining's losses, within 1e-5, and what `checkpoints.py` finds. With names, only those networks and no checkpoints. Ends with 1 when a
difference is above its bound or a checkpoint's check fails.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import torch
import transformers
from safetensors.torch import save_file
from torch.nn import functional as F
from transformers import SegformerConfig, SegformerForSemanticSegmentation

sys.path += [str(pathlib.Path(__file__).resolve().parents[1] / name) for name in ("fixtures", "networks")]

import dino_unet_reference
import segformer_reference
import self_distillation
import vit_reference
from segformer_dino_unet_fixtures import randomise, statistics
from unet_fixtures import UNet

CLASSES, TOLERANCE, LOSS_TOLERANCE = 16, 1e-4, 1e-5
# How often and how far the peer's images are moved, relative to their values: about as far as two orders of summation differ.
MOVES, MOVE = 4, 1e-5
B2 = dict(widths=[64, 128, 320, 512], depths=[3, 4, 6, 3], heads=[1, 2, 5, 8], reductions=[8, 4, 2, 1])


def under_own_names(names):
    """Writes tensors that a module names under SegBench's names."""
    def write(path, values):
        save_file({k: v.detach().contiguous() for k, v in names(statistics(values)).items()}, path)
    return write


def as_published(network):
    """Writes tensors as Hugging Face's library saves that network."""
    def write(path, values):
        kept = {k: v.clone() for k, v in network.state_dict().items()}
        network.load_state_dict(kept | values)
        with tempfile.TemporaryDirectory() as folder:
            network.save_pretrained(folder)
            (pathlib.Path(folder) / "model.safetensors").rename(path)
        network.load_state_dict(kept)
    return write


def with_second_names(network):
    """Writes tensors under every name that a state dict has for them: nnU-Net's modules are known by several."""
    def write(path, values):
        first = {id(parameter): name for name, parameter in network.named_parameters()}
        save_file({k: values[first[id(v)]].clone().contiguous() for k, v in network.state_dict(keep_vars=True).items()},
                  path)
    return write


def vit():
    network = vit_reference.vision_transformer(768, 12, 12, patch=16, storage=4)

    def forward(images):
        found = vit_reference.block_tokens(network, images.expand(-1, 3, -1, -1), [2, 5, 8, 11])
        return [tokens for pair in found.values() for tokens in pair]

    return network, forward, as_published(network), (1, 1, 224, 320)


def primus(blocks):
    encoder = vit_reference.vision_transformer(768, 12, 12, patch=16, storage=4)
    network = vit_reference.Primus(encoder, blocks, CLASSES)
    return network, network, under_own_names(vit_reference.own_names), (1, 1, 96, 128)


def unet(size, features, kernels, strides):
    stages = len(features)
    network = UNet.peer(dict(
        channels=1, classes=CLASSES, features=features, kernels=kernels, strides=strides, convolutions=[2] * stages,
        decoder=[2] * (stages - 1), deep=True))
    return network, network, with_second_names(network), (1, 1, *size)


def segformer_hugging_face():
    config = SegformerConfig(
        hidden_sizes=B2["widths"], depths=B2["depths"], num_attention_heads=B2["heads"], sr_ratios=B2["reductions"],
        decoder_hidden_size=768, num_labels=CLASSES, drop_path_rate=0, classifier_dropout_prob=0)
    network = SegformerForSemanticSegmentation(config)

    def forward(images):
        return F.interpolate(network(images.expand(-1, 3, -1, -1)).logits, images.shape[2:], mode="bilinear")

    return network, forward, as_published(network), (2, 1, 128, 96)


def segformer_published():
    network = segformer_reference.SegFormer(**B2, decoder=768, classes=CLASSES, dropout=0)
    return network, network, under_own_names(segformer_reference.own_names), (2, 1, 128, 96)


def dino_unet(width, depth, heads, blocks):
    encoder = vit_reference.vision_transformer(width, depth, heads, patch=16, storage=4)
    network = dino_unet_reference.DINOUNet(encoder, blocks, CLASSES)

    def names(state):
        inner = {k: v for k, v in state.items() if k.startswith("encoder.")}
        return dino_unet_reference.own_names(state) | vit_reference.own_names(inner)

    return network, network, under_own_names(names), (2, 1, 64, 96)


VIT, OURS = "transformers' DINOv3ViT", "our PyTorch reference"
NNUNET = "dynamic-network-architectures' PlainConvUNet"
# Name in Benchmarks/parity: title, peer, how the peer is made.
NETWORKS = {
    "vit-b16": ("ViT-B/16 (DINOv3's), tokens of blocks 3, 6, 9, 12", VIT, vit),
    "primus-b16-single-scale": ("ViT-B/16, Primus on the last block", f"{VIT}, {OURS}", lambda: primus([11])),
    "primus-b16-multi-scale": ("MedDINOv3: ViT-B/16, multi-scale Primus", f"{VIT}, {OURS}", lambda: primus([2, 5, 8, 11])),
    "u-net-512": ("nnU-Net 2d, 8 stages", NNUNET, lambda: unet(
        (512, 512), [32, 64, 128, 256, 512, 512, 512, 512], [[3, 3]] * 8, [[1, 1]] + [[2, 2]] * 7)),
    "u-net-uneven": ("nnU-Net 2d, 6 stages, uneven kernels and strides", NNUNET, lambda: unet(
        (320, 256), [32, 64, 128, 256, 512, 512], [[3, 1]] + [[3, 3]] * 5, [[1, 1], [2, 1]] + [[2, 2]] * 4)),
    "segformer-b2-hugging-face": (
        "SegFormer-B2, NVIDIA's", "transformers' SegformerForSemanticSegmentation", segformer_hugging_face),
    "segformer-b2-published": ("SegFormer-B2, the study's", OURS, segformer_published),
    "dino-u-net-s": ("DINO U-Net (S)", f"{VIT}, {OURS}", lambda: dino_unet(384, 12, 6, [2, 5, 8, 11])),
    "dino-u-net-b": ("DINO U-Net (B)", f"{VIT}, {OURS}", lambda: dino_unet(768, 12, 12, [2, 5, 8, 11])),
    "dino-u-net-l": ("DINO U-Net (L)", f"{VIT}, {OURS}", lambda: dino_unet(1024, 24, 16, [4, 11, 17, 23])),
}


def worst(gradients, others):
    """As Benchmarks/parity measures: of the gradient that differs most, its largest difference over its largest value."""
    sizes = {k: v.abs().max().item() for k, v in others.items()}
    least = 1e-2 * max(sizes.values())
    return max((gradients[k] - others[k]).abs().max().item() / max(sizes[k], least) for k in others)


def gradients_of(network, forward, images, weights):
    network.zero_grad()
    outputs = forward(images)
    outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    sum((output * weight).sum() for output, weight in zip(outputs, weights)).backward()
    return outputs, {k: p.grad.clone() for k, p in network.named_parameters() if p.grad is not None}


def measure(name, program):
    """What the program says of our network beside this peer."""
    torch.manual_seed(0)
    network, forward, write, shape = NETWORKS[name][2]()
    randomise(network, 1)
    network.train()
    generator = torch.Generator().manual_seed(2)
    images = torch.randn(shape, generator=generator)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        values = {k: v.clone() for k, v in network.state_dict().items()}
        write(folder / "weights.safetensors", values)
        outputs = forward(images)
        outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
        weights = [torch.randn(output.shape, generator=generator) for output in outputs]
        network.load_state_dict(values)
        outputs, gradients = gradients_of(network, forward, images, weights)
        write(folder / "gradients.safetensors", values | gradients)
        arrays = {"images": images}
        for index, (output, weight) in enumerate(zip(outputs, weights)):
            arrays |= {f"logits.{index}": output.detach().contiguous(), f"weights.{index}": weight}
        save_file(arrays, folder / "outputs.safetensors")
        found = subprocess.run([program, name, folder], capture_output=True, text=True)
    if found.returncode:
        sys.exit(f"{name}: {found.stderr}")
    own = 0
    for _ in range(MOVES):
        network.load_state_dict(values)
        moved = images * (1 + MOVE * torch.randn(shape, generator=generator))
        own = max(own, worst(gradients_of(network, forward, moved, weights)[1], gradients))
    count = sum(p.numel() for k, p in network.named_parameters() if "mask_token" not in k and "k_bias" not in k)
    count += sum(b.numel() for k, b in network.named_buffers() if k.endswith(("running_mean", "running_var")))
    return json.loads(found.stdout) | {"theirs": count, "shape": shape, "own": own}


def losses(program):
    """What the program says of the pretraining's losses beside those of self_distillation.py: value and worst gradient."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "losses.safetensors"
        save_file(self_distillation.values(1), path)
        found = subprocess.run([program, "losses", path], capture_output=True, text=True)
    if found.returncode:
        sys.exit(f"losses: {found.stderr}")
    return json.loads(found.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program", default=".build/release/parity")
    parser.add_argument("--segbench", default=".build/release/segbench")
    parser.add_argument("--output", help="where the page is written")
    parser.add_argument("names", nargs="*", help=", ".join(NETWORKS))
    options = parser.parse_args()
    torch.set_num_threads(2)
    lines = []

    def say(line):
        print(line, flush=True)
        lines.append(line)

    say("# Parity with the peers\n")
    say(f"Written by `make bench-parity`; PyTorch {torch.__version__}, transformers {transformers.__version__}.\n")
    say("## Networks\n")
    say("The same random weights on both sides, in training mode: the largest difference over the largest value, of the logits\n"
        "and of the gradient that differs most. Images are N x H x W. Allowed: 1e-4; of a gradient also three times what the peer\n"
        f"differs from itself when its images' values move by {MOVE} (last column, the most of {MOVES} times). Parameters count batch norm's running statistics. Where a ReLU's or leaky ReLU's input is rounding away from 0 the two\n"
        "sides may stand on different sides of the kink: of millions of inputs a few do. The tests compare gradients of small networks,\n"
        "which have no input so close to a kink, to 1e-4.\n")
    say("| network | peer | images | parameters (peer's) | logits | worst gradient | of | peer's own, images moved |\n"
        "|---|---|---|---:|---:|---:|---|---:|")
    bad = False
    for name in options.names or NETWORKS:
        row = measure(name, options.program)
        bad |= not row["logits"] <= TOLERANCE or not row["gradient"] <= max(TOLERANCE, 3 * row["own"])
        bad |= row["parameters"] != row["theirs"]
        title, peer, _ = NETWORKS[name]
        count, _, height, width = row["shape"]
        say(f"| {title} | {peer} | {count} x {height} x {width} | {row['parameters']:,} ({row['theirs']:,}) "
            f"| {row['logits']:.1e} | {row['gradient']:.1e} | `{row['parameter']}` "
            f"| {row['own']:.1e} |")
    if not options.names:
        say("\n## The pretraining's losses\n")
        say("The same random inputs on both sides, PyTorch's side written from the published formulas (self_distillation.py): the\n"
            "relative difference of the value, and of the gradient the largest difference over the largest value. Allowed: 1e-5.\n")
        say("| loss | value | gradient |\n|---|---:|---:|")
        for row in losses(options.program):
            bad |= not max(row["value"], row["gradient"]) <= LOSS_TOLERANCE
            say(f"| {row['loss']} | {row['value']:.1e} | {row['gradient']:.1e} |")
        import checkpoints
        say("\n## Checkpoints\n")
        found, form = checkpoints.measure(options.segbench)
        say(f"{form}\n\n| what | passed | |\n|---|---|---|")
        for what, passed, words in found:
            bad |= not passed
            say(f"| {what} | {'yes' if passed else '**no**'} | {words.replace('|', '/')} |")
    if options.output:
        pathlib.Path(options.output).write_text("\n".join(lines) + "\n")
    sys.exit(bad)


if __name__ == "__main__":
    main()
