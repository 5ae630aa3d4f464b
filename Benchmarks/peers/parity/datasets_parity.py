#!/usr/bin/env python3
"""Fingerprints, plans, splits, prepared cases and exported predictions of fourteen synthetic datasets, beside nnU-Net's.

    python Benchmarks/peers/parity/datasets_parity.py .build/release/data-benchmark [--only NAME] [--keep FOLDER]

Needs nnunetv2 (2.8.1), SimpleITK, h5py. Prints one line for each comparison and fails when one is out of bounds:
every field of fingerprint, plans and splits equal (numbers to 1e-6), prepared voxels to 1e-3, labels all but 1 in 100,000,
exported labels all equal. Both sides' wall times are printed with them.
"""
import argparse
import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

# name: channels, label count, cases, shape [z, y, x] of the first case, spacing [z, y, x], and what varies from case to case
DATASETS = {
    "ct_thick": dict(channels=["CT"], classes=16, cases=6, shape=(16, 64, 72), spacing=(5, 0.8, 0.8), spread=0.2),
    "ct_thin": dict(channels=["CT"], classes=3, cases=5, shape=(40, 60, 60), spacing=(1.0, 0.9, 0.9), spread=0.1),
    "ct_even": dict(channels=["CT"], classes=2, cases=5, shape=(30, 50, 50), spacing=(2, 1, 1), spread=0.0),
    "mr": dict(channels=["MR"], classes=5, cases=6, shape=(20, 70, 64), spacing=(3.3, 1.1, 1.1), spread=0.3, border=6),
    "mr_cropped": dict(channels=["T1"], classes=4, cases=5, shape=(24, 80, 80), spacing=(4, 1, 1), spread=0.1, border=22),
    "two_channels": dict(channels=["T1", "T2"], classes=3, cases=5, shape=(18, 48, 56), spacing=(3, 1.2, 1), spread=0.1, border=12),
    "mixed_norms": dict(channels=["CT", "noNorm", "rescale_to_0_1"], classes=3, cases=5, shape=(12, 40, 40), spacing=(4, 1, 1), spread=0.2),
    "coronal": dict(channels=["CT"], classes=4, cases=5, shape=(60, 14, 64), spacing=(0.9, 4.5, 0.9), spread=0.15),
    "sagittal": dict(channels=["MR"], classes=4, cases=5, shape=(60, 56, 12), spacing=(1, 1, 5), spread=0.2, border=3),
    "wide_plane": dict(channels=["CT"], classes=3, cases=5, shape=(20, 30, 120), spacing=(2, 4.4, 1), spread=0.4),
    "many_cases": dict(channels=["CT"], classes=3, cases=23, shape=(8, 24, 24), spacing=(5, 1, 1), spread=0.3),
    "flipped": dict(channels=["CT"], classes=3, cases=5, shape=(14, 52, 44), spacing=(3, 0.7, 0.9), spread=0.2, flip=True),
    "one_slice": dict(channels=["CT"], classes=3, cases=5, shape=(1, 64, 64), spacing=(5, 1, 1), spread=0.1),
    "large_plane": dict(channels=["CT"], classes=3, cases=3, shape=(3, 600, 700), spacing=(5, 0.5, 0.5), spread=0.05),
}


