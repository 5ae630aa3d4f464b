"""What batchgeneratorsv2 and nnU-Net's 2d loader do with given parameters, and how their parameters are distributed.

    python Benchmarks/peers/augmentation.py          writes the fixture that Tests/DatasetsTests reads
    python Benchmarks/peers/augmentation.py time     prints patches a second of nnU-Net's pipeline at 448 x 448, one thread
"""

import math
import pathlib
import sys
import time

import numpy as np
import torch
from batchgeneratorsv2.transforms.intensity.brightness import MultiplicativeBrightnessTransform
from batchgeneratorsv2.transforms.intensity.contrast import BGContrast, ContrastTransform
from batchgeneratorsv2.transforms.intensity.gamma import GammaTransform
from batchgeneratorsv2.transforms.noise.gaussian_blur import GaussianBlurTransform
from batchgeneratorsv2.transforms.spatial.low_resolution import SimulateLowResolutionTransform
from batchgeneratorsv2.transforms.spatial.mirroring import MirrorTransform
from batchgeneratorsv2.transforms.spatial.spatial import (
    SpatialTransform,
    _convert_my_grid_to_grid_sample_grid,
    _create_centered_identity_grid2,
    create_affine_matrix_2d,
)
from batchgeneratorsv2.transforms.utils.deep_supervision_downsampling import DownsampleSegForDSTransform
from batchgeneratorsv2.transforms.utils.random import RandomTransform
from nnunetv2.training.data_augmentation.compute_initial_patch_size import get_patch_size
from nnunetv2.training.dataloading.data_loader import nnUNetDataLoader
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from safetensors.numpy import save_file

FIXTURE = pathlib.Path(__file__).parents[2] / "Tests/DatasetsTests/Fixtures/augmentation.safetensors"
PATCH = (40, 36)
CUT = (51, 46)
CHANNELS = 2


