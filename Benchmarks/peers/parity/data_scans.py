"""The datasets that Benchmarks/peers/speed/data.py compares on: phantoms of each modality and the real CT."""

import json
import pathlib
import shutil
import subprocess

import numpy as np
import SimpleITK as sitk

REPOSITORY = pathlib.Path(__file__).parents[3]


def phantoms(tool, base, name, number, modality, cases, size, kind="btcv"):
    """A phantom dataset of one modality in nnU-Net's raw folder. The MR ones are the MR cases of AMOS22's phantoms, of which
    every sixth is one."""
    raw = base / "raw" / f"Dataset{number:03d}_{name}"
    kind, made = (kind, cases) if modality == "CT" else ("amos22", 6 * cases)
    subprocess.run([tool, "phantom", kind, *map(str, (made, *size)), str(raw)], check=True)
    description = json.loads((raw / "dataset.json").read_text())
    description |= {"channel_names": {"0": modality}, "numTraining": cases}
    (raw / "dataset.json").write_text(json.dumps(description))
    if modality == "MR":
        for path in [*(raw / "imagesTr").iterdir(), *(raw / "labelsTr").iterdir()]:
            if int(path.name.split("_")[1][:4]) < 507:
                path.unlink()
    return raw


def real_ct(tool, base, number):
    """The real CT's dataset, or the sentence that says why there is none."""
    folder = REPOSITORY / "data/real-ct"
    fetched = subprocess.run(["bash", REPOSITORY / "Benchmarks/real-ct/fetch.sh", folder], capture_output=True, text=True)
    if fetched.returncode:
        return None, f"The real CT is left out: it could not be fetched ({fetched.stderr.strip().splitlines()[-1:]})."
    raw = base / "raw" / f"Dataset{number:03d}_real_ct"
    subprocess.run([tool, "real-ct", folder, REPOSITORY / "Recipes", raw], check=True)
    return raw, None


def scans(tool, base):
    """By name, what makes the dataset: its raw folder and None, or None and the sentence that says why there is none."""
    size = (160, 160, 24)
    return {
        "CT phantom": lambda: (phantoms(tool, base, "ct_phantom", 101, "CT", 5, size), None),
        "MR phantom": lambda: (phantoms(tool, base, "mr_phantom", 102, "MR", 5, size), None),
        "real CT": lambda: real_ct(tool, base, 103),
    }


def first_case(raw):
    """A dataset's first image and label map."""
    label = sorted((raw / "labelsTr").iterdir())[0]
    return raw / "imagesTr" / label.name.replace(".nii.gz", "_0000.nii.gz"), label


def disturbed(label, target, loses=True, seed=0):
    """A prediction made of a label map: every class moved a little, with ragged borders, and the last class lost. Returns both
    arrays [Z, Y, X], the spacing [z, y, x] in mm and the number of classes."""
    image = sitk.ReadImage(str(label))
    reference = sitk.GetArrayFromImage(image).astype(np.int16)
    random = np.random.default_rng(seed)
    prediction = np.roll(reference, (0, 1, -2), (0, 1, 2))
    ragged = random.random(reference.shape) < 0.02
    prediction[ragged] = np.roll(reference, (1, 4, 3), (0, 1, 2))[ragged]
    classes = int(reference.max())
    if loses:
        prediction[prediction == classes] = 0
    written = sitk.GetImageFromArray(prediction.astype(np.uint8))
    written.CopyInformation(image)
    sitk.WriteImage(written, str(target))
    return reference, prediction, image.GetSpacing()[::-1], classes


def remove(folder):
    shutil.rmtree(folder, ignore_errors=True)