def make_dataset(folder: Path, recipe: dict, seed: int) -> None:
    import SimpleITK as sitk
    from scipy import ndimage

    random = np.random.default_rng(seed)
    for name in ("imagesTr", "labelsTr"):
        (folder / name).mkdir(parents=True)
    for case in range(recipe["cases"]):
        stretch = 1 + recipe["spread"] * random.uniform(-1, 1, 3)
        shape = np.maximum(1, np.round(np.array(recipe["shape"]) * stretch)).astype(int)
        if recipe["shape"][0] == 1:
            shape[0] = 1
        spacing = np.array(recipe["spacing"], dtype=float) * (1 + recipe["spread"] * random.uniform(-1, 1, 3) / 2)
        field = ndimage.gaussian_filter(random.standard_normal(shape), np.minimum(shape / 10, 4))
        field /= field.std() + 1e-12
        classes = recipe["classes"]
        edges = np.quantile(field, np.linspace(0.55, 0.98, classes - 1)) if classes > 1 else []
        label = np.digitize(field, edges).astype(np.int16)
        border = recipe.get("border", 0)
        for channel, kind in enumerate(recipe["channels"]):
            image = 200 * field + 300 * random.standard_normal(shape) * (0.1 + 0.2 * channel)
            image = np.round(image - 200) if kind == "CT" else np.abs(image)
            if border and kind != "CT":
                middle = [(n - 1) / 2 for n in shape[1:]]
                yy, xx = np.mgrid[: shape[1], : shape[2]]
                radius = min(shape[1:]) / 2 - border
                outside = (yy - middle[0]) ** 2 + (xx - middle[1]) ** 2 > radius**2
                image[:, outside] = 0
                hole = (yy - middle[0]) ** 2 + (xx - middle[1]) ** 2 < 9
                image[1:-1, hole] = 0
                if channel == 0:
                    label[:, outside & (xx > middle[1])] = 0
            dtype = np.int16 if kind == "CT" else np.float32
            write(sitk, image.astype(dtype), spacing, folder / "imagesTr" / f"case_{case:03d}_{channel:04d}.nii.gz", recipe)
        write(sitk, label.astype(np.uint8), spacing, folder / "labelsTr" / f"case_{case:03d}.nii.gz", recipe)
    names = ["background"] + [f"organ{k}" for k in range(1, recipe["classes"])]
    (folder / "dataset.json").write_text(json.dumps({
        "channel_names": {str(i): n for i, n in enumerate(recipe["channels"])},
        "labels": {n: i for i, n in enumerate(names)},
        "numTraining": recipe["cases"],
        "file_ending": ".nii.gz",
    }))


def write(sitk, array, spacing, path, recipe):
    image = sitk.GetImageFromArray(array)
    image.SetSpacing([float(s) for s in spacing[::-1]])
    image.SetOrigin((-12.5, 30.25, 7))
    if recipe.get("flip"):
        image.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))
    sitk.WriteImage(image, str(path), True)


def differences(ours, theirs, where="") -> list:
    """The places where two JSON documents differ, numbers to one in a million."""
    if isinstance(ours, bool) or isinstance(theirs, bool) or ours is None or theirs is None:
        return [] if ours == theirs else [f"{where}: {ours} against {theirs}"]
    if isinstance(ours, (int, float)) and isinstance(theirs, (int, float)):
        close = abs(ours - theirs) <= 1e-6 * max(1, abs(theirs)) or (ours != ours and theirs != theirs)
        return [] if close else [f"{where}: {ours} against {theirs}"]
    if isinstance(ours, dict) and isinstance(theirs, dict):
        found = [f"{where}: keys {sorted(set(ours) ^ set(theirs))} on one side only"] if set(ours) != set(theirs) else []
        return found + [d for k in ours if k in theirs for d in differences(ours[k], theirs[k], f"{where}/{k}")]
    if isinstance(ours, list) and isinstance(theirs, list):
        if len(ours) != len(theirs):
            return [f"{where}: {len(ours)} against {len(theirs)} elements"]
        return [d for i, (a, b) in enumerate(zip(ours, theirs)) for d in differences(a, b, f"{where}/{i}")]
    return [] if ours == theirs else [f"{where}: {ours} against {theirs}"]


def run(tool: str, *arguments) -> dict:
    """What data-benchmark printed: seconds by step, and other numbers by name."""
    output = subprocess.run([tool, *map(str, arguments)], check=True, capture_output=True, text=True).stdout
    return {name: float(value) for name, value, *_ in map(str.split, output.splitlines())}


def ours(tool: str, *arguments) -> float:
    return sum(value for name, value in run(tool, *arguments).items() if name != "extra_MB")


def set_folders(base: Path) -> None:
    """Tells nnU-Net, which reads it when it is imported, where its folders are."""
    for name in ("raw", "preprocessed", "results"):
        (base / name).mkdir(parents=True, exist_ok=True)
        os.environ[f"nnUNet_{name}"] = str(base / name)


