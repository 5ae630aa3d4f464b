"""Writes, with torch.save, the small weight files that Tests/NetworksTests reads.

    python Benchmarks/peers/weights.py            writes the fixtures
    python Benchmarks/peers/weights.py check DIR  loads in PyTorch what SegBench exported into DIR (by its tests)
"""

import collections
import os
import pathlib
import pickle
import sys
import zipfile

import torch
from safetensors.torch import load_file, save_file

from vit_reference import published_names, randomise, vision_transformer

FIXTURES = pathlib.Path(__file__).parents[2] / "Tests/NetworksTests/Fixtures"
FORM = dict(width=16, depth=2, heads=2, patch=4)
torch.set_num_threads(1)


def planted(path, payload, compression=zipfile.ZIP_STORED, byteorder=b"little", data=b""):
    """A PyTorch archive whose pickle is `payload`, with one storage."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in (("data.pkl", payload), ("byteorder", byteorder), ("version", b"3\n"), ("data/0", data)):
            archive.writestr(zipfile.ZipInfo(f"archive/{name}", (2024, 1, 1, 0, 0, 0)), content, compression)


class Planted:
    def __reduce__(self):
        return os.system, ("touch planted",)


def write():
    model = vision_transformer(**FORM, storage=4)
    randomise(model, 7)
    published = published_names(model)
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, FIXTURES / "small_hugging_face.safetensors")
    torch.save(published, FIXTURES / "small_dinov3.pth")
    torch.save(published, FIXTURES / "small_dinov3_chain.pth", _use_new_zipfile_serialization=False)

    medical = vision_transformer(**FORM, storage=4, qkv_bias=False, eps=1e-6)
    randomise(medical, 8)
    teacher = collections.OrderedDict((f"backbone.{k}", v) for k, v in published_names(medical).items())
    teacher["dino_head.mlp.0.weight"] = torch.ones(3, 16)
    teacher["ibot_head.last_layer.weight"] = torch.ones(2, 3)
    torch.save({"teacher": teacher, "iteration": 9}, FIXTURES / "small_meddinov3.pth")

    values = torch.tensor([[1.5, -2.0, 0.25], [1024.0, 0.0, -0.5]])
    torch.save(
        {
            "double": values.double(), "half": values.half(), "bfloat16": values.bfloat16(), "float": values,
            "transposed": values.t(), "row": values[1], "every_other": values[:, ::2], "scalar": torch.tensor(2.5),
            "empty": torch.zeros(0, 3), "long": torch.tensor([2**40, -1]), "parameter": torch.nn.Parameter(values[0]),
            "nested": [1, {"x": torch.ones(1), 3: "text"}, (True, None, -7, 1e-3)],
        },
        FIXTURES / "types.pt")

    planted(FIXTURES / "planted.pth", pickle.dumps({"weight": Planted()}, protocol=2))
    planted(FIXTURES / "planted_protocol4.pth", pickle.dumps({"weight": Planted()}, protocol=4))
    planted(FIXTURES / "planted_instance.pth", b"(S'echo planted'\nios\nsystem\n.")

    # Sound archives of one tensor of 6 floats, then with what no honest file has.
    def tensor(offset=0, shape=(2, 3), strides=(3, 1), count=6):
        def integers(numbers):
            return b"(" + b"".join(b"J" + n.to_bytes(4, "little", signed=True) for n in numbers) + b"t"
        return (b"\x80\x02}X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\n"
                b"X\x01\x00\x00\x000X\x03\x00\x00\x00cpuJ" + count.to_bytes(4, "little", signed=True) + b"tQJ"
                + offset.to_bytes(4, "little", signed=True) + integers(shape) + integers(strides)
                + b"\x89ccollections\nOrderedDict\n)RtRs.")
    data = torch.arange(6.0).numpy().tobytes()
    planted(FIXTURES / "tensor_sound.pth", tensor(), data=data)
    assert torch.equal(torch.load(FIXTURES / "tensor_sound.pth")["w"], torch.arange(6.0).view(2, 3))
    big = 2**31 - 1
    for name, arguments in {
        "offset": dict(offset=1), "negative_offset": dict(offset=-1), "shape": dict(shape=(2, 4), strides=(4, 1)),
        "stride": dict(strides=(4, 1)), "negative_stride": dict(strides=(-3, 1)), "negative_shape": dict(shape=(-2, -3)),
        "expanded": dict(shape=(big, big, big), strides=(0, 0, 0)), "overflow": dict(shape=(big,) * 5, strides=(big,) * 5),
        "empty_overflow": dict(shape=(0,) + (big,) * 5, strides=(1,) * 6), "ranks": dict(strides=(1,)),
        "count": dict(count=7),
    }.items():
        planted(FIXTURES / f"tensor_{name}.pth", tensor(**arguments), data=data)
    planted(FIXTURES / "tensor_compressed.pth", tensor(), zipfile.ZIP_DEFLATED, data=data)
    planted(FIXTURES / "tensor_big_endian.pth", tensor(), byteorder=b"big", data=data)


def nnunet_checkpoint():
    """A small checkpoint with the entries and types that nnU-Net 2.8.1's `save_checkpoint` writes, one step trained."""
    import numpy as np
    network = torch.nn.Sequential(collections.OrderedDict(
        conv=torch.nn.Conv2d(1, 2, 3), norm=torch.nn.InstanceNorm2d(2, affine=True)))
    optimizer = torch.optim.SGD(network.parameters(), 1e-2, weight_decay=3e-5, momentum=0.99, nesterov=True)
    network(torch.ones(1, 1, 5, 5)).sum().backward()
    optimizer.step()
    torch.save(
        {
            "network_weights": network.state_dict(), "optimizer_state": optimizer.state_dict(), "grad_scaler_state": None,
            "logging": {"mean_fg_dice": [np.float64(0.25)], "train_losses": [np.float32(1.5)], "lrs": [0.01]},
            "_best_ema": np.float64(0.5), "current_epoch": 1,
            "init_args": {"configuration": "2d", "fold": 0, "plans": {"patch": [16, 16]}, "device": torch.device("cuda", 0)},
            "trainer_name": "nnUNetTrainer", "inference_allowed_mirroring_axes": (0, 1),
        },
        FIXTURES / "nnunet_checkpoint.pth")


def check(folder):
    """Every layout's export holds the same network as the fixture it was loaded from."""
    expected = load_file(FIXTURES / "small_hugging_face.safetensors")
    model = vision_transformer(**FORM, storage=4)
    exported = load_file(folder / "hugging-face.safetensors")
    print(model.load_state_dict(exported, strict=True))
    for key, value in expected.items():
        if "mask_token" not in key:
            assert torch.equal(model.state_dict()[key], value), key
    published = torch.load(FIXTURES / "small_dinov3.pth")
    exported = load_file(folder / "dinov3.safetensors")
    assert sorted(exported) == sorted(published)
    for key, value in published.items():
        if key != "mask_token":
            assert torch.allclose(exported[key], value, rtol=1e-6, atol=0), key
    print("exports agree with PyTorch")


if __name__ == "__main__":
    if sys.argv[1:2] == ["check"]:
        check(pathlib.Path(sys.argv[2]))
    else:
        FIXTURES.mkdir(parents=True, exist_ok=True)
        write()
        nnunet_checkpoint()
