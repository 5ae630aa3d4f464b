#!/usr/bin/env bash
# COneDNN is one file for oneDNN 2 and 3, whose C interfaces differ. This builds it against the installed version and against
# version 3 from PyPI (in .build/onednn3, never installed), and compares both with a convolution's definition.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=.build/onednn3
package=2023.2.0
mkdir -p $folder
if [ ! -d $folder/wheel ]; then
  python3 -m pip download --quiet --no-deps --dest $folder onednn-devel-cpu-gomp==$package onednn-cpu-gomp==$package
  for wheel in $folder/*.whl; do python3 -m zipfile -e "$wheel" $folder/wheel; done
fi
include=$folder/wheel/onednn_devel_cpu_gomp-$package.data/data/include
library=$PWD/$folder/wheel/onednn_cpu_gomp-$package.data/data/lib
sources="-O1 -Wall -Wextra -ISources/COneDNN/include Sources/COneDNN/COneDNN.c Tests/COneDNNCheck/check.c"
clang $sources -ldnnl -lgomp -lm -lpthread -o $folder/check2
clang -I$include $sources -L"$library" -Wl,-rpath,"$library" -ldnnl -lgomp -lm -lpthread -o $folder/check3
$folder/check2
$folder/check3