def their_fingerprint(dataset: str, samples: int) -> float:
    """Writes nnU-Net's fingerprint and returns its seconds on this thread."""
    import nnunetv2.experiment_planning.dataset_fingerprint.fingerprint_extractor as extractor

    # Its worker processes cost seconds to start: the cases are analysed here, one by one, and only that is timed.
    class Sequential:
        def __init__(self, *_): self._pool = []
        def __enter__(self): return self
        def __exit__(self, *_): return False
        def starmap_async(self, f, arguments):
            results = [f(*a) for a in arguments]
            class Done:
                def ready(self): return True
                def get(self): return results
            return Done()

    class Context:
        Pool = Sequential

    extractor.multiprocessing = type("m", (), {"get_context": staticmethod(lambda _: Context)})
    extractor.sleep = lambda _: None
    start = time.perf_counter()
    peer = extractor.DatasetFingerprintExtractor(dataset, 1)
    peer.num_foreground_voxels_for_intensitystats = samples
    peer.show_progress_bar = False
    peer.run(overwrite_existing=True)
    return time.perf_counter() - start


def derived(document: dict, size: int) -> dict:
    """The plans with the configuration `2d_<size>`: the field of view of 2d in size x size pixels."""
    base_2d = document["configurations"]["2d"]
    document["configurations"][f"2d_{size}"] = {
        "inherits_from": "2d", "patch_size": [size, size],
        "spacing": [s * (p / size) for s, p in zip(base_2d["spacing"], base_2d["patch_size"])]}
    return document


