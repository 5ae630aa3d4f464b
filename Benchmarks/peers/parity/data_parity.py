"""The parity part of Benchmarks/peers/speed/data.py."""

import json

import h5py
import numpy as np
import SimpleITK as sitk
import torch

import augmentation
import data_metrics
import data_scans
import datasets_parity

PATCH = (448, 448)
PATCHES = 60


def measure(report, tool, base, only):
    report.say("### Scans")
    report.say()
    report.say("Prepared voxels within 1e-3 of the normalised unit, labels in all but 1 of 100,000; exported labels, fingerprint,")
    report.say("plans, splits, class locations equal (numbers to 1e-6); nnU-Net reads our plans file and we read its.")
    report.say()
    samples = {}
    report.table(["dataset", "what", "", "found"])
    for name, make in data_scans.scans(tool, base).items():
        if only and name not in only:
            continue
        raw, why = make()
        if raw is None:
            report.row(name, "all", "left out", why)
            continue
        samples[name] = raw
        datasets_parity.compare(raw, tool, base, rows(report, name), 1_000_000, size=896, limit=1)
    report.say()
    metrics(report, tool, base, samples)
    augmented(report, tool, base, samples)
    synthetic(report, tool, base, only)


def rows(report, name):
    def hear(what, good, detail, **_):
        report.check(good, f"{name}: {what}")
        report.row(name, what, "ok" if good else "DIFFERS", detail.split(" s against")[0].rsplit(";", 1)[0])
    return hear


def metrics(report, tool, base, samples):
    report.say("### Metrics")
    report.say()
    report.say("Greatest difference over the classes of a disturbed label map, one class lost; within 1e-6 (HD95: mm, 1e-4, as")
    report.say("MONAI's distances are 32-bit floats). The last column counts values that one side alone calls undefined.")
    report.say()
    head = ["DSC", "NSD, MONAI", "NSD, DeepMind", "HD95, MONAI", "HD95, DeepMind"]
    report.table(["dataset", *head, "undefined"])
    for name, raw in samples.items():
        _, label = data_scans.first_case(raw)
        predicted = base / "prediction.nii.gz"
        case = data_scans.disturbed(label, predicted)
        worst, alone = data_metrics.differences(tool, label, predicted, *case, base)
        good = alone == 0 and all(value <= (1e-4 if "HD95" in key else 1e-6) for key, value in worst.items())
        report.check(good, f"{name}: metrics")
        report.row(name, *(f"{worst[key]:.1e}" for key in head), alone)
    report.say()


def augmented(report, tool, base, samples):
    report.say("### Augmentation")
    report.say()
    report.say(f"{PATCHES} patches of 448 x 448 of each dataset with the same drawn parameters (all but the noise, whose numbers")
    report.say("come from another generator), each transform in about half of them. Differences in the normalised unit.")
    report.say()
    report.table(["dataset", "worst pixel", "99.99 % of pixels within", "labels that differ"])
    for name, raw in samples.items():
        image, labels = scene(raw)
        with h5py.File(base / "scene.h5", "w") as file:
            file["image"], file["labels"] = image, labels
        parameters = augmentation.drawn(PATCHES)
        (base / "parameters.json").write_text(json.dumps(parameters))
        datasets_parity.run(tool, "transform", base / "scene.h5", base / "parameters.json", base / "patches.h5")
        wrong, differences = 0, []
        with h5py.File(base / "patches.h5") as file:
            for index, patch in enumerate(parameters):
                theirs, their_labels = augmentation.applied(
                    torch.from_numpy(image), torch.from_numpy(labels)[None], patch, PATCH)
                differences.append(np.abs(file[f"{index}/image"][...] - theirs.numpy()).ravel())
                wrong += int((file[f"{index}/labels"][...] != their_labels[0].numpy()).sum())
        differences = np.concatenate(differences)
        total = PATCHES * PATCH[0] * PATCH[1]
        good = report.check(differences.max() <= 1e-3 and wrong <= total / 100_000, f"{name}: augmentation")
        report.row(name, f"{differences.max():.1e}", f"{np.quantile(differences, 0.9999):.1e}", f"{wrong} of {total}",
                   *([] if good else ["DIFFERS"]))
    report.say()


def scene(raw):
    """A normalised slice with many classes, brought to the size that is cut for a patch: [1, 527, 527], [527, 527]."""
    path, label_path = data_scans.first_case(raw)
    image = sitk.GetArrayFromImage(sitk.ReadImage(str(path))).astype(np.float32)
    labels = sitk.GetArrayFromImage(sitk.ReadImage(str(label_path))).astype(np.int16)
    z = int(np.argmax([len(np.unique(part)) for part in labels]))
    image = (image[z] - image.mean()) / image.std()
    rows, columns = (np.minimum(np.arange(527) * size // 527, size - 1) for size in image.shape)
    labels = labels[z][rows][:, columns]
    labels[:9] = -1
    return np.ascontiguousarray(image[rows][:, columns][None]), np.ascontiguousarray(labels)


class Tally:
    """One dataset's comparisons, summed for a row of the table."""

    def __init__(self, report, name):
        self.report, self.name, self.differ = report, name, []
        self.worst, self.labels, self.exported = 0.0, [0, 0], [0, 0]

    def __call__(self, what, good, detail, worst=0.0, wrong=0, total=0):
        self.report.check(good, f"{self.name}: {what} ({detail})")
        self.worst = max(self.worst, worst)
        counts = self.exported if what == "export" else self.labels
        counts[0], counts[1] = counts[0] + wrong, counts[1] + total
        if not good and total == 0:
            self.differ.append(f"{what} differ")


def synthetic(report, tool, base, only):
    report.say("### Synthetic datasets")
    report.say()
    report.say("Fourteen, which vary in size, spacing, orientation, channels, modality and number of classes; bounds as for the scans.")
    report.say()
    report.table(["dataset", "varies", "fingerprint, plans, splits, locations", "worst voxel", "labels that differ",
                  "exported labels that differ"])
    for name, recipe in datasets_parity.DATASETS.items():
        if only and name not in only:
            continue
        tally = Tally(report, name)
        datasets_parity.compare_synthetic(name, tool, base, tally, 1_000_000)
        shape, spacing = (" x ".join(map(str, recipe[key])) for key in ("shape", "spacing"))
        report.row(
            name, f"{', '.join(recipe['channels'])}; {recipe['classes']} labels; {recipe['cases']} cases of about {shape} at "
            f"{spacing} mm", "; ".join(tally.differ) or "equal", f"{tally.worst:.1e}",
            f"{tally.labels[0]} of {tally.labels[1]}", f"{tally.exported[0]} of {tally.exported[1]}")
