"""Hugging Face's DINOv3ViT and the Primus decoder in PyTorch, for the tests of SegBench's.

    python Benchmarks/peers/vit_fixtures.py    writes Tests/NetworksTests/Fixtures
"""

import pathlib

import torch
from safetensors.torch import save_file

from vit_reference import Primus, block_tokens, own_names, randomise, vision_transformer

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
    # As the published files name them; transformers 5 has "model." before the layers in memory.
    published = {k.removeprefix("model."): v.contiguous() for k, v in model.state_dict().items()}
    save_file(published, FIXTURES / "vit_hugging_face.safetensors")
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


if __name__ == "__main__":
    FIXTURES.mkdir(parents=True, exist_ok=True)
    vit_fixture()
    form = dict(width=32, depth=3, heads=2, patch=8)
    primus_fixture(FIXTURES / "primus_single_scale.safetensors", [2], **form, storage=4)
    primus_fixture(FIXTURES / "primus_multi_scale.safetensors", [0, 2], **form, storage=0, key_bias=True, eps=1e-6)
