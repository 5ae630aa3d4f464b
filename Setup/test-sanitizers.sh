#!/usr/bin/env bash
# The engine's operations under the address and undefined-behaviour sanitizers, and its C kernels under valgrind. What the
# toolchain or the machine lacks is said and left out; anything found is an error.
set -uo pipefail
cd "$(dirname "$0")/.."
failed=0

# SwiftPM passes no -fsanitize=undefined to C targets' linking on its own; the runtime comes with the flag.
for sanitizer in address undefined; do
  echo "== Building the tests with the $sanitizer sanitizer (release, in .build/$sanitizer)"
  if ! swift build -c release --sanitize=$sanitizer --build-tests --scratch-path .build/$sanitizer > .build/$sanitizer.log 2>&1; then
    tail -5 .build/$sanitizer.log
    echo "== The $sanitizer sanitizer does not build here: left out"
    continue
  fi
  # Swift's runtime and libgomp keep memory until the end: that is no leak of ours.
  ASAN_OPTIONS=detect_leaks=0:halt_on_error=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
    swift test -c release --sanitize=$sanitizer --skip-build --scratch-path .build/$sanitizer --filter TensorsTests || failed=1
done
exit $failed