def scene(shape, seed):
    """A smooth image with some noise, and labels from -1 to 4 with straight and curved borders."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    image = np.stack([
        np.sin(x / 7) + np.cos(y / 5) + 0.3 * rng.standard_normal(shape),
        (x * y) / 900 - 1 + 0.2 * rng.standard_normal(shape),
    ]).astype(np.float32)
    labels = np.zeros(shape, np.int16)
    labels[(y - 20) ** 2 + (x - 18) ** 2 < 150] = 1
    labels[(y - 30) ** 2 + (x - 26) ** 2 < 80] = 2
    labels[:, 33:37] = 3
    labels[36:40, 5:40] = 4
    labels[:5] = -1
    return torch.from_numpy(image), torch.from_numpy(labels)[None]


def spatial(image, labels, angle, scale, patch=PATCH):
    transform = SpatialTransform(
        patch, patch_center_dist_from_border=0, random_crop=False, p_elastic_deform=0, p_rotation=0.2,
        rotation=(-math.pi, math.pi), p_scaling=0.2, scaling=(0.7, 1.4), p_synchronize_scaling_across_axes=1,
        bg_style_seg_sampling=False, border_mode_seg="constant", padding_value_seg=-1)
    shape = image.shape[1:]
    parameters = {"center_location_in_pixels": [i / 2 for i in shape], "elastic_offsets": None}
    if angle is None and scale is None:
        parameters |= {"grid": None, "affine": None}
    else:
        affine = create_affine_matrix_2d(angle or 0, [scale or 1] * 2)
        grid = torch.matmul(_create_centered_identity_grid2(patch).float(), torch.from_numpy(affine.T).float())
        parameters |= {"grid": _convert_my_grid_to_grid_sample_grid(grid, shape), "affine": affine}
    data = transform.apply({"image": image.clone(), "segmentation": labels.clone()}, **parameters)
    return data["image"].clone(), data["segmentation"].clone()


def blur(image, settings):
    transform = GaussianBlurTransform((0.5, 1.0), False, False, 0.5, benchmark=False)
    mask = torch.tensor([c in settings for c in range(len(image))])
    return transform._apply_to_image(image.clone(), apply_to_channel=mask, sigmas=[settings[c] for c in sorted(settings)])


def brightness(image, factors):
    transform = MultiplicativeBrightnessTransform(BGContrast((0.75, 1.25)), False, 1)
    return transform._apply_to_image(
        image.clone(), apply_to_channel=torch.arange(len(image)), multipliers=torch.tensor(factors))


def contrast(image, factors):
    transform = ContrastTransform(BGContrast((0.75, 1.25)), True, False, 1)
    return transform._apply_to_image(
        image.clone(), apply_to_channel=torch.arange(len(image)), multipliers=torch.tensor(factors))


def low_resolution(image, settings):
    transform = SimulateLowResolutionTransform((0.5, 1), False, True, None, None, 0.5)
    channels = sorted(settings)
    return transform._apply_to_image(
        image.clone(), apply_to_channel=channels, scales=torch.tensor([[settings[c]] * 2 for c in channels]))


def gamma(image, exponents, invert):
    transform = GammaTransform(BGContrast((0.7, 1.5)), float(invert), False, 1, 1)
    every = torch.ones(len(image), dtype=torch.bool)
    return transform._apply_to_image(
        image.clone(), apply_to_channel=torch.arange(len(image)), retain_stats=every,
        invert_image=every if invert else ~every, gamma=torch.tensor(exponents))


def pipeline(patch, seed=1):
    transforms = nnUNetTrainer.get_training_transforms(
        patch, (-math.pi, math.pi), None, (0, 1), False, use_mask_for_norm=[False])
    np.random.seed(seed)
    torch.manual_seed(seed)
    return transforms


def distributions(draws=20000):
    """For each transform in order: how often it is applied, and its parameters' mean and standard deviation.

    Spatial parameters are read back from the matrix; blur and low resolution are counted for each channel.
    """
    transforms = pipeline(PATCH).transforms
    image = torch.zeros((1, *PATCH))
    values = {name: [] for name in [
        "rotation", "scaling", "noise", "blur", "brightness", "contrast", "low", "inverted_gamma", "gamma", "mirror_0",
        "mirror_1"]}
    names = ["noise", "blur", "brightness", "contrast", "low", "inverted_gamma", "gamma"]
    for _ in range(draws):
        parameters = transforms[0].get_parameters(image=image)
        if parameters["affine"] is not None:
            scale = math.sqrt(abs(np.linalg.det(parameters["affine"])))
            angle = math.atan2(parameters["affine"][1, 0], parameters["affine"][0, 0])
            if abs(scale - 1) > 1e-9:
                values["scaling"].append(scale)
            if abs(angle) > 1e-9:
                values["rotation"].append(angle)
        random = [t for t in transforms if isinstance(t, RandomTransform)]
        for name, transform in zip(names, random):
            if not transform.get_parameters()["apply_transform"]:
                continue
            drawn = transform.transform.get_parameters(image=image)
            if name == "noise":
                values[name].append(drawn["sigmas"])
            elif name == "blur":
                for sigmas in drawn["sigmas"]:
                    values[name].append(sigmas[0])
            elif name in ("brightness", "contrast"):
                values[name].append(float(drawn["multipliers"][0]))
            elif name == "low":
                for scale in drawn["scales"]:
                    values[name].append(float(scale[0]))
            else:
                values[name].append(float(drawn["gamma"][0]))
        mirror = [t for t in transforms if isinstance(t, MirrorTransform)][0].get_parameters()["axes"]
        for axis in mirror:
            values[f"mirror_{axis}"].append(1.0)
    rows = [[len(v) / draws, float(np.mean(v)), float(np.std(v)), float(np.min(v)), float(np.max(v))]
            for v in values.values()]
    return np.array(rows, np.float32)


class Recorder:
    """Stands in for numpy's randint: notes the range and gives its lower end."""

    def __init__(self):
        self.ranges = []

    def __call__(self, low, high):
        self.ranges.append((int(low), int(high)))
        return int(low)


