"""The four predictors that know only where training labels lie, in NumPy, from the rules in words: every threshold is tried
for every class on the voxels themselves. The fixture of Tests/EvaluationTests/PositionPredictorTests.swift.

    python Benchmarks/peers/position_predictors.py
"""

import json
import pathlib

import numpy as np

TARGET = pathlib.Path(__file__).parents[2] / "Tests/EvaluationTests/Fixtures/position_predictors.json"
GRID = (3, 4, 4)
LABELS = 4


def places(shape, grid):
    index = [np.arange(extent) * places // extent for extent, places in zip(shape, grid)]
    z, y, x = np.meshgrid(*index, indexing="ij")
    return (z * grid[1] + y) * grid[2] + x


def dice(a, b):
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def predictors(volumes, grid):
    count = int(np.prod(grid))
    maps = [places(v.shape, grid) for v in volumes]
    voxels = np.array([[sum(((m == p) & (v == c)).sum() for m, v in zip(maps, volumes)) for c in range(LABELS)]
                       for p in range(count)])
    shares = voxels / np.maximum(voxels.sum(1, keepdims=True), 1)
    thresholds = [None]
    for c in range(1, LABELS):
        best = None
        for threshold in sorted(set(shares[:, c]) - {0.0}, reverse=True):
            chosen = shares[:, c] >= threshold
            mean = np.mean([dice(chosen[m], v == c) for m, v in zip(maps, volumes) if (v == c).any()])
            if best is None or mean > best[0] + 1e-12:
                best = (mean, threshold)
        thresholds.append(None if best is None else best[1])
    thresholded = []
    for p in range(count):
        ratios = [(-shares[p, c] / t, c) for c, t in enumerate(thresholds) if t is not None and shares[p, c] >= t]
        thresholded.append(min(ratios)[1] if ratios else 0)
    return voxels.argmax(1).tolist(), thresholds, thresholded


def main():
    random = np.random.default_rng(3)
    volumes = []
    for shape in [(4, 8, 8), (3, 9, 7), (6, 8, 5), (2, 4, 4), (5, 11, 6)]:
        z, y, x = np.meshgrid(*[(np.arange(n) + 0.5) / n for n in shape], indexing="ij")
        labels = np.zeros(shape, np.int16)
        for label, centre, radius in [(1, (0.3, 0.3, 0.3), 0.3), (2, (0.7, 0.6, 0.6), 0.34), (3, (0.5, 0.8, 0.3), 0.18)]:
            if label == 3 and len(volumes) == 1:
                continue  # a case without the class
            moved = [c + random.normal() * 0.08 for c in centre]
            labels[(z - moved[0]) ** 2 + (y - moved[1]) ** 2 + (x - moved[2]) ** 2 < radius**2] = label
        volumes.append(labels)
    result = {
        "grid": GRID, "labels": LABELS,
        "volumes": [{"shape": v.shape, "labels": v.ravel().tolist()} for v in volumes],
    }
    for name, grid in [("with_height", GRID), ("without_height", (1, *GRID[1:]))]:
        majority, thresholds, thresholded = predictors(volumes, grid)
        result[name] = {"majority": majority, "thresholds": thresholds, "thresholded": thresholded}
        print(name, majority, thresholds, thresholded)
    TARGET.write_text(json.dumps(result, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
