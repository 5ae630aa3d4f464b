"""Writes, with h5py and safetensors, the small files that Tests/FilesTests reads.

    python Benchmarks/peers/files.py            writes the fixtures
    python Benchmarks/peers/files.py check DIR  reads what SegBench wrote into DIR (by its tests) and compares
"""

import pathlib
import sys

import h5py
import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

FIXTURES = pathlib.Path(__file__).parents[2] / "Tests/FilesTests/Fixtures"


def write():
    FIXTURES.mkdir(parents=True, exist_ok=True)
    with h5py.File(FIXTURES / "h5py.h5", "w") as file:
        image = np.arange(2 * 3 * 4 * 5, dtype=np.float32).reshape(2, 3, 4, 5) / 8
        file.create_dataset("image", data=image, chunks=(1, 1, 4, 5), compression="gzip", shuffle=True)
        file.create_dataset("nested/labels", data=np.arange(-6, 6, dtype=">i2").reshape(3, 4))
        file.create_dataset("large", data=np.array([2**40, -1], dtype=np.int64))
        file.create_dataset("unsigned", data=np.array([1], dtype=np.uint32))
        file.create_dataset("names", data=["liver", "Milz ü"])
        file.create_dataset("fixed", data=np.array([b"abc", b"de"], dtype="S5"))
        file.create_dataset("scalar", data=2.5)
        file.create_dataset("virtual_size", shape=(1 << 20, 1 << 20), dtype="f4", chunks=(64, 64))
        file.create_dataset("outside", shape=(4,), dtype="f4", external=[("elsewhere.bin", 0, 16)])
        file["link"] = h5py.ExternalLink("elsewhere.h5", "/image")
        file["image"].attrs["unit"] = "HU"
        file["image"].attrs["spacing"] = np.array([5.0, 0.75, 0.75])
        file["image"].attrs["fixed"] = np.bytes_("plain")
        file.attrs["count"] = np.int64(7)
    save_file(
        {
            "b.weight": (np.arange(6, dtype=np.float32).reshape(2, 3) - 2.5),
            "half": np.array([1.5, -2.0, 65504.0], dtype=np.float16),
            "index": np.array([[1], [2]], dtype=np.int64),
            "empty": np.zeros((0, 4), dtype=np.float32),
            "flags": np.array([True, False]),
        },
        FIXTURES / "peer.safetensors",
        metadata={"format": "np"},
    )


def check(folder):
    with h5py.File(folder / "written.h5", "r") as file:
        image = file["image"]
        assert image.dtype == np.float32 and image.shape == (2, 3, 4) and image.chunks == (1, 3, 4)
        assert image.compression == "gzip" and image.shuffle
        assert np.array_equal(image[:], np.arange(24, dtype=np.float32).reshape(2, 3, 4) / 4)
        assert image.attrs["unit"].decode() == "mm" and list(image.attrs["spacing"]) == [3.0, 0.5, 0.5]
        assert file["deep/er/labels"].dtype == np.int16 and list(file["deep/er/labels"][:]) == [-1, 0, 32767]
        assert file["text"][()].decode() == "Grüße" and [t.decode() for t in file["texts"][:]] == ["a", "", "b"]
    with safe_open(folder / "written.safetensors", framework="numpy") as file:
        assert sorted(file.keys()) == ["n", 'odd "name"\n', "w"] and file.metadata() == {"a": "1", "b": "2"}
        weight, count = file.get_tensor("w"), file.get_tensor("n")
    assert weight.tolist() == [[1, 2], [3, 4]]
    assert count.dtype == np.int64 and count.tolist() == [9]
    print("h5py and safetensors read what SegBench wrote.")


if __name__ == "__main__":
    check(pathlib.Path(sys.argv[2])) if sys.argv[1:2] == ["check"] else write()
