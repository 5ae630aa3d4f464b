"""Writes, with torch.save, small files that hold what people keep beside weights, or save in place of them; Tests/NetworksTests reads
them.

    python Benchmarks/peers/weights_other.py
"""

import collections
import pathlib
import warnings

import torch

FIXTURES = pathlib.Path(__file__).parents[2] / "Tests/NetworksTests/Fixtures"
torch.set_num_threads(1)
torch.manual_seed(0)
warnings.filterwarnings("ignore")


def beside():
    """A state dictionary with all that torch.load(weights_only=True) takes beside it."""
    weights = collections.OrderedDict(weight=torch.arange(6.0).view(2, 3), bias=torch.nn.Parameter(torch.ones(2)))
    parameter = torch.nn.Parameter(torch.full((3,), 2.0))
    parameter.note = "an attribute"
    return {
        "state_dict": weights,
        "dtype": torch.float32, "dtypes": [torch.bfloat16, torch.quint8, torch.uint16],
        "set": {3, "a"}, "counter": collections.Counter("aab"), "size": torch.Size([2, 3]),
        "device": torch.device("cpu"), "bytes": b"\x00\xff", "no_bytes": b"" or bytearray(), "bytearray": bytearray(b"ab"),
        "complex": 1 + 2j, "layout": torch.strided, "scheme": torch.per_tensor_affine,
        "parameter": parameter, "buffer": torch.nn.Buffer(torch.zeros(1)),
        "sparse": torch.eye(2).to_sparse(), "meta": torch.empty(2, device="meta"),
        "quantised": torch.quantize_per_tensor(torch.ones(2), 0.5, 0, torch.qint8),
        "complex_tensor": torch.ones(2, dtype=torch.complex64),
        "float8": torch.ones(2).to(torch.float8_e4m3fn), "uint16": torch.tensor([7, 65535], dtype=torch.uint16),
        "long": 2**100, "keys": {True: 1, 1.5: 2, None: 3, (1, 2): 4}, "tensor_key": [torch.tensor(1.0)],
    }


def write():
    content = beside()
    torch.save(content, FIXTURES / "beside.pth")
    torch.load(FIXTURES / "beside.pth", weights_only=True)
    # The older form has no tensors without storage.
    chain = {key: value for key, value in content.items() if key not in ("meta", "float8", "uint16")}
    torch.save(chain, FIXTURES / "beside_chain.pth", _use_new_zipfile_serialization=False)
    torch.load(FIXTURES / "beside_chain.pth", weights_only=True)

    model = torch.nn.Sequential(torch.nn.Linear(2, 1))
    torch.save(model, FIXTURES / "whole_module.pth")
    torch.jit.trace(model, torch.ones(1, 2)).save(FIXTURES / "torch_script.pt")
    torch.save({"patch_embed.proj.weight": torch.quantize_per_tensor(torch.ones(4, 3, 2, 2), 0.5, 0, torch.qint8)},
               FIXTURES / "quantised.pth")
    optimiser = torch.optim.AdamW(model.parameters())
    model(torch.ones(1, 2)).sum().backward()
    optimiser.step()
    torch.save({"optimizer": optimiser.state_dict()}, FIXTURES / "optimiser.pth")


write()
