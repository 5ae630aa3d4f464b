"""Compares `segbench dataset verify` with nnU-Net's `verify_dataset_integrity` on small datasets, sound ones and broken ones.

    python Benchmarks/peers/parity/verify.py [--segbench .build/release/segbench]

Needs nnunetv2 and SimpleITK. Prints a line for each dataset and both verdicts; exits with 1 if any differ other than as noted.
"""

import argparse
import contextlib
import gzip
import io
import json
import multiprocessing.dummy
import os
import pathlib
import subprocess
import sys
import tempfile
import types

for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
    os.environ.setdefault(name, tempfile.gettempdir())
import numpy as np
import SimpleITK as sitk
from nnunetv2.experiment_planning import verify_dataset_integrity as peer
from nnunetv2.utilities import utils

# The same checks in this process: starting Python anew for each dataset would take longer than all the rest.
peer.multiprocessing = types.SimpleNamespace(get_context=lambda _: multiprocessing.dummy)
utils.Pool = multiprocessing.dummy.Pool

SHAPE = (3, 6, 7)
DESCRIPTION = {"channel_names": {"0": "CT"}, "labels": {"background": 0, "liver": 1, "tumor": 2}, "numTraining": 3,
               "file_ending": ".nii.gz"}


class Dataset:
    def __init__(self, folder):
        self.folder = folder
        self.ending, self.channels = ".nii.gz", 1
        self.description = json.loads(json.dumps(DESCRIPTION))

    def image(self, case, channel=0):
        return self.folder / f"imagesTr/{case}_{channel:04d}{self.ending}"

    def label(self, case):
        return self.folder / f"labelsTr/{case}{self.ending}"

    def write(self, path, array, spacing=(1, 1.25, 3), origin=(0, 0, 0), direction=None):
        image = sitk.GetImageFromArray(array)
        image.SetSpacing(spacing)
        image.SetOrigin(origin)
        if direction:
            image.SetDirection(direction)
        sitk.WriteImage(image, str(path))

    def image_array(self, seed=0, shape=SHAPE):
        return np.random.default_rng(seed).normal(100, 50, shape).astype(np.float32)

    def label_array(self, shape=SHAPE):
        return (np.arange(np.prod(shape)) % 3).reshape(shape).astype(np.uint8)

    def make(self):
        for name in ("imagesTr", "labelsTr"):
            (self.folder / name).mkdir(parents=True)
        for index, case in enumerate("abc"):
            for channel in range(self.channels):
                self.write(self.image(case, channel), self.image_array(index))
            self.write(self.label(case), self.label_array())
        self.describe()
        return self

    def describe(self, **changes):
        self.description |= changes
        (self.folder / "dataset.json").write_text(json.dumps(
            {key: value for key, value in self.description.items() if value is not None}))


# Each takes a sound dataset and changes one thing. The names of those that both accept begin with "sound".
def sound(d): pass


def sound_with_more_keys(d): d.describe(licence="CC", reference="none", description="x")


def sound_with_test_images(d):
    (d.folder / "imagesTs").mkdir()
    d.write(d.folder / "imagesTs/t_0000.nii.gz", d.image_array())


def sound_with_a_stray_label(d): d.write(d.label("lost"), d.label_array())


def sound_with_another_origin(d): d.write(d.label("a"), d.label_array(), origin=(50, 0, 0))


def sound_with_another_direction(d): d.write(d.label("a"), d.label_array(), direction=(-1, 0, 0, 0, 1, 0, 0, 0, 1))


def sound_with_nothing_but_background(d): d.write(d.label("b"), 0 * d.label_array())


def sound_with_labels_as_floats(d): d.write(d.label("b"), d.label_array().astype(np.float32))


def sound_with_a_hidden_file(d): (d.folder / ".DS_Store").write_text("x")


def sound_with_other_shapes(d):
    d.write(d.image("c"), d.image_array(shape=(2, 5, 4)), spacing=(2, 2, 2))
    d.write(d.label("c"), d.label_array((2, 5, 4)), spacing=(2, 2, 2))


def sound_with_one_slice(d):
    d.write(d.image("c"), d.image_array(shape=(1, 5, 4)))
    d.write(d.label("c"), d.label_array((1, 5, 4)))


def sound_with_spacing_as_good_as_equal(d): d.write(d.label("c"), d.label_array(), spacing=(1 + 4e-6, 1.25, 3))


