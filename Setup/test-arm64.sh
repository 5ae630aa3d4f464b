#!/usr/bin/env bash
# The C kernels built for arm64 with Debian's libraries for it and run in QEMU, all fetched into
# .build/arm64 and never installed. The Swift modules above them have nothing of a processor's own.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$PWD/.build/arm64
root=$folder/root
if [ ! -d "$root" ]; then
  command -v apt-get >/dev/null || {
    echo "This is not a Debian system: its libraries for arm64 can't be fetched here" >&2
    exit 2
  }
  mkdir -p "$folder"/{debs,native/partial,foreign/partial,cache/archives/partial}
  # Lists of its own: the system's stay as they are, and need not be there.
  common="-qq -o APT::Sandbox::User=root -o Dir::Cache=$folder/cache"
  native="apt-get $common -o Dir::State::lists=$folder/native"
  foreign="apt-get $common -o Dir::State::lists=$folder/foreign -o APT::Architecture=arm64 -o APT::Architectures=arm64"
  $native update
  $foreign update
  (
    cd "$folder/debs"
    $foreign download libc6 libc6-dev linux-libc-dev libgcc-12-dev libgcc-s1 libgomp1
    $native download qemu-user-static
  )
  for package in "$folder"/debs/*.deb; do dpkg -x "$package" "$root.part"; done
  mv "$root.part" "$root"
fi
build="clang --target=aarch64-linux-gnu --sysroot=$root -fuse-ld=lld -O2 -Wall"
run="$root/usr/bin/qemu-aarch64-static -L $root"

kernels="-ISources/Elementary/include -ISources/Kernels/include Sources/Elementary/*.c -lgomp -lm
  $(echo Sources/Kernels/{Gemm,Memory,Pool,Threads,Dispatch,VariantBaseline,VariantAVX2,VariantAVX512}.c)"

$build $kernels Tests/KernelsCheck/check.c -o "$folder/kernels"
$build $kernels Tests/KernelsCheck/pool.c -o "$folder/pool"
$build $kernels -ITests/KernelBits/include Tests/KernelBits/*.c Tests/KernelsCheck/bits.c -o "$folder/kernel-bits"
$run "$folder/kernels"
$run "$folder/pool" 200
$run "$folder/kernel-bits" | diff Tests/TensorsTests/Fixtures/kernel-bits.txt -
echo "Kernels: the bits of the table"

# The same bits as on this machine, compiled for its oldest processors and for its own.
bits="-ISources/Elementary/include -ISources/Kernels/include Sources/Elementary/*.c Sources/Kernels/augmentation.c
  Sources/Kernels/resample.c Tests/SameBitsCheck/check.c -lm"
$build $bits -o "$folder/bits"
clang -O0 $bits -o "$folder/bits-here"
clang -O3 -march=native $bits -o "$folder/bits-native"
"$folder/bits-here" >"$folder/bits.txt"
"$folder/bits-native" | diff "$folder/bits.txt" -
$run "$folder/bits" | diff "$folder/bits.txt" -
echo "Elementary functions, augmentation and resampling: the same bits on arm64 as here"
