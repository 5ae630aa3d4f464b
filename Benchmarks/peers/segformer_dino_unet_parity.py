"""SegFormer, DINO U-Net and MedDINOv3 beside their peers: logits and gradients with the same random weights, at full size.

    python Benchmarks/peers/segformer_dino_unet_parity.py --program .build/release/network-parity [NAME ...]

Prints a Markdown table: the largest difference over the largest value, of the logits and of the gradient that is worst (one
that is rounding alone is measured against a hundredth of the largest gradient of all). Ends with 1 when either is above
1e-4. Both compute in training mode, batch normalisation over the batch, without dropping anything.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import torch
from safetensors.torch import save_file
from torch.nn import functional as F
from transformers import SegformerConfig, SegformerForSemanticSegmentation

import dino_unet_reference
import segformer_reference
import vit_reference
from segformer_dino_unet_fixtures import randomise, statistics

CLASSES, TOLERANCE = 16, 1e-4
B2 = dict(widths=[64, 128, 320, 512], depths=[3, 4, 6, 3], heads=[1, 2, 5, 8], reductions=[8, 4, 2, 1])


def under_own_names(names):
    """Writes tensors that a module names under SegBench's names."""
    def write(path, values):
        save_file({k: v.detach().contiguous() for k, v in names(statistics(values)).items()}, path)
    return write


def segformer_hugging_face():
    config = SegformerConfig(
        hidden_sizes=B2["widths"], depths=B2["depths"], num_attention_heads=B2["heads"], sr_ratios=B2["reductions"],
        decoder_hidden_size=768, num_labels=CLASSES, drop_path_rate=0, classifier_dropout_prob=0)
    network = SegformerForSemanticSegmentation(config)

    def forward(images):
        return F.interpolate(network(images.expand(-1, 3, -1, -1)).logits, images.shape[2:], mode="bilinear")

    def write(path, values):
        kept = {k: v.clone() for k, v in network.state_dict().items()}
        network.load_state_dict(kept | values)
        with tempfile.TemporaryDirectory() as folder:
            network.save_pretrained(folder)
            (pathlib.Path(folder) / "model.safetensors").rename(path)
        network.load_state_dict(kept)

    return network, forward, write, (2, 1, 128, 96)


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


def primus():
    encoder = vit_reference.vision_transformer(768, 12, 12, patch=16, storage=4)
    network = vit_reference.Primus(encoder, [2, 5, 8, 11], CLASSES)
    return network, network, under_own_names(vit_reference.own_names), (1, 1, 96, 128)


NETWORKS = {
    "segformer-b2-hugging-face": ("SegFormer-B2, NVIDIA's", "transformers' SegformerForSemanticSegmentation", segformer_hugging_face),
    "segformer-b2-published": ("SegFormer-B2, the study's", "our PyTorch reference", segformer_published),
    "dino-u-net-s": ("DINO U-Net (S)", "our PyTorch reference, transformers' DINOv3ViT",
                     lambda: dino_unet(384, 12, 6, [2, 5, 8, 11])),
    "dino-u-net-b": ("DINO U-Net (B)", "our PyTorch reference, transformers' DINOv3ViT",
                     lambda: dino_unet(768, 12, 12, [2, 5, 8, 11])),
    "primus-b16-multi-scale": ("MedDINOv3 (ViT-B/16, multi-scale Primus)", "our decoder on transformers' DINOv3ViT", primus),
}


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
        logits = forward(images)
        weights = torch.randn(logits.shape, generator=generator)
        (logits * weights).sum().backward()
        gradients = {k: p.grad for k, p in network.named_parameters() if p.grad is not None}
        write(folder / "gradients.safetensors", values | gradients)
        save_file(dict(images=images, weights=weights, logits=logits.detach().contiguous()), folder / "outputs.safetensors")
        found = subprocess.run([program, name, folder], capture_output=True, text=True)
    if found.returncode:
        sys.exit(f"{name}: {found.stderr}")
    return json.loads(found.stdout) | {
        "theirs": sum(p.numel() for k, p in network.named_parameters() if "mask_token" not in k and "k_bias" not in k)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program", default=".build/release/network-parity")
    parser.add_argument("names", nargs="*", help=", ".join(NETWORKS))
    options = parser.parse_args()
    print("| network | peer | parameters (peer's) | logits | worst gradient | of |\n|---|---|---:|---:|---:|---|")
    bad = False
    for name in options.names or NETWORKS:
        row = measure(name, options.program)
        bad |= max(row["logits"], row["gradient"]) > TOLERANCE
        title, peer, _ = NETWORKS[name]
        print(f"| {title} | {peer} | {row['parameters']:,} ({row['theirs']:,}) | {row['logits']:.1e} | "
              f"{row['gradient']:.1e} | `{row['parameter']}` |", flush=True)
    sys.exit(bad)


if __name__ == "__main__":
    main()
