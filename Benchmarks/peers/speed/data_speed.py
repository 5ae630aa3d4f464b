"""The speed part of Benchmarks/peers/speed/data.py: ours and the peer in turn on the same cores, medians of the rounds."""

import contextlib
import io
import json
import os
import statistics
import subprocess
import time

import h5py
import numpy as np
import SimpleITK as sitk
import torch
from nnunetv2.inference.export_prediction import convert_predicted_logits_to_segmentation_with_correct_shape
from nnunetv2.preprocessing.preprocessors.default_preprocessor import DefaultPreprocessor
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

import augmentation
import data_metrics
import data_scans
import datasets_parity


@contextlib.contextmanager
def on_cores(count):
    """This process and those it starts keep to some of its cores; NumPy, SciPy and PyTorch to as many threads."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(sorted(allowed)[:count]))
    torch.set_num_threads(count)
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)
        torch.set_num_threads(len(allowed))


class Rounds:
    """Runs both sides in turn and writes a row."""

    def __init__(self, report):
        self.report = report
        report.table(["step", "cores", "ours", "peer", "times as fast", "wanted"])

    def compare(self, step, peer, cores, wanted, rounds, ours, theirs, unit="s", note=""):
        """ours() and theirs() give seconds, or what `unit` counts a second, where more is better."""
        with on_cores(cores):
            measured = [(ours(), theirs()) for _ in range(rounds)]
        own, other = (statistics.median(side) for side in zip(*measured))
        ratio = other / own if unit == "s" else own / other
        good = wanted is None or self.report.check(ratio >= wanted, f"{step}: {ratio:.1f} times as fast, {wanted} are wanted")
        self.report.row(step, cores, f"{own:.3g} {unit}{note}", f"{other:.3g} {unit} ({peer})", f"{ratio:.1f}",
                        "" if wanted is None else f"{wanted}{'' if good else ' MISSED'}")


def measure(report, tool, base):
    every = len(os.sched_getaffinity(0))
    report.say("Ours reads the files and writes what it makes, and is timed from inside of its own process; where nothing else is")
    report.say("said, so does the peer. On one core both sides have one; nnU-Net uses several only for several cases at once.")
    report.say()
    rounds = Rounds(report)
    raw = data_scans.phantoms(tool, base, "speed", 111, "CT", 1, (400, 400, 60), kind="amos22")
    subprocess.run([tool, "reshape", raw, "400", "400", "60"], check=True)
    fingerprint(rounds, tool, base, raw)
    note = preparation(rounds, tool, base, raw, every)
    rounds.compare(
        "augmentation, 448 x 448", "batchgeneratorsv2", 1, 5, 2,
        lambda: datasets_parity.run(tool, "augment", 1500)["augment"], lambda: augmentation.measure(4), "patches/s")
    metrics(rounds, tool, base, raw, every)
    report.say()
    report.say(note)


def fingerprint(rounds, tool, base, raw):
    samples = 20_000_000
    (base / "mine").mkdir(exist_ok=True)
    rounds.compare(
        f"fingerprint, one case, {samples / 1e6:.0f} million samples", "nnU-Net", 1, 5, 3,
        lambda: datasets_parity.run(tool, "plan", raw, base / "mine", samples)["fingerprint"],
        lambda: quietly(lambda: datasets_parity.their_fingerprint(raw.name, samples)))


def quietly(body):
    with contextlib.redirect_stdout(io.StringIO()):
        return body()


def preparation(rounds, tool, base, raw, every):
    """Preparing a case of 60 x 400 x 400 for a 2d patch of 448 x 448 brought to 896 x 896, and exporting 16 classes' scores."""
    plans_file = base / "mine/nnUNetPlans.json"
    document = json.loads(plans_file.read_text())
    image, label = data_scans.first_case(raw)
    document["configurations"]["2d"]["patch_size"] = [448, 448]
    plans_file.write_text(json.dumps(document))
    description = json.loads((raw / "dataset.json").read_text())
    plans = PlansManager(datasets_parity.derived(document, 896))
    settings = plans.get_configuration("2d_896")
    folder = base / "prepared"
    made = []

    def ours():
        data_scans.remove(folder)
        return datasets_parity.run(tool, "preprocess", raw, plans_file, "2d_896", folder)["preprocess"]

    def theirs():
        start = time.perf_counter()
        made[:] = DefaultPreprocessor(verbose=False).run_case([str(image)], str(label), plans, settings, description)
        return time.perf_counter() - start

    def shape(array):
        return " x ".join(map(str, array))

    ours()
    with h5py.File(next(folder.glob("*.h5"))) as file:
        name = f"preparing {shape(file['properties'].attrs['original_shape'])} to {shape(file['label'].shape)}"
    rounds.compare(name, "nnU-Net, which does not write it", 1, 15, 2, ours, theirs)
    rounds.compare(name, "nnU-Net, which does not write it", every, None, 1, ours, theirs)

    data, seg, properties = made
    scores = np.random.default_rng(7).standard_normal((16, *seg.shape[1:]), dtype=np.float32)
    for c in range(16):
        scores[c] += 4 * (seg[0].clip(0) == c)
    with h5py.File(base / "scores.h5", "w") as file:
        file["scores"] = scores
    manager = plans.get_label_manager(description)
    extra, exported = [], []

    def our_export():
        case = next(folder.glob("*.h5"))
        found = datasets_parity.run(tool, "export", case, image, base / "scores.h5", base / "out.nii.gz")
        extra.append(found["extra_MB"])
        return found["export"]

    def their_export():
        start = time.perf_counter()
        exported[:] = [convert_predicted_logits_to_segmentation_with_correct_shape(
            scores, plans, settings, manager, properties, num_threads_torch=torch.get_num_threads())]
        return time.perf_counter() - start

    name = f"exporting {shape(scores.shape)} to {shape(properties['shape_before_cropping'])}"
    for cores, wanted in ((1, 20), (every, None)):
        rounds.compare(name, "nnU-Net", cores, wanted, 2 if wanted else 1, our_export, their_export)
    own = sitk.GetArrayFromImage(sitk.ReadImage(str(base / "out.nii.gz")))
    return (f"Exporting took at most {max(extra):.0f} MB beside the scores, the label map's {2 * own.size / 2**20:.0f} MB among "
            f"them; a slice of all scores has {scores[:, 0].nbytes / 2**20:.0f} MB. {int((own != exported[0]).sum())} of "
            f"{own.size} exported labels differ.")


def metrics(rounds, tool, base, raw, every):
    _, label = data_scans.first_case(raw)
    predicted = base / "prediction.nii.gz"
    reference, prediction, spacing, classes = data_scans.disturbed(label, predicted, loses=False)
    name = f"NSD of {len(np.unique(reference)) - 1} classes, {' x '.join(map(str, reference.shape))}"
    for peer, convention, theirs, wanted in (
        ("DeepMind", "deepmind", data_metrics.deepmind_seconds, 5), ("MONAI", "monai", data_metrics.monai_seconds, 30)):
        for cores in (1, every):
            rounds.compare(
                f"{name}, as {peer}'s", peer, cores, wanted if cores == 1 else None, 3 if cores == 1 else 1,
                lambda: data_metrics.ours(tool, label, predicted, convention, classes, base / "metrics.json")[0],
                lambda: theirs(reference, prediction, spacing, classes))
