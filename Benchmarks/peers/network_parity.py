"""Every segmentation network beside its peer in PyTorch: parameters, logits and gradients with the same weights.

    python Benchmarks/peers/network_parity.py                       writes the small fixtures of Tests/NetworksTests
    python Benchmarks/peers/network_parity.py --parity EXECUTABLE   prints the table at the networks' real sizes

A network is a class with `names` (its row in the table to how the peer is made), a `kind` that `Benchmarks/parity` knows,
and `peer(form)`. A file holds the form as `form.*`, the peer's weights under its own names as `value.*`, the images, the
logits as `logits.0` and, for deep supervision, on, weights `weights.*` as large, and the gradients of Σ logits · weights.
"""

import argparse
import pathlib
import subprocess
import tempfile

import torch
from safetensors.torch import save_file
from torch import nn

FIXTURES = pathlib.Path(__file__).parents[2] / "Tests/NetworksTests/Fixtures"
torch.set_num_threads(2)


def randomise(module, seed):
    """Values that leave nothing at a neutral start: norms and biases too."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.ndim > 1:
                parameter.copy_(noise * (2 / parameter[0].numel()) ** 0.5)
            else:
                parameter.copy_(0.2 * noise + (1 if name.endswith("weight") else 0))


class UNet:
    """nnU-Net's 2d network, by dynamic-network-architectures."""

    kind = "unet"
    names = {
        "nnU-Net 2d, 256 x 256, 7 stages": dict(
            channels=1, classes=16, size=(256, 256), batch=1, features=[32, 64, 128, 256, 512, 512, 512],
            strides=[[1, 1]] + [[2, 2]] * 6, kernels=[[3, 3]] * 7, convolutions=[2] * 7, decoder=[2] * 6, deep=True),
        "nnU-Net 2d, 320 x 256, uneven strides, 6 stages": dict(
            channels=2, classes=5, size=(320, 256), batch=1, features=[32, 64, 128, 256, 512, 512],
            strides=[[1, 1], [2, 1], [2, 2], [2, 2], [2, 2], [2, 2]], kernels=[[3, 1]] + [[3, 3]] * 5,
            convolutions=[2] * 6, decoder=[2] * 5, deep=True),
    }
    fixtures = {
        "unet_blocked": dict(
            channels=1, classes=3, size=(16, 24), batch=2, features=[16, 16, 16], strides=[[1, 1], [2, 2], [2, 1]],
            kernels=[[3, 3]] * 3, convolutions=[2, 1, 1], decoder=[1, 1], deep=True),
        "unet_planes": dict(
            channels=2, classes=4, size=(12, 8), batch=2, features=[6, 10, 12], strides=[[1, 1], [2, 2], [2, 2]],
            kernels=[[1, 3], [3, 3], [3, 3]], convolutions=[1, 2, 2], decoder=[2, 1], deep=False),
    }

    @staticmethod
    def peer(form):
        from dynamic_network_architectures.architectures.unet import PlainConvUNet
        return PlainConvUNet(
            form["channels"], len(form["features"]), form["features"], nn.Conv2d, form["kernels"], form["strides"],
            form["convolutions"], form["classes"], form["decoder"], conv_bias=True, norm_op=nn.InstanceNorm2d,
            norm_op_kwargs={"eps": 1e-5, "affine": True}, nonlin=nn.LeakyReLU, nonlin_kwargs={"inplace": True},
            deep_supervision=form["deep"])


NETWORKS = [UNet]


def arrays(network, form, seed=1, gradients=True):
    model = network.peer(form).train()
    randomise(model, seed)
    generator = torch.Generator().manual_seed(seed + 1)
    images = torch.randn(form["batch"], form["channels"], *form["size"], generator=generator)
    outputs = model(images)
    outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    weights = [torch.randn(output.shape, generator=generator) for output in outputs]
    sum((output * weight).sum() for output, weight in zip(outputs, weights)).backward()
    found = {"images": images}
    for key, value in form.items():
        found[f"form.{key}"] = torch.tensor(value, dtype=torch.float32).reshape(-1)
    for index, (output, weight) in enumerate(zip(outputs, weights)):
        found[f"logits.{index}"], found[f"weights.{index}"] = output.detach(), weight
    # Modules that are known by two names have their values under both, as in a state dict, but one gradient.
    found |= {f"value.{name}": value for name, value in model.state_dict().items()}
    found |= {f"gradient.{name}": p.grad for name, p in model.named_parameters() if p.grad is not None}
    return {name: value.detach().clone().contiguous() for name, value in found.items()}, sum(
        p.numel() for p in model.parameters())


def fixtures():
    for network in NETWORKS:
        for name, form in network.fixtures.items():
            found, _ = arrays(network, form)
            if network is UNet:
                # The second names are left out, which the test puts back: they are most of the file.
                found = {k: v for k, v in found.items() if "all_modules" not in k and "decoder.encoder" not in k}
            save_file(found, FIXTURES / f"{name}.safetensors")
            print(FIXTURES / f"{name}.safetensors", (FIXTURES / f"{name}.safetensors").stat().st_size, "bytes")


def table(parity):
    print("| network | parameters | peer's | logits | gradients | the parameter that differs most |")
    print("|---|---:|---:|---:|---:|---|")
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for network in NETWORKS:
            for name, form in network.names.items():
                found, count = arrays(network, form)
                path = pathlib.Path(folder) / "network.safetensors"
                save_file(found, path)
                result = subprocess.run([parity, network.kind, path], check=True, capture_output=True, text=True)
                ours, logits, gradients, where = result.stdout.split()
                print(f"| {name} | {int(ours):,} | {count:,} | {float(logits):.1e} | {float(gradients):.1e} | {where} |")
                worst = max(worst, float(logits), float(gradients))
                assert int(ours) == count, "the parameters are not as many"
    print(f"\nLargest differences as parts of the largest value, for a gradient the largest of its layer's weight and bias."
          f" Required: 1e-4; worst: {worst:.1e}.")
    assert worst <= 1e-4


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--parity", help="the parity executable")
    arguments = arguments.parse_args()
    if arguments.parity:
        table(arguments.parity)
    else:
        fixtures()
