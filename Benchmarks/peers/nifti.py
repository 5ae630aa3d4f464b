"""Writes, with nibabel, the small NIfTI files that Tests/ImagingTests reads, and checks that SimpleITK agrees on them.

    python Benchmarks/peers/nifti.py            writes the fixtures
    python Benchmarks/peers/nifti.py check DIR  reads what SegBench wrote into DIR (by its tests) and compares
"""

import pathlib
import sys

import nibabel as nib
import numpy as np
import SimpleITK as sitk

FIXTURES = pathlib.Path(__file__).parents[2] / "Tests/ImagingTests/Fixtures"
TYPES = ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"]
SHAPE = (5, 4, 3)  # x, y, z
AFFINE = np.array([[-0.75, 0.1, 0, 12.5], [0.05, 0.8, 0.2, -7.25], [0, -0.1, 2.5, 100], [0, 0, 0, 1]])


def pattern(dtype):
    """Voxel (x, y, z) holds x + 5 y + 20 z, less 30 where the type is signed, plus a quarter where it is a float."""
    values = np.arange(60).reshape(SHAPE, order="F")
    kind = np.dtype(dtype).kind
    values = values - (30 if kind != "u" else 0)
    return (values + 0.25 if kind == "f" else values).astype(dtype)


def save(data, path, version, order, slope=None, inter=None, units="mm", dim4=False):
    header = (nib.Nifti1Header if version == 1 else nib.Nifti2Header)(endianness=order)
    header.set_data_dtype(data.dtype.newbyteorder(order))
    image = (nib.Nifti1Image if version == 1 else nib.Nifti2Image)(data[..., None] if dim4 else data, AFFINE, header)
    image.header.set_xyzt_units(units)
    image.header["descrip"] = b"made by nibabel"
    image.set_qform(AFFINE, 1)
    image.set_sform(AFFINE, 2)
    if slope is not None:
        image.header.set_slope_inter(slope, inter)
        with nib.openers.Opener(path, "wb") as file:
            image.header["vox_offset"] = 352 if version == 1 else 544
            image.header.write_to(file)
            file.write(data.astype(data.dtype.newbyteorder(order)).tobytes(order="F"))
    else:
        nib.save(image, path)


def write():
    FIXTURES.mkdir(parents=True, exist_ok=True)
    for index, dtype in enumerate(TYPES):
        one, two = ("<", ">") if index % 2 == 0 else (">", "<")
        save(pattern(dtype), FIXTURES / f"{dtype}-1.nii.gz", 1, one)
        save(pattern(dtype), FIXTURES / f"{dtype}-2.nii.gz", 2, two)
    save(pattern("i2"), FIXTURES / "scaled.nii", 1, "<", slope=0.5, inter=-1024.0)
    save(pattern("i2"), FIXTURES / "scaled-big.nii", 2, ">", slope=0.5, inter=-1024.0)
    save(pattern("u1"), FIXTURES / "four-axes.nii", 1, "<", dim4=True)
    save(pattern("f4"), FIXTURES / "metres.nii", 1, "<", units="meter")
    for path in sorted(FIXTURES.glob("*.nii*")):
        if path.name == "four-axes.nii":
            continue
        ours = nib.load(path).get_fdata(dtype=np.float32).transpose(2, 1, 0)
        try:
            image = sitk.ReadImage(str(path))
        except RuntimeError:
            print(path.name, "is beyond SimpleITK")
            continue
        assert np.array_equal(ours, sitk.GetArrayFromImage(image).astype(np.float32)), path
        print(path.name, image.GetSpacing())


def check(folder):
    for name in ["image.nii.gz", "image-big.nii"]:
        image = nib.load(folder / name)
        assert np.array_equal(image.get_fdata(dtype=np.float32), pattern("i2") * 0.5 - 1024), name
        assert np.allclose(image.affine, AFFINE, atol=1e-5)
    theirs = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "image.nii.gz")))
    assert np.array_equal(theirs.transpose(2, 1, 0), pattern("i2") * 0.5 - 1024)
    labels = nib.load(folder / "labels.nii.gz")
    assert labels.get_data_dtype() == np.uint8 and np.array_equal(np.asarray(labels.dataobj), pattern("u1"))
    new = sitk.ReadImage(str(folder / "new.nii"))
    assert np.allclose(new.GetSpacing(), [0.7, 0.8, 5.0]) and new.GetSize() == (2, 3, 4)
    assert np.allclose(new.GetOrigin(), [10.0, 20.0, -30.0]) and np.allclose(new.GetDirection(), np.diag([1, -1, 1]).ravel())
    print("nibabel and SimpleITK read what SegBench wrote.")


if __name__ == "__main__":
    check(pathlib.Path(sys.argv[2])) if sys.argv[1:2] == ["check"] else write()
