#!/usr/bin/env bash
# usage: build.sh PYTHON
# Compiles the plugin against that Python's PyTorch, with one call of the C++ compiler, into the user's cache; prints the folder.
set -euo pipefail
cd "$(dirname "$0")"
python=${1:-python3}
command -v "$python" >/dev/null || { echo "torch-plugin: there is no $python: make torch-plugin PYTHON=/path/to/python" >&2; exit 2; }
compiler=${CXX:-g++}
command -v "$compiler" >/dev/null || { echo "torch-plugin: there is no C++ compiler $compiler (Debian: apt-get install g++)" >&2; exit 2; }

facts=$("$python" - <<'P'
import os
try:
    import torch
except ImportError:
    raise SystemExit("none")
folder = os.path.dirname(torch.__file__)
cuda = torch.version.cuda or ""
print(torch.__version__, folder, int(torch._C._GLIBCXX_USE_CXX11_ABI), cuda, sep="\n")
P
) 2>/dev/null || { echo "torch-plugin: $python has no PyTorch: $python -m pip install torch" >&2; exit 2; }
{ read -r version; read -r torch; read -r abi; read -r cuda || true; } <<<"$facts"
case $version in
  1.* | 2.[0-3] | 2.[0-3].*) echo "torch-plugin: $python has PyTorch $version; the plugin needs 2.4 or newer" >&2; exit 2 ;;
esac

# PyTorch's headers ask for C++20 since 2.10 or so, and older ones do not compile with it.
case $version in
  2.[0-9].*) standard=c++17 ;;
  *) standard=c++20 ;;
esac

# The libraries are found by PyTorch's folder, so another PyTorch of the same version needs a plugin of its own.
digest=$({ printf '%s\n' "$torch" "$abi"; cat -- *.cpp *.h include/*.h; } | sha256sum | cut -c 1-12)
folder=${XDG_CACHE_HOME:-$HOME/.cache}/segbench/torch/$version-$digest
if [ ! -e "$folder/segtorch.so" ]; then
  mkdir -p "$folder"
  libraries="-ltorch_cpu -lc10"
  # Nothing calls into it, but CUDA's operations are there only where it is loaded.
  [ -z "$cuda" ] || libraries="-ltorch_cuda $libraries"
  echo "== Compiling the plugin for PyTorch $version (about a minute)" >&2
  # shellcheck disable=SC2086
  "$compiler" -std=$standard -O1 -fPIC -shared -fvisibility=hidden -fvisibility-inlines-hidden -Wall -Wno-unused -Wno-maybe-uninitialized \
    -D_GLIBCXX_USE_CXX11_ABI="$abi" -Iinclude -I"$torch/include" -I"$torch/include/torch/csrc/api/include" Plugin.cpp -o "$folder/new.so" \
    -L"$torch/lib" -Wl,-rpath,"$torch/lib" -Wl,--no-as-needed $libraries -Wl,--as-needed -Wl,-z,defs -Wl,--allow-shlib-undefined
  printf '%s\n%s\n%s\n%s\n' "$version" "$torch" "$(command -v "$python")" "$(sed -n 's/^#define SEGTORCH_INTERFACE //p' include/SegTorch.h)" >"$folder/pytorch"
  mv "$folder/new.so" "$folder/segtorch.so"
fi
# The newest is the one in use.
touch "$folder"
echo "$folder"
