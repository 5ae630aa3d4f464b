#!/usr/bin/env python3
"""Writes what NumPy, scikit-image and nnU-Net give on small inputs: the fixtures of the tests of Datasets and Imaging.

    python Benchmarks/peers/datasets_fixtures.py

Needs nnunetv2 2.8.1, SimpleITK and h5py.
"""
import contextlib
import io
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
root = Path(__file__).resolve().parents[2]
base = Path(tempfile.mkdtemp())
for name in ("raw", "preprocessed", "results"):
    (base / name).mkdir()
    os.environ[f"nnUNet_{name}"] = str(base / name)

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
import datasets_parity

datasets = root / "Tests" / "DatasetsTests" / "Fixtures"
imaging = root / "Tests" / "ImagingTests" / "Fixtures"


def formula(count: int, seed: int) -> np.ndarray:
    """Numbers that the tests compute in the same way: a multiplicative hash of the index, in -1 ..< 1."""
    index = (np.arange(count, dtype=np.uint64) + np.uint64(seed)) * np.uint64(2654435761) & np.uint64(0xFFFFFFFF)
    return (index >> np.uint64(8)).astype(np.float32) / np.float32(1 << 23) - np.float32(1)


def numpy_fixture() -> dict:
    result = {"integers": [], "permutations": [], "statistics": []}
    for seed in (0, 1234, 12345, 4294967295):
        random = np.random.RandomState(seed)
        result["integers"].append({"seed": seed, "draws": [
            {"upTo": top, "values": random.randint(0, top + 1, 700).tolist()} for top in (9, 255, 256, 99999, 2**31)]})
        result["permutations"].append({"seed": seed, "values": np.random.RandomState(seed).permutation(50).tolist()})
    for count in (1, 2, 7, 8, 100, 128, 129, 1000, 65537, 300001):
        values = formula(count, count) * np.float32(900)
        p = np.percentile(values, np.array((0.5, 50.0, 99.5)))
        result["statistics"].append({"count": count, "mean": float(values.mean()), "std": float(values.std()), "percentiles": p.tolist()})
    return result


def splits_fixture() -> list:
    from nnunetv2.utilities.crossval_split import generate_crossval_split

    result = []
    for count in (5, 7, 23, 100):
        names = sorted(f"case_{k}" for k in range(count))
        result.append({"count": count, "validation": [[str(n) for n in fold["val"]] for fold in generate_crossval_split(names)]})
    return result


def plans_fixture() -> list:
    """Plans of fingerprints drawn over the sizes and spacings that datasets have."""
    from nnunetv2.experiment_planning.experiment_planners.default_experiment_planner import ExperimentPlanner
    from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO

    ExperimentPlanner.determine_reader_writer = lambda self: SimpleITKIO
    random = np.random.default_rng(0)
    result = []
    for k in range(24):
        name = f"Dataset{k + 100}_synthetic"
        cases = int(random.integers(1, 40))
        shape = np.array([random.integers(1, 300), random.integers(20, 700), random.integers(20, 700)])
        spacing = np.array([random.uniform(0.5, 8), *(random.uniform(0.3, 2) * random.uniform(0.7, 1.4, 2))])
        order = random.permutation(3) if k % 3 == 0 else np.arange(3)
        spread = random.uniform(0, 0.4)
        channels = [str(random.choice(["CT", "MR", "T2", "noNorm", "rescale_to_0_1"])) for _ in range(random.integers(1, 4))]
        classes = int(random.integers(2, 20))
        shapes = [np.maximum(1, shape * random.uniform(1 - spread, 1 + spread, 3)).astype(int)[order].tolist() for _ in range(cases)]
        spacings = [(spacing * random.uniform(1 - spread, 1 + spread, 3)).astype(np.float32).astype(float)[order].tolist() for _ in range(cases)]
        if k == 5:
            shapes, spacings = [[1, 7, 40]], [[999.0, 1.0, 1.0]]
        intensity = {"max": 300.5, "mean": 55.25, "median": 60.0, "min": -90.0, "percentile_00_5": -70.125, "percentile_99_5": 220.0, "std": 41.5}
        fingerprint = {
            "foreground_intensity_properties_per_channel": {str(c): intensity for c in range(len(channels))},
            "median_relative_size_after_cropping": float(random.uniform(0.5, 1)),
            "shapes_after_crop": shapes, "spacings": spacings}
        description = {"channel_names": {str(i): c for i, c in enumerate(channels)},
                       "labels": {"background": 0, **{f"c{i}": i for i in range(1, classes)}},
                       "numTraining": len(shapes), "file_ending": ".nii.gz"}
        raw, prepared = base / "raw" / name, base / "preprocessed" / name
        (raw / "imagesTr").mkdir(parents=True)
        prepared.mkdir()
        (raw / "dataset.json").write_text(json.dumps(description))
        (prepared / "dataset_fingerprint.json").write_text(json.dumps(fingerprint))
        with contextlib.redirect_stdout(io.StringIO()):
            ExperimentPlanner(name).plan_experiment()
        plans = json.load(open(prepared / "nnUNetPlans.json"))
        plans["configurations"] = {"2d": plans["configurations"]["2d"]}
        result.append({"name": name, "dataset": description, "fingerprint": fingerprint, "plans": plans})
    return result


