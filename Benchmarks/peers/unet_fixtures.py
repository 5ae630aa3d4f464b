"""nnU-Net's network in PyTorch with its outputs and gradients, for the tests of SegBench's `UNet`.

    python Benchmarks/peers/unet_fixtures.py    writes Tests/NetworksTests/Fixtures

A file holds the peer's weights under its own names as `value.*`, the images, the logits as `logits.0` and, for deep supervision,
on, weights `weights.*` as large, and the gradients of Σ logits · weights.
"""

import pathlib

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


def arrays(form, seed=1):
    model = UNet.peer(form).train()
    randomise(model, seed)
    generator = torch.Generator().manual_seed(seed + 1)
    images = torch.randn(form["batch"], form["channels"], *form["size"], generator=generator)
    outputs = model(images)
    outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    weights = [torch.randn(output.shape, generator=generator) for output in outputs]
    sum((output * weight).sum() for output, weight in zip(outputs, weights)).backward()
    found = {"images": images}
    for index, (output, weight) in enumerate(zip(outputs, weights)):
        found[f"logits.{index}"], found[f"weights.{index}"] = output.detach(), weight
    # Modules that are known by two names have their values under both, as in a state dict, but one gradient.
    found |= {f"value.{name}": value for name, value in model.state_dict().items()}
    found |= {f"gradient.{name}": p.grad for name, p in model.named_parameters() if p.grad is not None}
    # The second names are left out, which the test puts back: they are most of the file.
    return {k: v.detach().clone().contiguous() for k, v in found.items() if "all_modules" not in k and "decoder.encoder" not in k}


if __name__ == "__main__":
    for name, form in UNet.fixtures.items():
        path = FIXTURES / f"{name}.safetensors"
        save_file(arrays(form), path)
        print(path, path.stat().st_size, "bytes")
