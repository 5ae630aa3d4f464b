"""The logits of exported ONNX models in onnxruntime beside the engine's, for one row of each kind of network.

    python Benchmarks/peers/parity/onnx_models.py [--segbench .build/release/segbench] [--output FILE] [RECIPE ...]

Runs the recipes at the quick profile in a folder of its own (finished ones are not run again), exports each with
`segbench export onnx --sample`, checks the model with onnx's checker, and prints the largest difference of the logits over their
largest value. Ends with 1 when one is above 1e-4.
"""

import argparse
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
from quick_runs import ROOT, workspace
from safetensors.numpy import load_file

TOLERANCE = 1e-4
ROWS = [
    "Recipes/meddinov3/table2/amos22-nnu-net.yaml",
    "Recipes/meddinov3/table2/amos22-segformer.yaml",
    "Recipes/meddinov3/table2/amos22-dino-u-net.yaml",
    "Recipes/meddinov3/table1/1-random-init-640.yaml",
    "Recipes/meddinov3/table1/4-dinov3-multi-scale-896.yaml",
]

arguments = argparse.ArgumentParser()
arguments.add_argument("--segbench", default=str(ROOT / ".build/release/segbench"))
arguments.add_argument("--output")
arguments.add_argument("recipes", nargs="*", default=ROWS)
options = arguments.parse_args()
worst = 0.0
lines = []


def say(line):
    print(line, flush=True)
    lines.append(line)


say("# ONNX models\n\nWritten by `make bench-parity` (`Benchmarks/peers/parity/onnx_models.py`): exported models of rows trained at the quick profile.\n")
with workspace(options.segbench) as (home, run):
    say("| Recipe | Nodes | MiB | Logits | Difference |")
    say("| --- | ---: | ---: | --- | ---: |")
    for recipe in options.recipes:
        run("run", recipe, "--profile", "quick")
        run("export", "onnx", recipe, "--profile", "quick", "--output", "model.onnx", "--sample", "sample.safetensors")
        model = onnx.load(home / "model.onnx")
        onnx.checker.check_model(model, full_check=True)
        sample = load_file(home / "sample.safetensors")
        session = onnxruntime.InferenceSession(str(home / "model.onnx"), providers=["CPUExecutionProvider"])
        (logits,) = session.run(["logits"], {"image": sample["image"]})
        difference = float(np.abs(logits - sample["logits"]).max() / np.abs(sample["logits"]).max())
        worst = max(worst, difference)
        size = (home / "model.onnx").stat().st_size / 2**20
        shape = " x ".join(map(str, logits.shape))
        say(f"| {pathlib.Path(recipe).stem} | {len(model.graph.node)} | {size:.1f} | {shape} | {difference:.1e} |")
say(f"\nonnxruntime {onnxruntime.__version__}, onnx {onnx.__version__}; largest difference {worst:.1e}, bound {TOLERANCE:.0e}")
if options.output:
    pathlib.Path(options.output).write_text("\n".join(lines) + "\n")
sys.exit(worst > TOLERANCE)