def resampling_fixture() -> dict:
    from batchgenerators.augmentations.utils import resize_segmentation
    from nnunetv2.preprocessing.resampling.default_resampling import resample_data_or_seg
    from skimage.transform import resize

    result = {"cubic": [], "labels": [], "argmax": []}
    shapes = [((9, 11), (18, 22)), ((30, 21), (17, 40)), ((1, 8), (4, 3)), ((2, 2), (7, 9)), ((40, 50), (13, 11)), ((25, 16), (25, 31))]
    for k, (source, target) in enumerate(shapes):
        image = formula(source[0] * source[1], k).reshape(source)
        out = resize(image.astype(float), target, 3, mode="edge", clip=True, anti_aliasing=False)
        result["cubic"].append({"source": source, "target": target, "values": [round(float(v), 7) for v in out.ravel()]})
        labels = np.floor((formula(source[0] * source[1], 50 + k) + 1) * 2).astype(np.int16).reshape(source) - 1
        out = resize_segmentation(labels.astype(np.float32), target, 1)
        result["labels"].append({"source": source, "target": target, "values": out.astype(int).ravel().tolist()})
        scores = formula(5 * source[0] * source[1], 100 + k).reshape(5, 1, *source)
        scores = np.round(scores * 4) / 4  # ties abound
        out = resample_data_or_seg(scores, (1, *target), False, 0, 1, True)[:, 0].argmax(0)
        result["argmax"].append({"source": source, "target": target, "values": out.ravel().tolist()})
    return result


def mini(name: str, recipe: dict, configuration_sizes: list) -> None:
    """A dataset of a few thousand voxels a case with everything that nnU-Net makes of it."""
    import h5py
    from nnunetv2.experiment_planning.dataset_fingerprint import fingerprint_extractor as extractor
    from nnunetv2.experiment_planning.experiment_planners.default_experiment_planner import ExperimentPlanner
    from nnunetv2.inference.export_prediction import convert_predicted_logits_to_segmentation_with_correct_shape
    from nnunetv2.preprocessing.preprocessors.default_preprocessor import DefaultPreprocessor
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager
    import SimpleITK as sitk

    raw = base / "raw" / f"Dataset001_{name}"
    datasets_parity.make_dataset(raw, recipe, seed=3)
    if recipe.get("empty"):
        # The last case has no foreground at all.
        path = raw / "labelsTr" / f"case_{recipe['cases'] - 1:03d}.nii.gz"
        label = sitk.ReadImage(str(path))
        empty = sitk.GetImageFromArray(np.zeros_like(sitk.GetArrayFromImage(label)))
        empty.CopyInformation(label)
        sitk.WriteImage(empty, str(path), True)
    class Few(extractor.DatasetFingerprintExtractor):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            self.num_foreground_voxels_for_intensitystats = 10_000
            self.show_progress_bar = False
    with contextlib.redirect_stdout(io.StringIO()):
        Few(raw.name, 2).run(True)
        ExperimentPlanner(raw.name).plan_experiment()
    prepared = base / "preprocessed" / raw.name
    document = json.load(open(prepared / "nnUNetPlans.json"))
    two = document["configurations"]["2d"]
    for size in configuration_sizes:
        document["configurations"][f"2d_{size}"] = {"inherits_from": "2d", "patch_size": [size, size],
            "spacing": [s * (p / size) for s, p in zip(two["spacing"], two["patch_size"])]}
    plans = PlansManager(document)
    folder = datasets / f"Dataset001_{name}"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(raw, folder)
    shutil.copy(prepared / "dataset_fingerprint.json", folder / "expected_fingerprint.json")
    shutil.copy(prepared / "nnUNetPlans.json", folder / "expected_plans.json")
    dataset_json = json.load(open(raw / "dataset.json"))
    with h5py.File(folder / "expected.h5", "w", track_order=False) as file:
        for configuration in ["2d"] + [f"2d_{s}" for s in configuration_sizes]:
            settings = plans.get_configuration(configuration)
            for case in range(2):
                images = [str(raw / "imagesTr" / f"case_{case:03d}_{c:04d}.nii.gz") for c in range(len(recipe["channels"]))]
                data, seg, properties = DefaultPreprocessor(verbose=False).run_case(
                    images, str(raw / "labelsTr" / f"case_{case:03d}.nii.gz"), plans, settings, dataset_json)
                group = file.create_group(f"{configuration}/case_{case:03d}")
                options = dict(compression="gzip", compression_opts=9, shuffle=True)
                group.create_dataset("image", data=data.astype(np.float32), **options)
                group.create_dataset("label", data=seg[0].astype(np.int16), **options)
                for label, places in properties["class_locations"].items():
                    if len(places):
                        group.create_dataset(f"class_locations/{label}", data=places[:, 1:].astype(np.int32), **options)
                classes = recipe["classes"]
                scores = formula(classes * seg[0].size, 9).reshape(classes, *seg[0].shape)
                export = convert_predicted_logits_to_segmentation_with_correct_shape(
                    scores, plans, settings, plans.get_label_manager(dataset_json), properties, num_threads_torch=1)
                group.create_dataset("export", data=np.asarray(export).astype(np.int16), **options)


def save(path: Path, value) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    save(datasets / "numpy.json", numpy_fixture())
    save(datasets / "splits.json", splits_fixture())
    save(imaging / "resampling.json", resampling_fixture())
    save(datasets / "plans.json", plans_fixture())
    mini("Coronal", dict(channels=["T1", "CT"], classes=4, cases=3, shape=(24, 7, 26), spacing=(1.1, 4.5, 1.0), spread=0.15, border=0.7), [32])
    mini("Oblong", dict(channels=["CT"], classes=3, cases=3, shape=(6, 12, 40), spacing=(2, 4.4, 1), spread=0.1, empty=True), [24])
    shutil.rmtree(base)
