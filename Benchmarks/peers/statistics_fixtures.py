"""SciPy's signed-rank test, BCa interval, t distribution and corrections on fixed inputs: the fixture of
Tests/EvaluationTests/StatisticsTests.swift.

    python Benchmarks/peers/statistics_fixtures.py
"""

import json
import pathlib

import numpy as np
import scipy
from scipy import stats

OUTPUT = pathlib.Path(__file__).parents[2] / "Tests/EvaluationTests/Fixtures/statistics.json"
random = np.random.default_rng(20261125)


def wilcoxon():
    """Small and large, with and without ties and zeros: every branch of method="auto"."""
    inputs = [[0.3], [0.5, -0.25], [1, 2, 3, 4], [0, 0, 0], [0, 0, 0, 1.5], [1, 1, 1, 1, -1, 2]]
    for n in (5, 12, 13, 14, 30, 50, 51, 80):
        inputs.append((random.normal(0.3, 1, n)).tolist())
        inputs.append((np.round(random.normal(0.2, 1, n) * 2) / 2).tolist())
    cases = []
    for values in inputs:
        result = stats.wilcoxon(values, correction=False, method="auto") if any(values) or len(values) <= 13 else None
        cases.append({"differences": values, "statistic": float(result.statistic), "p": float(result.pvalue)})
    return cases


def bca():
    """The interval for one fixed bootstrap distribution each."""
    cases = []
    for n in (4, 9, 25):
        values = random.gamma(1.2, 1, n) - 0.8
        samples = values[random.integers(0, n, (300, n))].mean(axis=1)
        jackknife = np.array([np.delete(values, i).mean() for i in range(n)])

        from scipy.stats import _resampling

        low, high, _ = _resampling._bca_interval(
            (values,), lambda x, axis: np.mean(x, axis=axis), -1, 0.025, samples, 300, np
        )
        interval = [np.percentile(samples, 100 * float(p)) for p in (np.squeeze(low), np.squeeze(high))]
        cases.append({"values": values.tolist(), "samples": samples.tolist(), "jackknife": jackknife.tolist(),
                      "interval": [float(v) for v in interval]})
    whole = []
    for n in (6, 20, 60):
        values = random.gamma(1.5, 1, n) - 1
        result = stats.bootstrap((values,), np.mean, n_resamples=400_000, method="BCa", rng=1, batch=10_000)
        whole.append({"values": values.tolist(), "interval": [float(v) for v in result.confidence_interval],
                      "error": float(result.standard_error)})
    return cases, whole


def holm(p):
    """Holm 1979, step by step: the hypothesis of rank k falls while p_(k) (m - k + 1) stays below the level."""
    m = len(p)
    order = np.argsort(p, kind="stable")
    adjusted = np.minimum(1, np.maximum.accumulate(np.asarray(p)[order] * (m - np.arange(m))))
    out = np.empty(m)
    out[order] = adjusted
    return out.tolist()


def welch():
    cases = []
    for n, m in ((2, 2), (3, 5), (8, 4)):
        a, b = random.normal(0.85, 0.01, n), random.normal(0.84, 0.03, m)
        interval = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
        cases.append({"a": a.tolist(), "b": b.tolist(), "interval": [float(interval.low), float(interval.high)]})
    return cases


def shares():
    """Variance components from the sums of squares of nested least-squares fits."""
    cases = []
    for seeds, n, spread in ((3, 7, 0.5), (2, 4, 0.0), (5, 20, 2.0)):
        y = (random.normal(0, 1, (1, n)) + spread * random.normal(0, 1, (seeds, 1)) + 0.3 * random.normal(0, 1, (seeds, n)))
        s, c = (axis.ravel() for axis in np.meshgrid(np.arange(seeds), np.arange(n), indexing="ij"))
        one, by_seed, by_case = np.ones((y.size, 1)), np.eye(seeds)[s], np.eye(n)[c]

        def residual(*parts):
            design = np.hstack(parts)
            fit = design @ np.linalg.lstsq(design, y.ravel(), rcond=None)[0]
            return float(((y.ravel() - fit) ** 2).sum())

        rest = residual(one, by_seed, by_case)
        mean_rest = rest / ((seeds - 1) * (n - 1))
        seed = max(0.0, ((residual(one, by_case) - rest) / (seeds - 1) - mean_rest) / n)
        case = max(0.0, ((residual(one, by_seed) - rest) / (n - 1) - mean_rest) / seeds)
        total = seed + case + mean_rest
        cases.append({"scores": y.tolist(), "cases": case / total, "seeds": seed / total, "rest": mean_rest / total})
    return cases


def main():
    intervals, whole = bca()
    p = [float(v) for v in random.uniform(0, 0.2, 12)] + [0.01, 0.01]
    freedoms = [1, 2, 2.5, 7, 31.7, 200]
    result = {
        "scipy": scipy.__version__,
        "wilcoxon": wilcoxon(),
        "bca": intervals,
        "bootstrap": whole,
        "holm": {"p": p, "corrected": holm(p)},
        "student": [
            {"freedom": f, "t": t, "cumulative": float(stats.t.cdf(t, f)), "quantile": float(stats.t.ppf(0.975, f))}
            for f in freedoms for t in (-3.1, -0.2, 0.0, 1.7, 12.0)
        ],
        "normal": [{"p": q, "quantile": float(stats.norm.ppf(q))} for q in (1e-12, 0.001, 0.025, 0.31, 0.5, 0.8, 0.9999)],
        "welch": welch(),
        "shares": shares(),
    }
    OUTPUT.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
