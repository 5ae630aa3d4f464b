"""nnU-Net's losses, pseudo-Dice, exported labels, drawn voxels and metrics of regions and of an ignore label, for the tests.

Usage: python Benchmarks/peers/regions.py    (needs torch, safetensors, SimpleITK, nnunetv2 2.8.1)
Writes regions.safetensors in Tests/TrainingTests/Fixtures, Tests/DatasetsTests/Fixtures and Tests/EvaluationTests/Fixtures.
"""

import tempfile
from pathlib import Path

import numpy
import SimpleITK
import torch
from batchgeneratorsv2.transforms.utils.deep_supervision_downsampling import DownsampleSegForDSTransform
from batchgeneratorsv2.transforms.utils.seg_to_regions import ConvertSegmentationToRegionsTransform
from nnunetv2.evaluation.evaluate_predictions import compute_metrics
from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO
from nnunetv2.preprocessing.cropping.cropping import crop_to_nonzero
from nnunetv2.preprocessing.preprocessors.default_preprocessor import DefaultPreprocessor
from nnunetv2.preprocessing.resampling.default_resampling import resample_data_or_seg_to_shape
from nnunetv2.training.loss.compound_losses import DC_and_BCE_loss, DC_and_CE_loss
from nnunetv2.training.loss.deep_supervision import DeepSupervisionWrapper
from nnunetv2.training.loss.dice import MemoryEfficientSoftDiceLoss, get_tp_fp_fn_tn
from nnunetv2.utilities.label_handling.label_handling import LabelManager
from safetensors.torch import save_file

torch.set_num_threads(1)
torch.manual_seed(20261128)
tests = Path(__file__).resolve().parents[2] / "Tests"
KITS = {"background": 0, "kidney": [1, 2, 3], "masses": [2, 3], "tumor": 2}
ORDER = [1, 3, 2]
IGNORE = 4


def manager(ignore):
    return LabelManager({**KITS, **({"ignore": IGNORE} if ignore else {})}, ORDER)


def region_target(labels, ignore):
    """[N, 1, H, W] to masks of the regions, the ignore label's last, as nnU-Net's transforms make them."""
    regions = manager(ignore).foreground_regions
    convert = ConvertSegmentationToRegionsTransform([*regions, IGNORE] if ignore else regions, channel_in_seg=0)
    return torch.stack([convert(segmentation=item)["segmentation"] for item in labels])


def region_loss(over_batch, ignore):
    return DC_and_BCE_loss(
        {}, {"batch_dice": over_batch, "do_bg": True, "smooth": 1e-5, "ddp": False}, use_ignore_label=ignore,
        dice_class=MemoryEfficientSoftDiceLoss)


def put(out, name, loss, logits, target, labels):
    value = loss(logits, target)
    out[f"{name}.labels"] = torch.where(labels == IGNORE, -1, labels)[:, 0].int()
    out[f"{name}.value"] = value.reshape(1)
    out[f"{name}.gradient"] = torch.autograd.grad(value, logits)[0]


def losses(out):
    logits = torch.randn(2, 3, 8, 12, requires_grad=True)
    labels = torch.randint(0, 4, (2, 1, 8, 12))
    partly = torch.where(torch.rand(labels.shape) < 0.3, IGNORE, labels)
    out["logits"] = logits
    for name, over_batch in (("batch", True), ("item", False)):
        put(out, f"regions.{name}", region_loss(over_batch, False), logits, region_target(labels, False), labels)
        put(out, f"ignore.{name}", region_loss(over_batch, True), logits, region_target(partly, True), partly)
        # The label is there, and no pixel of the batch has it.
        put(out, f"unused.{name}", region_loss(over_batch, True), logits, region_target(labels, True), labels)
    nothing = torch.full_like(labels, IGNORE)
    put(out, "nothing.batch", region_loss(True, True), logits, region_target(nothing, True), nothing)

    classes = torch.randn(2, 4, 8, 12, requires_grad=True)
    out["classes.logits"] = classes
    for name, over_batch in (("batch", True), ("item", False)):
        loss = DC_and_CE_loss(
            {"batch_dice": over_batch, "smooth": 1e-5, "do_bg": False, "ddp": False}, {}, ignore_label=IGNORE,
            dice_class=MemoryEfficientSoftDiceLoss)
        put(out, f"classes.{name}", loss, classes, partly, partly)

    half = torch.randn(2, 3, 4, 6, requires_grad=True)
    quarter = torch.randn(2, 3, 2, 3, requires_grad=True)
    weights = numpy.array([1, 0.5, 0])
    scales = DownsampleSegForDSTransform(([1, 1], [0.5, 0.5], [0.25, 0.25]))
    masks = region_target(partly, True)
    items = [scales(segmentation=item)["segmentation"] for item in masks]
    targets = [torch.stack([item[place] for item in items]) for place in range(3)]
    value = DeepSupervisionWrapper(region_loss(True, True), weights / weights.sum())([logits, half, quarter], targets)
    out["deep.half"], out["deep.quarter"] = half, quarter
    out["deep.value"] = value.reshape(1)
    out["deep.gradient"] = torch.autograd.grad(value, half)[0]

    # As nnUNetTrainer.validation_step counts.
    predicted = (torch.sigmoid(logits) > 0.5).long()
    for name, found, ignore in (("regions", labels, False), ("ignore", partly, True)):
        target = region_target(found, ignore)
        mask = ~target[:, -1:] if ignore else None
        counts = get_tp_fp_fn_tn(predicted, target[:, :-1] if ignore else target, axes=[0, 2, 3], mask=mask)
        out[f"pseudo.{name}"] = torch.stack(counts[:3]).int()


