"""DSC, NSD, HD95 and distance transforms of small label volumes by nnU-Net's formula, MONAI, DeepMind's surface-distance
and SciPy: the fixtures of Tests/EvaluationTests and Tests/ImagingTests.

    python Benchmarks/peers/metrics.py
"""

import pathlib
import warnings

import h5py
import numpy as np
import torch
from monai.metrics import compute_hausdorff_distance, compute_surface_dice
from monai.metrics.utils import get_edge_surface_distance
from scipy import ndimage

# The package was written for an older NumPy and SciPy.
np.Inf, np.NaN = np.inf, np.nan
if not hasattr(ndimage, "filters"):
    ndimage.filters = ndimage
if not hasattr(ndimage, "morphology"):
    ndimage.morphology = ndimage
import surface_distance  # noqa: E402

TESTS = pathlib.Path(__file__).parents[2] / "Tests"
TOLERANCES = [0.0, 1.0, 2.5]


def blobs(shape, seed, classes=3, smooth=2.0):
    """Labels where one of several smoothed noises is the greatest, background where none is great."""
    noise = np.random.default_rng(seed).normal(size=(classes, *shape))
    field = np.stack([ndimage.gaussian_filter(part, smooth, mode="nearest") for part in noise])
    field /= field.std()
    return np.where(field.max(0) > 0.6, field.argmax(0) + 1, 0).astype(np.int16)


def disturbed(labels, seed, share=0.02, shift=(0, 1, -1)):
    """Labels moved, with a few voxels replaced at random."""
    moved = ndimage.shift(labels, shift, order=0)
    random = np.random.default_rng(seed)
    return np.where(random.random(labels.shape) < share, random.integers(0, 4, labels.shape), moved).astype(np.int16)


def box(shape, *ranges, label=1):
    labels = np.zeros(shape, np.int16)
    for part in ranges:
        labels[tuple(slice(*r) for r in part)] = label
    return labels


def cases():
    random = np.random.default_rng(5)
    a = blobs((14, 22, 26), 1)
    yield "blobs, even spacing", a, disturbed(a, 2), (1.0, 1.0, 1.0)
    yield "blobs, thick slices", a, disturbed(a, 3, share=0.0), (5.0, 0.7, 0.8)
    yield "blobs, three spacings", a, blobs((14, 22, 26), 4), (0.6, 1.3, 0.9)
    noise = random.integers(0, 4, (9, 10, 11)).astype(np.int16)
    yield "noise: every neighbourhood", noise, disturbed(noise, 6, share=0.3, shift=(0, 0, 0)), (2.0, 0.5, 1.25)
    b = blobs((1, 40, 30), 7, smooth=(0, 3, 3))
    yield "one slice", b, disturbed(b, 8), (3.0, 0.75, 0.75)
    yield "one column", box((12, 1, 1), [(2, 7), (0, 1), (0, 1)]), box((12, 1, 1), [(4, 11), (0, 1), (0, 1)]), (2.0, 1.0, 1.0)
    whole = box((5, 6, 7), [(0, 5), (0, 6), (0, 7)])
    yield "whole volume against its inside", whole, box((5, 6, 7), [(1, 4), (1, 5), (1, 6)]), (1.5, 1.0, 0.5)
    yield "single voxels", box((6, 6, 6), [(0, 1), (0, 1), (0, 1)]), box((6, 6, 6), [(5, 6), (4, 5), (3, 4)]), (2.5, 1.0, 0.7)
    yield "single voxel in place", box((4, 4, 4), [(1, 2), (2, 3), (3, 4)]), box((4, 4, 4), [(1, 2), (2, 3), (3, 4)]), (1.0, 1.0, 1.0)
    yield "two far parts", box((8, 30, 30), [(1, 4), (2, 8), (2, 8)], [(5, 7), (20, 29), (22, 30)]), box((8, 30, 30), [(1, 4), (2, 8), (3, 9)]), (3.0, 1.0, 1.0)
    yield "no reference", np.zeros((5, 5, 5), np.int16), box((5, 5, 5), [(1, 3), (1, 3), (1, 3)]), (1.0, 1.0, 1.0)
    yield "no prediction", box((5, 5, 5), [(1, 3), (1, 3), (1, 3)]), np.zeros((5, 5, 5), np.int16), (1.0, 1.0, 1.0)
    yield "equal", a, a, (1.0, 0.8, 0.8)