def rewrite(path, offset, data):
    """Other bytes in a compressed file's header."""
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[offset:offset + len(data)] = data
    path.write_bytes(gzip.compress(bytes(content)))


def floats(*values): return np.array(values, "<f4").tobytes()


def short(value): return np.array([value], "<i2").tobytes()


def shear(path):
    rewrite(path, 252, short(0))
    rewrite(path, 284, floats(0.3))


def sound_with_a_voxel_size_of_zero(d): [rewrite(p, 84, floats(0)) for p in (d.image("b"), d.label("b"))]


def sound_with_a_negative_voxel_size(d): [rewrite(p, 84, floats(-1.25)) for p in (d.image("b"), d.label("b"))]


def sound_without_any_form(d): [rewrite(p, 252, short(0) + short(0)) for p in (d.image("b"), d.label("b"))]


def sound_with_a_label_without_any_form(d): rewrite(d.label("b"), 252, short(0) + short(0))


def sound_with_a_sheared_sform_beside_a_qform(d): rewrite(d.image("b"), 284, floats(0.3))


def sound_with_black_images(d): [d.write(d.image(case), 0 * d.image_array()) for case in "abc"]


def sound_with_two_axes(d):
    for case in "abc":
        d.write(d.image(case), d.image_array()[0], spacing=(1.5, 1.5))
        d.write(d.label(case), d.label_array()[0], spacing=(1.5, 1.5))


def sheared_image(d): shear(d.image("b"))


def sheared_label(d): shear(d.label("b"))


def missing_label(d): d.label("b").unlink()


def missing_image(d): d.image("b").unlink()


def missing_channel(d): d.image("b", 1).unlink()


def one_channel_too_many(d): d.write(d.image("a", 1), d.image_array())


def channel_of_another_shape(d): d.write(d.image("a", 1), d.image_array(shape=(4, 6, 7)))


def channel_of_another_spacing(d): d.write(d.image("a", 1), d.image_array(), spacing=(1, 1, 3))


def wrong_count(d): d.describe(numTraining=4)


def image_with_nan(d):
    array = d.image_array()
    array[1, 2, 3] = np.nan
    d.write(d.image("a"), array)


def label_with_nan(d):
    array = d.label_array().astype(np.float32)
    array[1, 2, 3] = np.nan
    d.write(d.label("a"), array)


def unexpected_label(d): d.write(d.label("c"), d.label_array() + 1)


def negative_label(d): d.write(d.label("c"), d.label_array().astype(np.int16) - 1)


def fractional_label(d): d.write(d.label("c"), d.label_array() * np.float32(0.5))


def label_of_another_shape(d): d.write(d.label("b"), d.label_array((3, 6, 6)))


def label_of_another_spacing(d): d.write(d.label("b"), d.label_array(), spacing=(1, 1.25, 3.01))


def cut_image(d): d.image("a").write_bytes(d.image("a").read_bytes()[:200])


def empty_image(d): d.image("a").write_bytes(b"")


def cut_label(d): d.label("a").write_bytes(gzip.compress(gzip.decompress(d.label("a").read_bytes())[:400]))


def no_images_folder(d): d.image("a").parent.rename(d.folder / "images")


def no_labels_folder(d): d.label("a").parent.rename(d.folder / "labels")


def empty_images_folder(d): [path.unlink() for path in (d.folder / "imagesTr").iterdir()]


def misnamed_image(d): d.image("a").rename(d.folder / "imagesTr/a.nii.gz")


def no_labels_key(d): d.describe(labels=None)


def no_channels_key(d): d.describe(channel_names=None)


def no_count_key(d): d.describe(numTraining=None)


def no_ending_key(d): d.describe(file_ending=None)


def gap_in_labels(d): d.describe(labels={"background": 0, "liver": 1, "tumor": 3})


def no_background(d): d.describe(labels={"air": 0, "liver": 1, "tumor": 2})


def background_not_zero(d): d.describe(labels={"background": 1, "liver": 0, "tumor": 2})


def sound_regions(d):
    d.describe(labels={"background": 0, "liver": [1, 2], "tumor": 2}, regions_class_order=[1, 2])


def sound_ignore_label(d): d.describe(labels={"background": 0, "liver": 1, "ignore": 2})


