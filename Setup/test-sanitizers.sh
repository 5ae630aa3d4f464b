#!/usr/bin/env bash
# The C kernels under valgrind and under the address and undefined-behaviour sanitizers, the pool of threads under the thread
# sanitizer, then the engine's tests under each of the first two. What the toolchain or the machine lacks is said and left out;
# anything found is an error. `kernels` as argument: only the C code.
set -uo pipefail
cd "$(dirname "$0")/.."
mkdir -p .build/checks
export SEGBENCH_ENGINE_ONLY=1
failed=0
sources="-ISources/Elementary/include -ISources/Kernels/include Sources/Elementary/*.c Sources/Kernels/Gemm.c Sources/Kernels/Memory.c Sources/Kernels/Pool.c Sources/Kernels/Threads.c Sources/Kernels/Dispatch.c
  Sources/Kernels/VariantBaseline.c Sources/Kernels/VariantAVX2.c Sources/Kernels/VariantAVX512.c"
kernels="$sources Tests/KernelsCheck/check.c"

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

echo "== The pool of threads: thread sanitizer, waiting by futex and by condition"
# The thread sanitizer of Swift's own clang needs libdispatch beside it.
swift=$(dirname "$(dirname "$(readlink -f "$(command -v clang)")")")/lib/swift/linux
dispatch=$([ -e "$swift/libdispatch.so" ] && echo "-L$swift -Wl,-rpath,$swift -ldispatch -lBlocksRuntime")
if echo 'int main(void) { return 0; }' | clang -fsanitize=thread -x c - $dispatch -o .build/checks/probe 2>/dev/null; then
  for waiting in "" -DKERNELS_WITHOUT_FUTEX; do
    clang -O1 -g -fsanitize=thread $waiting $sources Tests/KernelsCheck/pool.c $dispatch -lgomp -lm -o .build/checks/pool || exit 1
    TSAN_OPTIONS=die_after_fork=0 timeout 600 .build/checks/pool 1000 || failed=1
  done
else
  echo "== The toolchain has no thread sanitizer: the pool runs without"
fi
for waiting in "" -DKERNELS_WITHOUT_FUTEX; do
  clang -O2 $waiting $sources Tests/KernelsCheck/pool.c -lgomp -lm -o .build/checks/pool || exit 1
  timeout 600 .build/checks/pool 10000 || failed=1
done
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