def exported(out):
    logits = torch.randn(3, 2, 9, 7)
    out["export.logits"] = logits
    resampled = resample_data_or_seg_to_shape(
        logits.numpy(), (2, 13, 11), [5, 1.0, 1.1], [5, 0.7, 0.65], is_seg=False, order=1, order_z=0)
    out["export.labels"] = torch.from_numpy(manager(False).convert_logits_to_segmentation(resampled).astype(numpy.int32))
    # Single floats about the one where a probability exceeds a half.
    near = [numpy.float32(0)]
    for _ in range(3):
        near.append(numpy.nextafter(near[-1], numpy.float32(1)))
    start = numpy.float32(1.5 * 2.0**-24)
    for step in range(-20, 21):
        near.append(numpy.float32(start.view(numpy.int32) + step).astype(numpy.int32).view(numpy.float32))
    near += [numpy.float32(v) for v in (-1e-7, 5e-8, 8e-8, 1e-7, 1.2e-7, 1, -1, 30, -30)]
    near = torch.from_numpy(numpy.array(near, dtype=numpy.float32))
    out["half.logits"] = near
    out["half.exceeds"] = (torch.sigmoid(near.repeat(8))[: len(near)] > 0.5).int()


def drawn(out):
    """Voxels drawn from the prepared label map of a case that is black around its middle."""
    generator = numpy.random.default_rng(5)
    image = generator.integers(1, 100, (4, 30, 26)).astype(numpy.int16)
    label = numpy.kron(generator.integers(0, 5, (4, 10, 13)), numpy.ones((1, 3, 2))).astype(numpy.int16)
    image[:, :4], label[:, :4] = 0, 0
    image[:, 10:14, 8:15] = 0
    image[2, 5:8] = 0
    data, seg, _ = crop_to_nonzero(image[None].astype(numpy.float32), label[None].copy())
    out["drawn.image"] = torch.from_numpy(image.astype(numpy.int32))
    out["drawn.label"] = torch.from_numpy(label.astype(numpy.int32))
    for name, ignore, regions in (("regions", True, True), ("labels", True, False)):
        lists = list(manager(ignore).foreground_regions if regions else [1, 2, 3]) + [[-1, 0, 1, 2, 3]]
        found = DefaultPreprocessor._sample_foreground_locations(seg, lists)
        for number, places in zip([*range(1, len(lists)), 0], found.values()):
            out[f"drawn.{name}.{number}"] = torch.from_numpy(numpy.asarray(places)[:, 1:].astype(numpy.int32))


def metrics(out):
    generator = numpy.random.default_rng(11)
    reference = numpy.kron(generator.integers(0, 5, (3, 5, 6)), numpy.ones((2, 3, 2))).astype(numpy.uint8)
    prediction = numpy.where(generator.random(reference.shape) < 0.4, generator.integers(0, 4, reference.shape), reference)
    prediction = numpy.where(prediction == IGNORE, 1, prediction).astype(numpy.uint8)
    out["reference"] = torch.from_numpy(reference.astype(numpy.int32))
    out["prediction"] = torch.from_numpy(prediction.astype(numpy.int32))
    with tempfile.TemporaryDirectory() as folder:
        names = [f"{folder}/reference.nii.gz", f"{folder}/prediction.nii.gz"]
        for name, array in zip(names, (reference, prediction)):
            SimpleITK.WriteImage(SimpleITK.GetImageFromArray(array), name)
        regions = manager(True).foreground_regions
        for name, targets, ignore in (("regions", regions, IGNORE), ("labels", [1, 2, 3], IGNORE), ("all", regions, None)):
            found = compute_metrics(*names, SimpleITKIO(), targets, ignore)["metrics"]
            out[f"{name}.dice"] = torch.tensor([found[target]["Dice"] for target in targets], dtype=torch.float64)
            out[f"{name}.voxels"] = torch.tensor(
                [[int(found[target][key]) for key in ("n_ref", "n_pred")] for target in targets], dtype=torch.int32)


def save(name, values):
    path = tests / name / "Fixtures/regions.safetensors"
    save_file({key: value.detach().contiguous() for key, value in values.items()}, path)
    print(path, path.stat().st_size, "bytes")


training, datasets, evaluation = {}, {}, {}
losses(training)
exported(datasets)
drawn(datasets)
metrics(evaluation)
save("TrainingTests", training)
save("DatasetsTests", datasets)
save("EvaluationTests", evaluation)
