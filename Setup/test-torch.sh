#!/usr/bin/env bash
# The tests of PyTorch's backend, over PyTorch's CPU: the plugin is compiled against PYTHON's PyTorch or, where none is named, against
# one of its own in .torch, which is fetched. Skipped, with a message, where PyTorch cannot be had.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ -z "${PYTHON:-}" ]; then
  PYTHON=$PWD/.torch/bin/python
  if ! "$PYTHON" -c 'import torch' 2>/dev/null; then
    echo "== Fetching PyTorch into .torch"
    python3 -m venv .torch 2>/dev/null &&
      { .torch/bin/pip install --quiet torch==2.13.0+cpu numpy 2>/dev/null || .torch/bin/pip install --quiet torch numpy; } || {
      echo "PyTorch's backend is not tested: PyTorch cannot be had here."
      exit 0
    }
  fi
fi
if ! plugin=$(bash Plugins/Torch/build.sh "$PYTHON"); then
  "$PYTHON" -c 'import torch' 2>/dev/null && exit 1
  echo "PyTorch's backend is not tested: $PYTHON has no PyTorch."
  exit 0
fi

swift build -c release --build-tests
SEGBENCH_REQUIRE_TORCH=1 SEGBENCH_TORCH_PLUGIN=$plugin swift test -c release --skip-build --filter "${TESTS:-Torch}"

# Python's autocast computes the same network to the same bits.
autocast=$(mktemp)
SEGBENCH_AUTOCAST=$autocast SEGBENCH_TORCH_PLUGIN=$plugin swift test -c release --skip-build --filter TorchPrecisionTests >/dev/null
"$PYTHON" Benchmarks/peers/parity/autocast.py "$autocast"
rm -f "$autocast"

# The plugin's symbols are bound to its own libraries, and not to the engine's BLAS.
segbench=$PWD/.build/release/segbench
bindings=$(LD_DEBUG=bindings SEGBENCH_TORCH_PLUGIN=$plugin "$segbench" doctor 2>&1 >/dev/null | grep -E 'file [^ ]*libtorch[^ ]* .* to [^ ]*libopenblas' | head -n 3 || true)
[ -z "$bindings" ] || { echo "PyTorch's calls of BLAS reach the system's:" >&2; echo "$bindings" >&2; exit 1; }

echo "== Table 1 at the quick profile on PyTorch"
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
cp -r Recipes "$home/Recipes"
cd "$home"
export SEGBENCH_TORCH_PLUGIN=$plugin SEGBENCH_DEVICE=torch
"$segbench" run meddinov3/table1 --profile quick
"$segbench" report meddinov3/table1 --profile quick >table.md
[ "$(grep -cE '^\| +[1-4] \|' table.md)" -ge 4 ] || { cat table.md; echo "the table lacks rows" >&2; exit 1; }
grep -q "PyTorch" table.md || { cat table.md; echo "the table does not say what computed it" >&2; exit 1; }
cat table.md
