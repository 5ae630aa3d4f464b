#!/usr/bin/env python3
"""What nnU-Net's two readers of NIfTI files say of odd headers, and what nnU-Net plans for flat and for turned datasets: the
fixtures of the tests of grids.

    python Benchmarks/peers/geometry_fixtures.py          writes the fixtures
    python Benchmarks/peers/geometry_fixtures.py print    prints the verdicts

Needs nnunetv2 2.8.1 with SimpleITK and nibabel.
"""
import base64
import contextlib
import io
import json
import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
root = Path(__file__).resolve().parents[2]
base = Path(tempfile.mkdtemp())
for name in ("raw", "preprocessed", "results"):
    (base / name).mkdir()
    os.environ[f"nnUNet_{name}"] = str(base / name)

import nibabel as nib
import numpy as np
import SimpleITK as sitk
from nnunetv2.imageio.nibabel_reader_writer import NibabelIO
from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO

CUBE = (5, 4, 3)


def scales(x, y, z):
    return np.array([[x, 0, 0, 0], [0, y, 0, 0], [0, 0, z, 0.0]])


def sheared(amount):
    return np.array([[1.5, 2 * amount, 0, 0], [0, 2, 0, 0], [0, 0, 3, 0.0]])


TURNED = np.array([[-1.5, 0, 0, 1], [0, -2, 0, 2], [0, 0, 3, 3.0]])
COSINE, SINE = np.cos(0.3), np.sin(0.3)
OBLIQUE = np.array([[1.5 * COSINE, -2 * SINE, 0, 5], [1.5 * SINE, 2 * COSINE, 0, 6], [0, 0, 3, 7.0]])
STRAIGHT = (0, 0, 0, 0, 0, 0)
RIGHT = dict(sform=scales(1.5, 2, 3))

# Each: what differs from 5 x 4 x 3 voxels of 1.5 x 2 x 3 mm with no orientation.
FILES = {
    "plain": RIGHT,
    "no form": {},
    "qform only": dict(qform=STRAIGHT),
    "two axes": dict(shape=(5, 4)),
    "two axes and an sform": dict(shape=(5, 4), sform=scales(1.5, 2, 3)),
    "two axes, sform without a third": dict(shape=(5, 4), sform=scales(1.5, 2, 0)),
    "two axes, exchanged": dict(shape=(5, 4), sform=np.array([[0, 2, 0, 0], [1.5, 0, 0, 0], [0, 0, 1, 0.0]])),
    "two axes, out of the plane": dict(shape=(5, 4), sform=np.array([[0, 0, 1, 0], [1.5, 0, 0, 0], [0, 2, 0, 0.0]])),
    "two axes, size 0": dict(shape=(5, 4), pixdim=(1, 0, 2, 3)),
    "two axes, negative": dict(shape=(5, 4), pixdim=(1, -1.5, 2, 3)),
    "one axis": dict(shape=(5,)),
    "one slice": dict(shape=(5, 4, 1), **RIGHT),
    "four axes": dict(shape=(5, 4, 3, 1), **RIGHT),
    "four axes, one slice": dict(shape=(5, 4, 1, 1), **RIGHT),
    "five axes": dict(shape=(5, 4, 3, 1, 1), **RIGHT),
    "size 0": dict(pixdim=(1, 1.5, 0, 3)),
    "size 0 and an sform": dict(pixdim=(1, 1.5, 0, 3), **RIGHT),
    "all sizes 0": dict(pixdim=(1, 0, 0, 0)),
    "negative": dict(pixdim=(1, 1.5, -2, 3)),
    "negative and an sform": dict(pixdim=(1, 1.5, -2, 3), **RIGHT),
    "negative and a qform": dict(pixdim=(1, 1.5, -2, 3), qform=STRAIGHT),
    "size NaN": dict(pixdim=(1, 1.5, np.nan, 3), **RIGHT),
    "size infinite": dict(pixdim=(1, 1.5, np.inf, 3), **RIGHT),
    "sheared": dict(sform=sheared(0.2)),
    "sheared by a thousandth": dict(sform=sheared(1e-3)),
    "sheared by rounding": dict(sform=sheared(2e-5)),
    "sheared with a qform": dict(sform=sheared(0.2), qform=STRAIGHT),
    "forms disagree": dict(sform=TURNED, qform=STRAIGHT),
    "forms disagree, code 2": dict(sform=TURNED, sform_code=2, qform=STRAIGHT),
    "other scales": dict(sform=scales(1, 1, 1)),
    "other scales and a qform": dict(sform=scales(1, 1, 1), qform=STRAIGHT),
    "sizes lost": dict(pixdim=(1, 1, 1, 1), **RIGHT),
    "sform of zeros": dict(sform=scales(0, 0, 0)),
    "sform without z": dict(sform=scales(1.5, 2, 0)),
    "sform singular": dict(sform=np.array([[1.5, 2, 0, 5], [0, 0, 0, 6], [0, 0, 3, 7.0]])),
    "sform NaN": dict(sform=scales(1.5, np.nan, 3)),
    "sform infinite": dict(sform=scales(1.5, np.inf, 3)),
    "origin NaN": dict(sform=np.array([[1.5, 0, 0, np.nan], [0, 2, 0, 0], [0, 0, 3, 0.0]])),
    "quaternion NaN": dict(qform=(np.nan, 0, 0, 0, 0, 0)),
    "left-handed qform": dict(pixdim=(-1, 1.5, 2, 3), qform=(0, 0, 0, 1, 2, 3)),
    "left-handed sform": dict(sform=scales(-1.5, 2, 3)),
    "oblique": dict(sform=OBLIQUE),
    "metres": dict(pixdim=(1, 0.0015, 0.002, 0.003), sform=scales(0.0015, 0.002, 0.003), units=1),
    "micrometres": dict(pixdim=(1, 1500, 2000, 3000), sform=scales(1500, 2000, 3000), units=3),
    "no unit": dict(units=0, **RIGHT),
}