def compare(raw: Path, tool: str, base: Path, report, samples: int, size: int = 96, limit: int | None = None) -> None:
    """Compares everything from fingerprint to export for one dataset, whose folder is below nnU-Net's raw one.

    report(what, good, detail, numbers) hears of each comparison; only the first `limit` cases are prepared and exported.
    """
    import h5py
    from nnunetv2.experiment_planning.experiment_planners.default_experiment_planner import ExperimentPlanner
    from nnunetv2.inference.export_prediction import convert_predicted_logits_to_segmentation_with_correct_shape
    from nnunetv2.preprocessing.preprocessors.default_preprocessor import DefaultPreprocessor
    from nnunetv2.utilities.crossval_split import generate_crossval_split
    from nnunetv2.utilities.get_network_from_plans import get_network_from_plans
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    dataset = raw.name
    dataset_json = json.load(open(raw / "dataset.json"))
    channels, classes = len(dataset_json["channel_names"]), len(dataset_json["labels"])
    mine = base / "mine" / dataset
    mine.mkdir(parents=True)
    our_time = ours(tool, "plan", raw, mine, samples)
    with contextlib.redirect_stdout(io.StringIO()):
        their_time = their_fingerprint(dataset, samples)
        ExperimentPlanner(dataset).plan_experiment()
    theirs = base / "preprocessed" / dataset

    found = differences(json.load(open(mine / "dataset_fingerprint.json")), json.load(open(theirs / "dataset_fingerprint.json")))
    report("fingerprint", not found, "; ".join(found[:4]) or f"equal; {our_time:.2f} s against {their_time:.2f} s")
    a, b = json.load(open(mine / "nnUNetPlans.json")), json.load(open(theirs / "nnUNetPlans.json"))
    b["configurations"] = {"2d": b["configurations"]["2d"]}
    found = differences(a, b)
    report("plans", not found, "; ".join(found[:4]) or f"equal; patch {a['configurations']['2d']['patch_size']}, batch {a['configurations']['2d']['batch_size']}")
    names = sorted(p.name[:-7] for p in (raw / "labelsTr").iterdir())
    if len(names) >= 5:
        peer = [{k: [str(n) for n in v] for k, v in fold.items()} for fold in generate_crossval_split(names)]
        found = differences(json.load(open(mine / "splits_final.json")), peer)
        report("splits", not found, "; ".join(found[:4]) or "equal")

    # nnU-Net prepares from our plans file, and we from its: each must take the other's.
    plans = PlansManager(derived(json.load(open(mine / "nnUNetPlans.json")), size))
    settings = plans.get_configuration("2d")
    network = get_network_from_plans(
        settings.network_arch_class_name, settings.network_arch_init_kwargs, settings.network_arch_init_kwargs_req_import,
        channels, classes)
    report("network", True, f"nnU-Net builds {sum(p.numel() for p in network.parameters())} weights from our plans")
    for configuration in ("2d", f"2d_{size}"):
        folder = base / "prepared" / dataset / configuration
        our_time = ours(tool, "preprocess", raw, theirs / "nnUNetPlans.json", configuration, folder)
        settings = plans.get_configuration(configuration)
        preprocessor = DefaultPreprocessor(verbose=False)
        their_time, worst, wrong, total, export_wrong, export_total, locations = 0.0, 0.0, 0, 0, 0, 0, True
        our_export = their_export = 0.0
        for case in names[:limit]:
            images = [str(raw / "imagesTr" / f"{case}_{c:04d}.nii.gz") for c in range(channels)]
            start = time.perf_counter()
            data, seg, properties = preprocessor.run_case(
                images, str(raw / "labelsTr" / f"{case}.nii.gz"), plans, settings, dataset_json)
            their_time += time.perf_counter() - start
            with h5py.File(folder / f"{case}.h5") as file:
                image, label = file["image"][...], file["label"][...]
                for k, places in properties["class_locations"].items():
                    own = file[f"class_locations/{k}"][...] if f"class_locations/{k}" in file else np.zeros((0, 3))
                    places = np.asarray(places).reshape(-1, 4)[:, 1:]
                    locations &= own.shape == places.shape and bool(np.all(own == places))
            if image.shape != data.shape:
                report(configuration, False, f"shape {image.shape} against {data.shape}")
                return
            worst = max(worst, float(np.abs(image - data).max()))
            wrong += int((label != seg[0]).sum())
            total += label.size
            scores = np.random.default_rng(7).standard_normal((classes, *label.shape), dtype=np.float32)
            for c in range(classes):
                scores[c] += 4 * (seg[0].clip(0) == c)
            with h5py.File(base / "scores.h5", "w") as file:
                file["scores"] = scores
            our_export += ours(tool, "export", folder / f"{case}.h5", images[0], base / "scores.h5", base / "out.nii.gz")
            start = time.perf_counter()
            peer = convert_predicted_logits_to_segmentation_with_correct_shape(
                scores, plans, settings, plans.get_label_manager(dataset_json), properties, num_threads_torch=1)
            their_export += time.perf_counter() - start
            import SimpleITK as sitk
            image = sitk.ReadImage(str(base / "out.nii.gz"))
            reference = sitk.ReadImage(images[0])
            own = sitk.GetArrayFromImage(image)
            export_wrong += int((own != peer).sum()) + int(not np.allclose(image.GetOrigin(), reference.GetOrigin()))
            export_wrong += int(not np.allclose(image.GetDirection(), reference.GetDirection()))
            export_total += own.size
        report(configuration, worst <= 1e-3 and wrong <= total / 100_000,
               f"worst voxel {worst:.1e}; {wrong} of {total} labels differ; {our_time:.2f} s against {their_time:.2f} s",
               worst=worst, wrong=wrong, total=total)
        report("locations", locations, "equal" if locations else "differ")
        report("export", export_wrong == 0,
               f"{export_wrong} of {export_total} labels differ; {our_export:.2f} s against {their_export:.2f} s",
               wrong=export_wrong, total=export_total)


def compare_synthetic(name: str, tool: str, base: Path, report, samples: int) -> None:
    """As `compare`, for one of the fourteen datasets, which is made first."""
    index = list(DATASETS).index(name) + 1
    raw = base / "raw" / f"Dataset{index:03d}_{name}"
    make_dataset(raw, DATASETS[name], seed=index)
    compare(raw, tool, base, report, samples)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("tool")
    parser.add_argument("--only", action="append")
    parser.add_argument("--keep")
    parser.add_argument("--samples", type=int, default=100_000_000, help="foreground voxels drawn for a fingerprint, on both sides")
    options = parser.parse_args()
    base = Path(options.keep or tempfile.mkdtemp())
    set_folders(base)
    failures: list = []
    for name in options.only or DATASETS:
        def report(what: str, good: bool, detail: str, **_) -> None:
            print(f"{name:14s} {what:12s} {'ok  ' if good else 'FAIL'} {detail}", flush=True)
            if not good:
                failures.append(f"{name} {what}")
        compare_synthetic(name, options.tool, base, report, options.samples)
    if not options.keep:
        shutil.rmtree(base)
    print(f"{len(failures)} comparisons failed" + (": " + ", ".join(failures) if failures else ""))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
