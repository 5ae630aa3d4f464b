#!/usr/bin/env bash
# The C kernels and the convolutions' shim built for arm64 with Debian's libraries for it and run in QEMU, all fetched into
# .build/arm64 and never installed. The Swift modules above them have nothing of a processor's own.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$PWD/.build/arm64
root=$folder/root
mkdir -p "$folder"/{debs,lists/partial,cache/archives/partial}
if [ ! -d "$root" ]; then
  foreign="apt-get -qq -o APT::Sandbox::User=root -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o Dir::State::lists=$folder/lists -o Dir::Cache=$folder/cache"
  $foreign update
  (
    cd "$folder/debs"
    $foreign download libc6 libc6-dev linux-libc-dev libgcc-12-dev libgcc-s1 libgomp1 libstdc++6 libdnnl-dev libdnnl2
    apt-get -qq -o APT::Sandbox::User=root download qemu-user-static
  )
  for package in "$folder"/debs/*.deb; do dpkg -x "$package" "$root.part"; done
  mv "$root.part" "$root"
fi
build="clang --target=aarch64-linux-gnu --sysroot=$root -fuse-ld=lld -O2 -Wall"
run="$root/usr/bin/qemu-aarch64-static -L $root"

$build -ISources/Kernels/include Sources/Kernels/{Gemm,Threads,Dispatch,VariantBaseline,VariantAVX2,VariantAVX512}.c \
  Tests/KernelsCheck/check.c -lgomp -lm -o "$folder/kernels"
$build -ISources/COneDNN/include Sources/COneDNN/COneDNN.c Tests/COneDNNCheck/check.c -ldnnl -lgomp -lm -lpthread \
  -o "$folder/onednn"
$run "$folder/kernels"
$run "$folder/onednn"