def loader_places():
    """Rows of: slice count, height, width; patch; cut; lowest corner and highest corner (each z, y, x); a voxel; the corner
    that the loader takes for it."""
    rows = []
    cases = [
        ((9, 64, 70), (40, 36), (47, 47)), ((1, 30, 90), (40, 36), (47, 47)), ((5, 40, 36), (40, 36), (40, 36)),
        ((5, 39, 35), (40, 36), (40, 36)), ((7, 20, 200), (64, 64), (75, 75)), ((3, 513, 512), (448, 448), (527, 527)),
        ((12, 100, 101), (40, 36), (48, 43)),
    ]
    rng = np.random.default_rng(3)
    for shape, patch, cut in cases:
        loader = nnUNetDataLoader.__new__(nnUNetDataLoader)
        loader.patch_size = (1, *cut)
        loader.need_to_pad = (np.array((1, *cut)) - np.array((1, *patch))).astype(int)
        loader.has_ignore = False
        loader.annotated_classes_key = (-1,)
        recorder = Recorder()
        original, np.random.randint = np.random.randint, recorder
        lowest, _ = loader.get_bbox(np.array(shape), False, None)
        np.random.randint = original
        highest = [high - 1 for _, high in recorder.ranges]
        for _ in range(4):
            voxel = [int(rng.integers(0, s)) for s in shape]
            corner, _ = loader.get_bbox(np.array(shape), True, {1: np.array([[0, *voxel]])})
            rows.append([*shape, *patch, *cut, *lowest, *highest, *voxel, *[int(c) for c in corner]])
    return np.array(rows, np.int32)


def foreground_counts():
    """For batches of 1 to 64 samples, how many the loader cuts around foreground."""
    counts = []
    for size in range(1, 65):
        loader = nnUNetDataLoader.__new__(nnUNetDataLoader)
        loader.batch_size = size
        loader.oversample_foreground_percent = 0.33
        counts.append(sum(loader._oversample_last_XX_percent(i) for i in range(size)))
    return np.array(counts, np.int32)


def initial_sizes():
    """Rows of: patch, and the larger patch to cut, with the trainer's rule for the rotation."""
    rows = []
    for patch in [(448, 448), (40, 36), (96, 96), (320, 256), (256, 160), (512, 128), (640, 640), (896, 896), (33, 47)]:
        limit = 15 / 360 * 2 * np.pi if max(patch) / min(patch) > 1.5 else np.pi
        size = get_patch_size(patch, (-limit, limit), (-limit, limit), (-limit, limit), (0.85, 1.25))
        rows.append([*patch, *[int(s) for s in size]])
    return np.array(rows, np.int32)


def write():
    torch.set_num_threads(1)
    image, labels = scene(CUT, 5)
    tensors = {"cut.image": image.numpy(), "cut.labels": labels[0].numpy().astype(np.int32)}
    for name, angle, scale in [
        ("crop", None, None), ("turned", 0.6, None), ("quarter", 1.55, None), ("shrunk", None, 1.37),
        ("grown", None, 0.71), ("both", -2.5, 1.2),
    ]:
        out_image, out_labels = spatial(image, labels, angle, scale)
        tensors[f"{name}.image"] = out_image.numpy()
        tensors[f"{name}.labels"] = out_labels[0].numpy().astype(np.int32)
    patch = spatial(image, labels, None, None)[0]
    tensors["blur.image"] = blur(patch, {0: [0.93, 0.55], 1: [0.5, 1.0]}).numpy()
    tensors["blur_one.image"] = blur(patch, {1: [0.77, 0.81]}).numpy()
    tensors["brightness.image"] = brightness(patch, [0.8, 1.17]).numpy()
    tensors["contrast.image"] = contrast(patch, [0.77, 1.22]).numpy()
    tensors["low.image"] = low_resolution(patch, {0: 0.53, 1: 0.875}).numpy()
    tensors["inverted_gamma.image"] = gamma(patch, [0.72, 1.46], True).numpy()
    tensors["gamma.image"] = gamma(patch, [1.31, 0.83], False).numpy()
    chain, chain_labels = spatial(image, labels, 1.1, 0.9)
    chain = blur(chain, {0: [0.6, 0.9]})
    chain = brightness(chain, [1.1, 0.9])
    chain = contrast(chain, [1.2, 0.85])
    chain = low_resolution(chain, {1: 0.7})
    chain = gamma(chain, [0.9, 1.3], True)
    chain = gamma(chain, [1.2, 0.8], False)
    chain, chain_labels = torch.flip(chain, (1, 2)), torch.flip(chain_labels, (1, 2))
    chain[1][chain_labels[0] < 0] = 0
    chain_labels[chain_labels == -1] = 0
    tensors["chain.image"] = chain.numpy()
    tensors["chain.labels"] = chain_labels[0].numpy().astype(np.int32)
    scales = [[1.0, 1.0], [0.5, 0.5], [0.25, 0.5], [0.125, 0.25]]
    for index, level in enumerate(DownsampleSegForDSTransform(scales)._apply_to_segmentation(chain_labels.clone())):
        tensors[f"supervision.{index}"] = level[0].numpy().astype(np.int32)
    tensors["distributions"] = distributions()
    tensors["loader.places"] = loader_places()
    tensors["loader.foreground"] = foreground_counts()
    tensors["initial_sizes"] = initial_sizes()
    FIXTURE.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: np.ascontiguousarray(value) for name, value in tensors.items()}, FIXTURE)


