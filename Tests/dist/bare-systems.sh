#!/usr/bin/env bash
# The tarball of `make dist` in systems that debootstrap makes, with the libraries that it names and nothing else: doctor, Table 1 at
# the quick profile to the bits of the program here, memory that is refused. Then the steps of the Dockerfile and of Apptainer's
# definitions in such systems in place of their images. Skipped where debootstrap or root is missing. Leaves nothing behind.
# Usage: bare-systems.sh [bookworm] [trixie] [jammy]   (bookworm and trixie; jammy has the steps of the CUDA images, on PyTorch from PyPI)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(realpath "$here/../..")
. "$here/steps.sh"
[ "$(id -u)" -eq 0 ] && command -v debootstrap >/dev/null || {
  echo "skipped: bare systems are made by root with debootstrap (Debian: apt-get install debootstrap)"
  exit 0
}
suites=("$@")
[ ${#suites[@]} -gt 0 ] || suites=(bookworm trixie)
tarball=$(ls -t "$repository"/dist/segbench-*.tar.gz | head -n 1)
work=$(mktemp -d)
trap 'rm -rf --one-file-system "$work"' EXIT
# The block of Docs/cluster.md that unpacks the tarball, installs what LIBRARIES names, and runs.
commands=$(sed -n '/^    tar -xzf segbench/,/^$/p' "$repository/Docs/cluster.md")
[ "$(wc -l <<<"$commands")" -eq 4 ] || { echo "Docs/cluster.md has another block about the tarball" >&2; exit 1; }
fail() { echo "make test-dist: $*" >&2; exit 1; }

# What a table comes to: its cells but the times, and the weights' digests.
results() { # SEGBENCH, in a folder with Recipes
  "$1" run meddinov3/table1 --profile quick >run.txt 2>&1 || { tail -n 20 run.txt >&2; return 1; }
  "$1" report meddinov3/table1 --profile quick --output report >/dev/null
  cut -d , -f 1-26 report/table1.csv
  (cd runs && sha256sum */weights.safetensors | sort)
}

echo "== Table 1 at the quick profile, by the program here"
mkdir "$work/here"
cp -r "$repository/Recipes" "$work/here/"
(cd "$work/here" && results "$repository/.build/release/segbench" >results.txt 2>/dev/null)

for suite in "${suites[@]}"; do
  root=$work/$suite
  case $suite in jammy | noble) mirror=http://archive.ubuntu.com/ubuntu ;; *) mirror=http://deb.debian.org/debian ;; esac
  echo "== $suite"
  debootstrap --variant=minbase $([[ $mirror != *ubuntu* ]] || echo --components=main,universe) "$suite" "$root" "$mirror" >"$work/debootstrap.log" 2>&1 ||
    { tail -n 3 "$work/debootstrap.log"; echo "skipped: $mirror does not give $suite"; continue; }

  cp "$tarball" "$root/opt/"
  inside "$root" / "apt-get update -qq"
  inside "$root" /opt "set -e; $commands" >"$work/$suite.log" 2>&1 || { tail "$work/$suite.log"; fail "$suite: the commands of Docs/cluster.md"; }
  rm "$root"/opt/segbench-*.tar.gz
  mv "$root"/opt/segbench-* "$root/opt/segbench"
  grep -E '^(commit|system|HDF5) ' "$work/$suite.log"
  { declare -f results; echo 'results bin/segbench'; } >"$root/opt/results.sh"
  inside "$root" /opt/segbench "bash /opt/results.sh" >"$work/$suite.txt" 2>/dev/null || fail "$suite: there is no report"
  diff "$work/here/results.txt" "$work/$suite.txt" || fail "$suite: the table or the weights are not those of the program here"
  echo "$suite: the table's cells and $(grep -c safetensors "$work/$suite.txt") runs' weights are those of the program here"
  code=0
  inside "$root" /tmp "ulimit -v 2000000; /opt/segbench/bin/segbench dataset phantom lits phantoms --size 1024,1024,500" >"$work/memory.txt" 2>&1 || code=$?
  [ "$code" -eq 1 ] && grep -q '^segbench: out of memory' "$work/memory.txt" || fail "memory that is refused: $code $(tail -n 3 "$work/memory.txt")"
  grep -qaF "$(cat "$root/opt/segbench/COMMIT")" "$root"/opt/segbench/runs/*/run.h5 || fail "the runs do not say of which commit the program is"

  # The images' steps, in a system as it was before: nothing of the above is left but installed packages.
  rm -rf "$root/opt/segbench"
  case $suite in
    bookworm) images=cpu ;;
    jammy) images=cuda ;;
    *) continue ;;
  esac
  [ "$images" = cpu ] || pytorch "$root"
  unpacked=$work/build
  mkdir -p "$unpacked/opt/segbench"
  tar -xzf "$tarball" -C "$unpacked/opt/segbench" --strip-components=1
  docker_stage "$repository/Dockerfile" "$images" "$root" "$unpacked" || fail "the Dockerfile's steps of $images"
  rm -rf "$root/opt/segbench"
  apptainer_definition "$repository/Setup/apptainer/$images.def" "$root" "$repository" || fail "the steps of $images.def"
done
