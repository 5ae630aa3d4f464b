"""NSD and HD95 of all classes of a case by MONAI and DeepMind's surface-distance, and ours through data-benchmark."""

import json
import time
import warnings

import numpy as np
import torch
from monai.metrics import compute_surface_dice

import datasets_parity
from metrics import measure, surface_distance

TOLERANCE = 1.0


def one_hot(labels, classes):
    """[1, classes, Z, Y, X] of the labels 1 to `classes`."""
    return torch.from_numpy(np.stack([labels == c for c in range(1, classes + 1)]))[None].float()


def monai_seconds(reference, prediction, spacing, classes):
    ours, theirs = one_hot(prediction, classes), one_hot(reference, classes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start = time.perf_counter()
        compute_surface_dice(ours, theirs, [TOLERANCE] * classes, include_background=True, spacing=[float(s) for s in spacing])
        return time.perf_counter() - start


def deepmind_seconds(reference, prediction, spacing, classes):
    masks = [(reference == c, prediction == c) for c in range(1, classes + 1)]
    start = time.perf_counter()
    for theirs, ours in masks:
        surface_distance.compute_surface_dice_at_tolerance(
            surface_distance.compute_surface_distances(theirs, ours, spacing), TOLERANCE)
    return time.perf_counter() - start


def ours(tool, reference, prediction, convention, classes, output):
    """Our seconds, which include DSC and HD95, and the metrics of each class."""
    seconds = datasets_parity.run(tool, "metrics", reference, prediction, convention, classes, output)["metrics"]
    case = json.loads(output.read_text())["cases"][0]["classes"]
    return seconds, [case[str(c)] for c in range(1, classes + 1)]


def differences(tool, label, predicted, reference, prediction, spacing, classes, base):
    """The greatest difference of each metric from its peer over all classes, and at how many places one side alone has a
    value."""
    found = {convention: ours(tool, label, predicted, convention, classes, base / "metrics.json")[1]
             for convention in ("monai", "deepmind")}
    worst = {"DSC": 0.0, "NSD, MONAI": 0.0, "NSD, DeepMind": 0.0, "HD95, MONAI": 0.0, "HD95, DeepMind": 0.0}
    alone = 0
    for c in range(1, classes + 1):
        dsc, monai, deepmind, hd_monai, hd_deepmind = measure(reference == c, prediction == c, spacing)
        theirs, area = found["monai"][c - 1], found["deepmind"][c - 1]
        for name, own, peer in [
            ("DSC", theirs["dsc"], dsc), ("NSD, MONAI", theirs["nsd"], monai[1]), ("NSD, DeepMind", area["nsd"], deepmind[1]),
            ("HD95, MONAI", theirs["hd95"], hd_monai), ("HD95, DeepMind", area["hd95"], hd_deepmind),
        ]:
            if own is None or np.isnan(peer):
                alone += (own is None) != bool(np.isnan(peer))
            else:
                worst[name] = max(worst[name], abs(own - peer))
    return worst, alone
