"""Exported curves and scores as TensorBoard and MLflow read them, beside run.h5's.

    python Benchmarks/peers/parity/dashboards.py [--segbench .build/release/segbench]

Trains one row at the quick profile, exports it with `segbench export tensorboard` and `export mlflow`, and compares the training
losses that the two programs read with the run's own. Needs tensorboard and mlflow-skinny. Ends with 1 when a value differs.
"""

import argparse
import json
import sys

import mlflow
import numpy as np
import tensorboard.version
from quick_runs import ROOT, workspace
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

RECIPE = "Recipes/meddinov3/table1/1-random-init-640.yaml"

arguments = argparse.ArgumentParser()
arguments.add_argument("--segbench", default=str(ROOT / ".build/release/segbench"))
with workspace(arguments.parse_args().segbench) as (home, run):
    words = [RECIPE, "--profile", "quick"]
    folder = run("run", *words).splitlines()[-1]
    own = [json.loads(line)["training_loss"] for line in open(f"{folder}/metrics.jsonl")]
    events = run("export", "tensorboard", *words, "--output", "dashboard")
    accumulator = EventAccumulator(events)
    accumulator.Reload()
    board = [event.value for event in accumulator.Scalars("loss/training")]
    run("export", "mlflow", *words, "--output", "mlruns", "--experiment", "a test")
    client = mlflow.MlflowClient(tracking_uri=(home / "mlruns").as_uri())
    (found,) = client.search_runs([client.get_experiment_by_name("a test").experiment_id])
    flow = [metric.value for metric in client.get_metric_history(found.info.run_id, "loss/training")]
    same = board == [float(np.float32(value)) for value in own] and flow == own and "recipe" in accumulator.Tags()["tensors"]
    print(
        f"TensorBoard {tensorboard.version.VERSION}, MLflow {mlflow.__version__}: {len(board)} and {len(flow)} losses, "
        f"{len(accumulator.Tags()['scalars'])} and {len(found.data.metrics)} series, {len(found.data.params)} parameters; "
        + ("equal to the run's" if same else "NOT the run's")
    )
sys.exit(not same)