def sound_regions_and_ignore_label(d):
    d.describe(labels={"background": 0, "ignore": 3, "liver": [1, 2], "tumor": [2]}, regions_class_order=[1, 2])


def sound_lists_of_one_label(d): d.describe(labels={"background": 0, "liver": [1], "tumor": [2]})


def regions_without_their_order(d): d.describe(labels={"background": 0, "liver": [1, 2], "tumor": 2})


def regions_with_a_short_order(d):
    d.describe(labels={"background": 0, "liver": [1, 2], "tumor": 2}, regions_class_order=[1])


def regions_with_a_long_order(d):
    d.describe(labels={"background": 0, "liver": [1, 2], "tumor": 2}, regions_class_order=[1, 2, 2])


def regions_with_a_gap(d): d.describe(labels={"background": 0, "liver": [1, 3], "tumor": 3}, regions_class_order=[1, 3])


def regions_without_background(d): d.describe(labels={"liver": [1, 2], "tumor": 2}, regions_class_order=[1, 2])


def background_is_a_region(d):
    d.describe(labels={"background": [0, 1], "liver": [1, 2], "tumor": 2}, regions_class_order=[1, 2])


def ignore_label_not_the_highest(d): d.describe(labels={"background": 0, "liver": 2, "ignore": 1})


def ignore_label_with_a_gap(d): d.describe(labels={"background": 0, "liver": 1, "tumor": 2, "ignore": 4})


def ignore_label_is_a_region(d): d.describe(labels={"background": 0, "liver": 1, "ignore": [2, 3]})


def description_is_no_json(d): (d.folder / "dataset.json").write_text("{")


def no_description(d): (d.folder / "dataset.json").unlink()


def stricter_all_sheared(d):
    # nnU-Net then falls back to nibabel's reader, which looks at no direction.
    for case in "abc":
        shear(d.image(case))
        shear(d.label(case))


# What nnU-Net accepts and SegBench, as Docs/datasets.md says, does not.
def stricter_infinite_value(d):
    array = d.image_array()
    array[0, 0, 0] = np.inf
    d.write(d.image("a"), array)


def stricter_region_with_the_background(d):
    d.describe(labels={"background": 0, "liver": [0, 1, 2], "tumor": 2}, regions_class_order=[1, 2])


def stricter_region_predicted_as_an_unknown_label(d):
    d.describe(labels={"background": 0, "liver": [1, 2], "tumor": 2}, regions_class_order=[1, 7])


def stricter_channels_with_a_gap(d):
    for case in "abc":
        d.image(case, 1).rename(d.image(case, 2))


def nnunet_accepts(folder):
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            peer.verify_dataset_integrity(str(folder), 1)
            return True
        except (Exception, SystemExit):
            return False


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--segbench", default=".build/release/segbench")
    segbench = arguments.parse_args().segbench
    changes = [f for f in list(globals().values()) if isinstance(f, types.FunctionType) and f.__module__ == "__main__"
               and f.__code__.co_varnames[:1] == ("d",)]
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    wrong = 0
    for change in changes:
        for ending in (".nii.gz", ".nii") if change is sound else (".nii.gz",):
            with tempfile.TemporaryDirectory() as folder:
                d = Dataset(pathlib.Path(folder) / "Dataset001_Small")
                d.ending, d.description["file_ending"] = ending, ending
                if "channel_of" in change.__name__ or change in (missing_channel, stricter_channels_with_a_gap):
                    d.channels, d.description["channel_names"] = 2, {"0": "T1", "1": "T2"}
                d.make()
                change(d)
                theirs = nnunet_accepts(d.folder)
                result = subprocess.run([segbench, "dataset", "verify", str(d.folder)], capture_output=True, text=True)
            ours = result.returncode == 0
            expected = (ours, theirs) == (False, True) if change.__name__.startswith("stricter") else ours == theirs
            fair = theirs == change.__name__.startswith(("sound", "stricter")) and result.returncode in (0, 2)
            wrong += not (expected and fair)
            words = {True: "sound", False: "refused"}
            print(f"{change.__name__.replace('_', ' ') + ' ' + ending if change is sound else change.__name__.replace('_', ' '):38}"
                  f" nnU-Net: {words[theirs]:8} SegBench: {words[ours]:8}{'' if expected and fair else ' <- differs'}")
            if not (expected and fair):
                print(result.stderr)
    print(f"{wrong} of {len(changes) + 1} verdicts differ from what is expected")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
