"""Values of PyTorch and nnU-Net that the tests of Training and of sliding-window prediction compare with.

Usage: python Benchmarks/peers/training.py    (needs torch, safetensors, nnunetv2 2.8.1)
Writes Tests/TrainingTests/Fixtures/training.safetensors and Tests/EvaluationTests/Fixtures/sliding_window.safetensors.
"""

from pathlib import Path

import numpy
import torch
from nnunetv2.inference.sliding_window_prediction import compute_gaussian, compute_steps_for_sliding_window
from nnunetv2.training.loss.compound_losses import DC_and_CE_loss
from nnunetv2.training.loss.deep_supervision import DeepSupervisionWrapper
from nnunetv2.training.loss.dice import MemoryEfficientSoftDiceLoss
from safetensors.torch import save_file
from torch.optim import lr_scheduler
from torch.optim.lr_scheduler import PolynomialLR

torch.set_num_threads(1)
torch.manual_seed(20240917)
tests = Path(__file__).resolve().parents[2] / "Tests"


def dice_and_cross_entropy(over_batch):
    return DC_and_CE_loss(
        {"batch_dice": over_batch, "smooth": 1e-5, "do_bg": False, "ddp": False},
        {},
        weight_ce=1,
        weight_dice=1,
        dice_class=MemoryEfficientSoftDiceLoss,
    )


def losses(out):
    logits = torch.randn(2, 4, 8, 12, requires_grad=True)
    labels = torch.randint(0, 4, (2, 1, 8, 12))
    labels[labels == 3] = 2  # a class that does not occur
    out["loss.logits"] = logits
    out["loss.labels"] = labels[:, 0].int()
    for name, over_batch in (("batch", True), ("item", False)):
        value = dice_and_cross_entropy(over_batch)(logits, labels)
        out[f"loss.{name}.value"] = value.reshape(1)
        out[f"loss.{name}.gradient"] = torch.autograd.grad(value, logits)[0]

    half = torch.randn(2, 4, 4, 6, requires_grad=True)
    quarter = torch.randn(2, 4, 2, 3, requires_grad=True)
    weights = numpy.array([1, 0.5, 0])
    wrapped = DeepSupervisionWrapper(dice_and_cross_entropy(True), weights / weights.sum())
    sizes = [(8, 12), (4, 6), (2, 3)]
    targets = [torch.nn.functional.interpolate(labels.float(), size, mode="nearest-exact").long() for size in sizes]
    value = wrapped([logits, half, quarter], targets)
    out["deep.half"] = half
    out["deep.quarter"] = quarter
    out["deep.value"] = value.reshape(1)
    out["deep.gradient"] = torch.autograd.grad(value, half)[0]


def optimiser(out, name, make, clip, power):
    """Two groups, six steps, clipped, the rate falling as nnU-Net's does."""
    decoder, encoder = torch.nn.Parameter(torch.randn(5, 7)), torch.nn.Parameter(torch.randn(11))
    out[f"{name}.decoder.start"] = decoder.detach().clone()
    out[f"{name}.encoder.start"] = encoder.detach().clone()
    optimizer = make([{"params": [decoder], "lr": 3e-2}, {"params": [encoder], "lr": 1e-2}])
    schedule = PolynomialLR(optimizer, total_iters=6, power=power)
    norms = []
    for step in range(6):
        decoder.grad = torch.randn(5, 7) * 4
        encoder.grad = torch.randn(11) * (0.1 if step % 2 else 6)
        out[f"{name}.decoder.gradient{step}"] = decoder.grad.clone()
        out[f"{name}.encoder.gradient{step}"] = encoder.grad.clone()
        norms.append(torch.nn.utils.clip_grad_norm_([decoder, encoder], clip))
        optimizer.step()
        schedule.step()
        out[f"{name}.decoder.after{step}"] = decoder.detach().clone()
        out[f"{name}.encoder.after{step}"] = encoder.detach().clone()
    out[f"{name}.norms"] = torch.stack(norms)


def schedules(out):
    """The factors of PyTorch's own schedules over 12 epochs, the first 3 of them a warm-up from a third."""
    def factors(after):
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
        warm_up = lr_scheduler.LinearLR(optimizer, start_factor=1 / 3, total_iters=2)
        schedule = lr_scheduler.SequentialLR(optimizer, [warm_up, after(optimizer)], milestones=[3])
        found = []
        for _ in range(12):
            found.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            schedule.step()
        return torch.tensor(found, dtype=torch.float32)

    out["schedule.polynomial"] = factors(lambda o: PolynomialLR(o, total_iters=9, power=0.9))
    out["schedule.linear"] = factors(lambda o: lr_scheduler.LinearLR(o, 1, 0.25, total_iters=9))
    out["schedule.cosine"] = factors(lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=9, eta_min=0.25))
    out["schedule.constant"] = factors(lambda o: lr_scheduler.ConstantLR(o, 1.0, total_iters=9))


def tiles(out):
    cases = [(64, 64), (65, 64), (110, 64), (512, 320), (97, 32), (100, 33), (200, 56), (33, 32)]
    out["tiles.cases"] = torch.tensor(cases, dtype=torch.int32)
    for image, tile in cases:
        steps = compute_steps_for_sliding_window((image,), (tile,), 0.5)[0]
        out[f"tiles.{image}.{tile}"] = torch.tensor(steps, dtype=torch.int32)
    for height, width in ((16, 24), (33, 20), (7, 64)):
        gaussian = compute_gaussian((height, width), 1 / 8, 10, torch.float32, torch.device("cpu"))
        out[f"gaussian.{height}.{width}"] = gaussian


def save(name, values):
    path = tests / name
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({key: value.detach().contiguous() for key, value in values.items()}, path)
    print(path, path.stat().st_size, "bytes")


training, window = {}, {}
losses(training)
optimiser(training, "adamw", lambda groups: torch.optim.AdamW(groups, betas=(0.9, 0.98), weight_decay=5e-2), 12, 1.0)
optimiser(
    training, "sgd", lambda groups: torch.optim.SGD(groups, momentum=0.99, nesterov=True, weight_decay=5e-2), 12, 0.9)
optimiser(training, "momentum", lambda groups: torch.optim.SGD(groups, momentum=0.9, weight_decay=5e-2), 12, 0.9)
schedules(training)
tiles(window)
save("TrainingTests/Fixtures/training.safetensors", training)
save("EvaluationTests/Fixtures/sliding_window.safetensors", window)