def header(shape=CUBE, pixdim=(1, 1.5, 2, 3), sform=None, sform_code=1, qform=None, units=2):
    result = nib.Nifti1Header()
    result.set_data_dtype(np.int16)
    result.set_data_shape(shape)
    result["pixdim"][:4] = pixdim
    result["xyzt_units"] = units
    if sform is not None:
        result["sform_code"] = sform_code
        for row, key in zip(sform, ("srow_x", "srow_y", "srow_z")):
            result[key] = row
    if qform is not None:
        result["qform_code"] = 1
        for value, key in zip(qform, ("quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z")):
            result[key] = value
    result["magic"], result["vox_offset"] = b"n+1", 352
    return result.binaryblock + bytes(4)


def number(value):
    return float(value) if np.isfinite(value) else None


def verdict(reader, path):
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            voxels, properties = reader().read_images((str(path),))
        except Exception as error:
            return {"refused": str(error).strip().split("\n")[-1].strip()}
    result = {"shape": list(voxels.shape[1:]), "spacing": [number(x) for x in properties["spacing"]]}
    if "sitk_stuff" in properties:
        result |= {key: [number(x) for x in properties["sitk_stuff"][key]] for key in ("direction", "origin")}
    return result


def readers():
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    result = []
    for name, changes in FILES.items():
        head = header(**changes)
        path = base / "file.nii"
        path.write_bytes(head + bytes(2 * int(np.prod(changes.get("shape", CUBE)))))
        result.append({"name": name, "header": base64.b64encode(head).decode(), "simpleitk": verdict(SimpleITKIO, path),
                       "nibabel": verdict(NibabelIO, path)})
    return result


def plan(name, shape, spacing, sitk_dimension):
    """nnU-Net's plan for three cases of these voxels along x, y, z."""
    from nnunetv2.experiment_planning.dataset_fingerprint import fingerprint_extractor as extractor
    from nnunetv2.experiment_planning.experiment_planners.default_experiment_planner import ExperimentPlanner

    raw = base / "raw" / f"Dataset001_{name}"
    for folder in ("imagesTr", "labelsTr"):
        (raw / folder).mkdir(parents=True)
    for case in "abc":
        image = np.arange(np.prod(shape)).reshape(shape[::-1]).astype(np.float32) % 97 + 1
        label = (np.arange(np.prod(shape)) % 3).reshape(shape[::-1]).astype(np.uint8)
        for path, array in ((f"imagesTr/{case}_0000.nii.gz", image), (f"labelsTr/{case}.nii.gz", label)):
            written = sitk.GetImageFromArray(array)
            assert written.GetDimension() == sitk_dimension
            written.SetSpacing(spacing)
            sitk.WriteImage(written, str(raw / path))
    (raw / "dataset.json").write_text(json.dumps({
        "channel_names": {"0": "CT"}, "labels": {"background": 0, "a": 1, "b": 2}, "numTraining": 3,
        "file_ending": ".nii.gz"}))

    class Quiet(extractor.DatasetFingerprintExtractor):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            self.num_foreground_voxels_for_intensitystats = 1000
            self.show_progress_bar = False
    with contextlib.redirect_stdout(io.StringIO()):
        Quiet(raw.name, 1).run(True)
        ExperimentPlanner(raw.name).plan_experiment()
    document = json.load(open(base / "preprocessed" / raw.name / "nnUNetPlans.json"))
    two = document["configurations"]["2d"]
    return {"name": name, "shape": list(shape), "spacing": list(spacing),
            "transpose_forward": document["transpose_forward"],
            "fingerprint_spacing": json.load(
                open(base / "preprocessed" / raw.name / "dataset_fingerprint.json"))["spacings"][0],
            "configuration": {key: two[key] for key in ("patch_size", "spacing", "median_image_size_in_voxels")}}


def plans():
    return [plan("Flat", (40, 36), (1.5, 1.5), 2), plan("FlatUneven", (52, 30), (0.8, 1.2), 2),
            plan("SlicesAlongX", (6, 40, 36), (3.0, 0.75, 0.8), 3)]


def main():
    if sys.argv[1:] == ["print"]:
        for file in readers():
            print(file["name"])
            for peer in ("simpleitk", "nibabel"):
                print(f"    {peer:10}{json.dumps(file[peer])}")
        return
    for value, path in ((readers(), "ImagingTests/Fixtures/geometry.json"),
                        (plans(), "DatasetsTests/Fixtures/geometry-plans.json")):
        (root / "Tests" / path).write_text(json.dumps(value, indent=0) + "\n")


if __name__ == "__main__":
    main()
