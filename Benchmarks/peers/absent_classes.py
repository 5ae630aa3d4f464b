"""Means over cases where references and predictions lack classes, by nnU-Net's evaluation and MONAI's metrics: the fixture
of Tests/EvaluationTests/AveragingTests.swift.

    python Benchmarks/peers/absent_classes.py
"""

import json
import math
import pathlib
import tempfile
import warnings

import numpy as np
import SimpleITK as sitk
import torch
from monai.metrics import DiceMetric, HausdorffDistanceMetric, SurfaceDiceMetric
from nnunetv2.evaluation.evaluate_predictions import compute_metrics_on_folder
from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO

TARGET = pathlib.Path(__file__).parents[2] / "Tests/EvaluationTests/Fixtures/absent_classes.json"
SPACING = (2.5, 0.75, 1.25)  # z, y, x
LABELS = [1, 2, 3, 4, 5]


def cases():
    """Boxes: class 1 everywhere, 2 missed once and invented once, 3 mostly missed, 4 invented only, 5 nowhere."""
    shape = (4, 7, 6)

    def volume(*boxes):
        labels = np.zeros(shape, np.int16)
        for label, (z, y, x) in boxes:
            labels[slice(*z), slice(*y), slice(*x)] = label
        return labels

    yield "a", volume((1, ((0, 2), (0, 3), (0, 3))), (2, ((2, 4), (3, 7), (0, 3)))), volume(
        (1, ((0, 2), (0, 3), (1, 4))), (2, ((2, 4), (3, 6), (0, 4))))
    yield "b", volume((1, ((0, 3), (0, 4), (0, 3)))), volume(
        (1, ((0, 3), (0, 4), (0, 2))), (2, ((3, 4), (5, 7), (0, 3))), (4, ((0, 1), (5, 7), (4, 6))))
    yield "c", volume((1, ((0, 1), (0, 4), (0, 3))), (2, ((1, 3), (4, 7), (3, 6))), (3, ((3, 4), (0, 2), (0, 2)))), volume(
        (1, ((0, 2), (0, 4), (0, 3))))
    yield "d", volume((1, ((1, 3), (2, 6), (1, 5))), (3, ((0, 1), (0, 3), (3, 6)))), volume(
        (1, ((1, 3), (2, 6), (1, 6))), (3, ((0, 1), (0, 3), (2, 6))), (4, ((3, 4), (0, 1), (0, 1))))
    yield "e", volume((1, ((0, 4), (0, 7), (0, 2))), (3, ((0, 2), (0, 2), (4, 6)))), volume((1, ((0, 4), (1, 7), (0, 3))))


def nnunet(found):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for place, (name, reference, prediction) in enumerate(found):
            for part, labels in [("references", reference), ("predictions", prediction)]:
                (folder / part).mkdir(exist_ok=True)
                image = sitk.GetImageFromArray(labels)
                image.SetSpacing(tuple(reversed(SPACING)))
                sitk.WriteImage(image, str(folder / part / f"{name}.nii.gz"))
        return compute_metrics_on_folder(
            str(folder / "references"), str(folder / "predictions"), None, SimpleITKIO(), ".nii.gz", LABELS,
            num_processes=1)


def clean(value):
    value = float(value)
    return value if math.isfinite(value) else None


def monai(found):
    def one_hot(labels):
        return torch.from_numpy(np.stack([labels == label for label in LABELS]))[None].float()

    metrics = {
        "dice": DiceMetric(include_background=True, reduction="none", ignore_empty=True),
        "surface_dice": SurfaceDiceMetric([1.0] * len(LABELS), include_background=True, reduction="none"),
        "hd95": HausdorffDistanceMetric(include_background=True, percentile=95, reduction="none"),
    }
    values = {name: [] for name in metrics}
    for _, reference, prediction in found:
        ours, theirs = one_hot(prediction), one_hot(reference)
        values["dice"].append(metrics["dice"](ours, theirs)[0].numpy())
        for name in ["surface_dice", "hd95"]:
            values[name].append(metrics[name](ours, theirs, spacing=SPACING)[0].numpy())
    return {name: np.array(rows, float) for name, rows in values.items()}


def mean(rows):
    rows = np.where(np.isfinite(rows), rows, np.nan)
    return [clean(np.nanmean(column)) if np.isfinite(column).any() else None for column in rows.T]


def main():
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    found = list(cases())
    theirs = monai(found)
    present = np.array([[(reference == label).any() for label in LABELS] for _, reference, _ in found])
    predicted = np.array([[(prediction == label).any() for label in LABELS] for _, _, prediction in found])
    summary = nnunet(found)
    # What MONAI says of a surface where one of the two is missing: NSD 0.
    assert (theirs["surface_dice"][present != predicted] == 0).all()
    result = {
        "spacing": SPACING,
        "cases": [
            {"name": name, "shape": reference.shape, "reference": reference.ravel().tolist(),
             "prediction": prediction.ravel().tolist()} for name, reference, prediction in found],
        # MONAI with ignore_empty; NSD and HD95 as the paper's compute_metrics.py, over the scans whose reference has the class.
        "exclude": {
            "dice": mean(theirs["dice"]),
            "surface_dice": mean(np.where(present, theirs["surface_dice"], np.nan)),
            "hd95": mean(np.where(present & predicted, theirs["hd95"], np.nan)),
        },
        # nnU-Net's `mean` of each class, and MONAI's NSD, 0 where one of the two is missing.
        "zero": {
            "dice": [clean(summary["mean"][label]["Dice"]) for label in LABELS],
            "surface_dice": mean(theirs["surface_dice"]),
        },
        # nnU-Net's sums.
        "reference_voxels": [[item["metrics"][label]["n_ref"] for label in LABELS] for item in summary["metric_per_case"]],
        "prediction_voxels": [[item["metrics"][label]["n_pred"] for label in LABELS] for item in summary["metric_per_case"]],
        "diagonal": math.dist((0, 0, 0), [extent * size for extent, size in zip(found[0][1].shape, SPACING)]),
    }
    TARGET.write_text(json.dumps(result, separators=(",", ":")) + "\n")
    print({key: value for key, value in result.items() if key != "cases"})


if __name__ == "__main__":
    main()
