#!/usr/bin/env bash
# Installs the system libraries that are missing, and nothing when none is.
set -euo pipefail

packages=(
  libopenblas-openmp-dev # products in double precision, in which the tests check gradients
  libhdf5-dev    # case stores and run.h5
  libnifti-dev   # volumes
  libyaml-dev    # recipes
  libpng-dev     # pictures
  libzip-dev     # PyTorch checkpoints
  zlib1g-dev     # .nii.gz, chunks of prepared cases
  libssl-dev     # SHA-256
  pkg-config
)

if ! command -v swift >/dev/null; then
  echo "SegBench needs Swift 6.3 or later on the PATH: see https://www.swift.org/install/linux/" >&2
  exit 2
fi

if ! command -v dpkg-query >/dev/null; then
  echo "This is not a Debian system: install the counterparts of these packages yourself, then go on: ${packages[*]}" >&2
  exit 0
fi

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

echo "== Installing system libraries: ${missing[*]}"
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || {
    echo "These packages are missing and neither root nor sudo is at hand: ${missing[*]}" >&2
    exit 2
  }
  as_root=(sudo)
fi
"${as_root[@]}" apt-get update -qq
DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq "${missing[@]}" >/dev/null
