#!/usr/bin/env bash
# The C kernels under valgrind and under the address and undefined-behaviour sanitizers, then the engine's tests under each of the
# two. What the toolchain or the machine lacks is said and left out; anything found is an error. `kernels` as argument: only the first.
set -uo pipefail
cd "$(dirname "$0")/.."
mkdir -p .build/checks
export SEGBENCH_ENGINE_ONLY=1
failed=0
kernels="-ISources/Kernels/include Sources/Kernels/Gemm.c Sources/Kernels/Memory.c Sources/Kernels/Threads.c Sources/Kernels/Dispatch.c
  Sources/Kernels/VariantBaseline.c Sources/Kernels/VariantAVX2.c Sources/Kernels/VariantAVX512.c Tests/KernelsCheck/check.c"

echo "== C kernels: address and undefined-behaviour sanitizers"
clang -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all $kernels -lgomp -lm -o .build/checks/sanitized 2>/dev/null || exit 1
.build/checks/sanitized || failed=1

if command -v valgrind >/dev/null; then
  echo "== C kernels: valgrind"
  clang -O2 -gdwarf-4 $kernels -lgomp -lm -o .build/checks/plain || exit 1
  # libgomp keeps its threads' memory to the end: possible leaks are its.
  valgrind --quiet --error-exitcode=1 --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite .build/checks/plain || failed=1
else
  echo "== C kernels: valgrind is not installed, left out"
fi
[ "${1:-}" = kernels ] && exit $failed

for sanitizer in address undefined; do
  if ! echo 'print(1)' | swiftc -sanitize=$sanitizer - -o .build/checks/probe 2>/dev/null; then
    echo "== The toolchain has no $sanitizer sanitizer: left out"
    continue
  fi
  echo "== Building the tests with the $sanitizer sanitizer (in .build/$sanitizer)"
  if ! swift build -c release --sanitize=$sanitizer --build-tests --scratch-path .build/$sanitizer > .build/$sanitizer.log 2>&1; then
    grep -m3 error .build/$sanitizer.log
    failed=1
    continue
  fi
  # Swift's runtime keeps memory until the end: that is no leak of ours.
  ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
    swift test -c release --sanitize=$sanitizer --skip-build --scratch-path .build/$sanitizer --filter TensorsTests || failed=1
done
exit $failed