def one_hot(mask):
    return torch.from_numpy(mask)[None, None].float()


def measure(reference, prediction, spacing):
    theirs, ours = reference.astype(bool), prediction.astype(bool)
    tp, fp, fn = (theirs & ours).sum(), (~theirs & ours).sum(), (theirs & ~ours).sum()
    dsc = 2 * tp / (2 * tp + fp + fn) if tp + fp + fn else np.nan
    monai, deepmind = [], []
    surfaces = surface_distance.compute_surface_distances(theirs, ours, spacing)
    both = theirs.any() and ours.any()
    for tolerance in TOLERANCES:
        value = compute_surface_dice(one_hot(ours), one_hot(theirs), [tolerance], include_background=True, spacing=spacing)
        monai.append(value.item())
        some = theirs.any() or ours.any()
        deepmind.append(surface_distance.compute_surface_dice_at_tolerance(surfaces, tolerance) if some else np.nan)
    hd_monai = hd_deepmind = np.nan
    if both:
        _, distances, _ = get_edge_surface_distance(
            torch.from_numpy(ours), torch.from_numpy(theirs), spacing=spacing, symmetric=True)
        hd_monai = max(np.quantile(d.double().numpy(), 0.95) for d in distances)
        single = compute_hausdorff_distance(
            one_hot(ours), one_hot(theirs), include_background=True, percentile=95, spacing=spacing).item()
        assert abs(single - hd_monai) < 1e-3, (single, hd_monai)  # MONAI takes the quantile in 32 bits
        hd_deepmind = surface_distance.compute_robust_hausdorff(surfaces, 95)
    return dsc, monai, deepmind, hd_monai, hd_deepmind


def main():
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    target = TESTS / "EvaluationTests/Fixtures/metrics.h5"
    target.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(target, "w") as file:
        file.create_dataset("tolerances", data=np.array(TOLERANCES))
        for index, (name, reference, prediction, spacing) in enumerate(cases()):
            group = file.create_group(f"case{index:02}")
            group.attrs["name"] = name
            group.attrs["spacing"] = np.array(spacing)
            for key, data in [("reference", reference), ("prediction", prediction)]:
                group.create_dataset(key, data=data, chunks=data.shape, compression=9)
            results = [measure(reference == label, prediction == label, spacing) for label in (1, 2, 3)]
            for key, values in zip(["dsc", "nsd_monai", "nsd_deepmind", "hd95_monai", "hd95_deepmind"], zip(*results)):
                group.create_dataset(key, data=np.array(values, np.float64))
    target = TESTS / "ImagingTests/Fixtures/distances.h5"
    with h5py.File(target, "w") as file:
        for index, (shape, share, spacing) in enumerate(
            [((7, 9, 11), 0.02, (1.0, 1.0, 1.0)), ((6, 17, 13), 0.003, (5.0, 0.7, 0.3)), ((1, 20, 1), 0.1, (2.0, 0.9, 1.0)),
             ((9, 1, 15), 0.05, (0.4, 3.0, 1.1)), ((12, 12, 12), 0.5, (1.25, 0.75, 2.0))]):
            features = np.random.default_rng(index).random(shape) < share
            assert features.any()
            group = file.create_group(f"grid{index}")
            group.attrs["spacing"] = np.array(spacing)
            group.create_dataset("features", data=features.astype(np.uint8))
            group.create_dataset("distances", data=ndimage.distance_transform_edt(~features, sampling=spacing))


if __name__ == "__main__":
    main()
