"""Hugging Face's DINOv3ViT and the Primus decoder in PyTorch, against SegBench's.

    python Benchmarks/peers/vit_parity.py               writes the small fixtures of Tests/NetworksTests
    python Benchmarks/peers/vit_parity.py full DIR      writes a ViT-B/16 with random weights, an image and its tokens, and a
                                                        whole network of ViT-S/16's size with its gradients into DIR;
                                                        the tests compare them when SEGBENCH_PARITY names DIR
"""

import pathlib
import sys

import torch
from safetensors.torch import save_file

from vit_reference import Primus, block_tokens, own_names, published_names, randomise, vision_transformer

FIXTURES = pathlib.Path(__file__).parents[2] / "Tests/NetworksTests/Fixtures"
torch.set_num_threads(1)


def vit_fixture():
    """A small ViT under Hugging Face's names, with 3-channel images whose sides differ."""
    model = vision_transformer(width=32, depth=4, heads=2, patch=8, storage=4)
    randomise(model, 1)
    images = torch.randn(2, 3, 24, 40, generator=torch.Generator().manual_seed(2))
    arrays = {"images": images}
    with torch.no_grad():
        for index, (patches, cls) in block_tokens(model, images, [0, 1, 3]).items():
            arrays[f"patches.{index}"], arrays[f"class.{index}"] = patches.contiguous(), cls.contiguous()
        last = model(images).last_hidden_state
    assert torch.equal(last[:, 5:], arrays["patches.3"])
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, FIXTURES / "vit_hugging_face.safetensors")
    save_file(arrays, FIXTURES / "vit_tokens.safetensors")


def primus_fixture(path, blocks, classes=5, shape=(2, 1, 16, 24), **form):
    """A whole network under SegBench's names: logits, and every parameter's gradient of Σ logits · weights."""
    network = Primus(vision_transformer(**form), blocks, classes)
    randomise(network, 3)
    generator = torch.Generator().manual_seed(4)
    images = torch.randn(shape, generator=generator)
    logits = network(images)
    weights = torch.randn(logits.shape, generator=generator)
    (logits * weights).sum().backward()
    arrays = {"images": images, "logits": logits.detach().contiguous(), "weights": weights}
    arrays |= {f"value.{k}": v for k, v in own_names(dict(network.named_parameters())).items()}
    arrays |= {f"gradient.{k}": v for k, v in own_names({k: p.grad for k, p in network.named_parameters()}).items()}
    save_file(arrays, path)


def full(folder):
    model = vision_transformer(width=768, depth=12, heads=12, patch=16, storage=4)
    randomise(model, 5)
    images = torch.randn(1, 3, 224, 320, generator=torch.Generator().manual_seed(6))
    arrays = {"images": images}
    with torch.no_grad():
        for index, (patches, cls) in block_tokens(model, images, [2, 5, 8, 11]).items():
            arrays[f"patches.{index}"], arrays[f"class.{index}"] = patches.contiguous(), cls.contiguous()
    save_file(arrays, folder / "tokens.safetensors")
    torch.save(published_names(model), folder / "dinov3_vitb16_random.pth")
    primus_fixture(folder / "primus_vits16.safetensors", [2, 5, 8, 11], classes=16, shape=(2, 1, 96, 128),
                   width=384, depth=12, heads=6, patch=16, storage=4)


if __name__ == "__main__":
    if sys.argv[1:2] == ["full"]:
        folder = pathlib.Path(sys.argv[2])
        folder.mkdir(parents=True, exist_ok=True)
        full(folder)
    else:
        FIXTURES.mkdir(parents=True, exist_ok=True)
        vit_fixture()
        form = dict(width=32, depth=3, heads=2, patch=8)
        primus_fixture(FIXTURES / "primus_single_scale.safetensors", [2], **form, storage=4)
        primus_fixture(FIXTURES / "primus_multi_scale.safetensors", [0, 2], **form, storage=0, key_bias=True, eps=1e-6)
