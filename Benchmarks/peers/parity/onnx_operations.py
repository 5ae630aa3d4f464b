"""ONNX models of single operations in onnxruntime beside the engine's outputs.

    python Benchmarks/peers/parity/onnx_operations.py FOLDER

Called by ONNXOperationTests, which writes NAME.onnx and NAME.safetensors (`expected`). Each model is checked with onnx's checker, shapes
and types inferred; prints a line a model: the largest difference over the largest value. Ends with 1 when one is above 1e-5.
"""

import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
from safetensors.numpy import load_file

TOLERANCE = 1e-5
failed = 0
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.onnx")):
    onnx.checker.check_model(onnx.load(path), full_check=True)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (found,) = session.run(["logits"], {"image": np.zeros((1, 1, 1, 1), np.float32)})
    expected = load_file(path.with_suffix(".safetensors"))["expected"]
    same = found.shape == expected.shape
    difference = float(np.abs(found - expected).max() / max(np.abs(expected).max(), 1e-30)) if same else float("inf")
    failed += not difference <= TOLERANCE
    print(f"{path.stem}: {found.shape}, {difference:.1e}")
print(f"{failed} above {TOLERANCE:.0e}; onnxruntime {onnxruntime.__version__}")
sys.exit(failed > 0)
