"""The self-distillation losses written anew in PyTorch, whose values the tests of Pretraining compare with.

Usage: python Benchmarks/peers/self_distillation.py    (needs torch, safetensors)
Writes Tests/PretrainingTests/Fixtures/self_distillation.safetensors; parity.py asks for other random numbers.

Formulas: Caron et al., "Emerging properties in self-supervised vision transformers" (ICCV 2021) for the loss between
crops and the projection head; Caron et al., "Unsupervised learning of visual features by contrasting cluster assignments"
(NeurIPS 2020) for Sinkhorn-Knopp; Zhou et al., "iBOT: image BERT pre-training with online tokenizer" (ICLR 2022) for the
masked patches; Sablayrolles et al., "Spreading vectors for similarity search" (ICLR 2019) for KoLeo; Siméoni et al.,
"DINOv3" (2025) and MedDINOv3's equation (2) for the Gram loss, whose teacher's features are resized bicubically.
"""

from pathlib import Path

import torch
from torch.nn.functional import gelu, interpolate, linear, log_softmax, normalize
from safetensors.torch import save_file

torch.set_num_threads(1)


def values(seed):
    """Every array that the comparisons need, by name."""
    torch.manual_seed(31 + seed)
    out = {}
    # A head of three layers: width 6, hidden 10, bottleneck 5, prototypes 12.
    sizes = [("mlp1", 10, 6), ("mlp2", 10, 10), ("mlp3", 5, 10)]
    weights = {}
    for name, rows, columns in sizes:
        weights[f"{name}.weight"] = (torch.randn(rows, columns) * 0.4).requires_grad_()
        weights[f"{name}.bias"] = (torch.randn(rows) * 0.2).requires_grad_()
    weights["prototypes.weight"] = torch.randn(12, 5).requires_grad_()

    def head(x):
        x = gelu(linear(x, weights["mlp1.weight"], weights["mlp1.bias"]))
        x = gelu(linear(x, weights["mlp2.weight"], weights["mlp2.bias"]))
        x = normalize(linear(x, weights["mlp3.weight"], weights["mlp3.bias"]), dim=-1)
        return linear(x, weights["prototypes.weight"])

    @torch.no_grad()
    def sinkhorn_knopp(logits, temperature, rounds=3):
        """Samples in rows, prototypes in columns: every prototype is given the same total, every sample's sum is 1."""
        q = torch.exp(logits.double() / temperature)
        samples, prototypes = q.shape
        q = q / q.sum()
        for _ in range(rounds):
            q = q / q.sum(dim=0, keepdim=True) / prototypes
            q = q / q.sum(dim=1, keepdim=True) / samples
        return (q * samples).float()

    def cross_entropy(student, targets, temperature):
        return -(targets * log_softmax(student / temperature, dim=-1)).sum(dim=-1)

    # Two global crops and three local ones of four images.
    images, views, global_views = 4, 5, 2
    features = torch.randn(views, images, 6).requires_grad_()
    teacher_features = torch.randn(global_views, images, 6)
    teacher_logits = torch.randn(global_views * images, 12)
    targets = sinkhorn_knopp(teacher_logits, 0.05).reshape(global_views, images, 12)
    student_logits = head(features)
    terms = [
        cross_entropy(student_logits[s], targets[t], 0.1).mean()
        for s in range(views)
        for t in range(global_views)
        if s != t
    ]
    loss = torch.stack(terms).mean()
    names = list(weights)
    gradients = torch.autograd.grad(loss, [features] + [weights[name] for name in names])
    out |= {f"head.{name}": weights[name] for name in names}
    out |= {"features": features, "teacher.logits": teacher_logits, "targets": targets, "logits": student_logits}
    out |= {"loss": loss.reshape(1), "gradient.features": gradients[0]}
    out |= {f"gradient.{name}": gradient for name, gradient in zip(names, gradients[1:])}

    # Masked patches: three images with 3, 1 and 0 masked of 6 patches.
    masks = torch.zeros(3, 6, dtype=torch.bool)
    masks[0, [0, 2, 5]] = True
    masks[1, 4] = True
    masked_logits = torch.randn(4, 12).requires_grad_()
    masked_targets = sinkhorn_knopp(torch.randn(4, 12), 0.06)
    weight = torch.cat([torch.full((int(m.sum()),), 1 / int(m.sum())) for m in masks if m.any()])
    masked_loss = (cross_entropy(masked_logits, masked_targets, 0.1) * weight).sum() / len(masks)
    out |= {"masked.logits": masked_logits, "masked.targets": masked_targets, "masked.loss": masked_loss.reshape(1)}
    out["masked.gradient"] = torch.autograd.grad(masked_loss, masked_logits)[0]

    # Targets of 30 samples balanced together, from the features in front of a linear map to 12 prototypes.
    generator = torch.Generator().manual_seed(seed + 20)
    bottleneck = normalize(torch.randn(30, 5, generator=generator), dim=-1)
    prototypes = torch.randn(12, 5, generator=generator) * 0.3
    out |= {"balanced.bottleneck": bottleneck, "balanced.prototypes": prototypes}
    out["balanced.targets"] = sinkhorn_knopp(bottleneck.double() @ prototypes.double().T, 0.07)

    # The loss between views when the pairs with a small view of the student's count 0.3.
    logits = (torch.randn(views, images, 12, generator=generator) * 0.2).requires_grad_()
    weights = [
        (1.0 if s < global_views else 0.3) * cross_entropy(logits[s], targets[t], 0.1).mean()
        for s in range(views)
        for t in range(global_views)
        if s != t
    ]
    local = torch.stack(weights).sum() / len(weights)
    out |= {"local.logits": logits, "local.loss": local.reshape(1)}
    out["local.gradient"] = torch.autograd.grad(local, logits)[0]

    # KoLeo on the features of one view: the distance to the nearest other image.
    features = torch.randn(7, 6, generator=torch.Generator().manual_seed(seed + 5)).requires_grad_()
    unit = normalize(features, eps=1e-8, dim=-1)
    similarity = (unit @ unit.T).detach().fill_diagonal_(-2)
    nearest = similarity.argmax(dim=1)
    koleo = -torch.log(torch.nn.PairwiseDistance(2, eps=1e-8)(unit, unit[nearest]) + 1e-8).mean()
    out |= {"koleo.features": features, "koleo.loss": koleo.reshape(1)}
    out["koleo.gradient"] = torch.autograd.grad(koleo, features)[0]

    # A crop resized: rows 3 to 21 and columns 5 to 12 of a picture, smaller one way and larger the other.
    picture = torch.randn(24, 20)
    crop = picture[None, None, 3:21, 5:12]
    out["picture"] = picture
    out["crop"] = interpolate(crop, size=(8, 10), mode="bilinear", align_corners=False, antialias=True)[0, 0]

    # Gram: two views of 4 x 6 patches of width 5; the Gram teacher sees twice the resolution and another width.
    generator = torch.Generator().manual_seed(seed + 12)
    student = torch.randn(2, 24, 5, generator=generator).requires_grad_()
    teacher = torch.randn(2, 8, 12, 7, generator=generator)
    resized = interpolate(teacher.permute(0, 3, 1, 2), size=(4, 6), mode="bicubic", align_corners=False, antialias=False)
    resized = resized.permute(0, 2, 3, 1).reshape(2, 24, 7)
    odd = interpolate(teacher.permute(0, 3, 1, 2), size=(5, 9), mode="bicubic", align_corners=False, antialias=False)
    student_unit, teacher_unit = normalize(student, dim=-1), normalize(resized, dim=-1)
    difference = student_unit @ student_unit.mT - teacher_unit @ teacher_unit.mT
    out |= {"gram.student": student, "gram.teacher": teacher.reshape(2, 96, 7), "gram.resized": resized}
    out["gram.resized.odd"] = odd.permute(0, 2, 3, 1).reshape(2, 45, 7)
    for name, value in [
        ("frobenius", difference.square().sum(dim=(1, 2)).mean()),
        ("mean", torch.nn.functional.mse_loss(student_unit @ student_unit.mT, teacher_unit @ teacher_unit.mT)),
    ]:
        out[f"gram.{name}.loss"] = value.reshape(1)
        out[f"gram.{name}.gradient"] = torch.autograd.grad(value, student, retain_graph=True)[0]
    return {key: value.detach().contiguous() for key, value in out.items()}


if __name__ == "__main__":
    path = Path(__file__).resolve().parents[2] / "Tests/PretrainingTests/Fixtures/self_distillation.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(values(0), path)
    print(path, path.stat().st_size, "bytes")