def drawn(count, channels=1, seed=3):
    """Parameters of `count` patches under the names that data-benchmark reads, each transform far oftener than in training.

    The noise is left out: its numbers come from another generator.
    """
    random = np.random.default_rng(seed)

    def balanced(lower, upper):
        return [float(random.uniform(lower, 1) if random.random() < 0.5 else random.uniform(1, upper)) for _ in range(channels)]

    def settings(values):
        return [{"channel": c, "value": [float(v) for v in random.uniform(0.5, 1, values)]} for c in range(channels)]

    patches = []
    for _ in range(count):
        patch = {}
        for name, draw in {
            "rotation": lambda: float(random.uniform(-math.pi, math.pi)), "scaling": lambda: float(random.uniform(0.7, 1.4)),
            "blur": lambda: settings(2), "brightness": lambda: balanced(0.75, 1.25), "contrast": lambda: balanced(0.75, 1.25),
            "low_resolution": lambda: settings(1), "inverted_gamma": lambda: balanced(0.7, 1.5),
            "gamma": lambda: balanced(0.7, 1.5), "mirror": lambda: [bool(random.integers(2)), bool(random.integers(2))],
        }.items():
            if random.random() < 0.5:
                patch[name] = draw()
        patches.append(patch)
    return patches


def applied(image, labels, patch, size):
    """What batchgeneratorsv2 makes of a larger patch with such parameters."""
    image, labels = spatial(image, labels, patch.get("rotation"), patch.get("scaling"), size)
    if "blur" in patch:
        image = blur(image, {s["channel"]: s["value"] for s in patch["blur"]})
    if "brightness" in patch:
        image = brightness(image, patch["brightness"])
    if "contrast" in patch:
        image = contrast(image, patch["contrast"])
    if "low_resolution" in patch:
        image = low_resolution(image, {s["channel"]: s["value"][0] for s in patch["low_resolution"]})
    if "inverted_gamma" in patch:
        image = gamma(image, patch["inverted_gamma"], True)
    if "gamma" in patch:
        image = gamma(image, patch["gamma"], False)
    axes = [axis + 1 for axis, mirrored in enumerate(patch.get("mirror", [])) if mirrored]
    image, labels = torch.flip(image, axes), torch.flip(labels, axes)
    labels[labels == -1] = 0
    return image, labels


def measure(seconds=8.0):
    """Patches a second of processor time, on one thread."""
    torch.set_num_threads(1)
    transforms = pipeline((448, 448))
    rng = np.random.default_rng(0)
    image = torch.from_numpy(rng.standard_normal((1, 527, 527)).astype(np.float32))
    labels = torch.zeros((1, 527, 527), dtype=torch.int16)
    for label in range(1, 16):
        y, x = rng.integers(0, 460, 2)
        labels[0, y : y + 60, x : x + 60] = label
    for _ in range(20):
        transforms(image=image.clone(), segmentation=labels.clone())
    begin, count = time.process_time(), 0
    while time.process_time() - begin < seconds:
        transforms(image=image.clone(), segmentation=labels.clone())
        count += 1
    return count / (time.process_time() - begin)


if __name__ == "__main__":
    if sys.argv[1:] == ["time"]:
        print(f"batchgeneratorsv2: {measure():.1f} patches of 448 x 448 a second of one core")
    else:
        write()
