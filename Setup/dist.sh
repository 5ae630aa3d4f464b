#!/usr/bin/env bash
# usage: dist.sh [FOLDER]
# Writes FOLDER/segbench-VERSION-linux-ARCH.tar.gz (dist): the release with the Swift runtime and HDF5 linked in, and beside it
# libzip, since both have another soname in Debian 12 than in 13. Its file LIBRARIES names the Debian packages with the others.
# Build it on Debian 12: what is built on a newer one asks for the newer C library. Prints the tarball's path.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(realpath -m "${1:-dist}")
scratch=$PWD/.build/dist
own=$scratch/linked-in
command -v dpkg-query >/dev/null || { echo "make dist needs Debian, whose packages the tarball names" >&2; exit 2; }
git rev-parse --verify -q HEAD >/dev/null || { echo "make dist needs a git checkout: the tarball has its tracked files" >&2; exit 2; }

# HDF5 as a static library. It answers for memory that it is refused, unlike Swift's runtime, and so calls the C library's allocator
# itself (Sources/Allocation).
hdf5=$(pkg-config --libs-only-L hdf5 | sed 's/^-L//; s/ *$//')
system=/usr/lib/$(gcc -print-multiarch)
rm -rf "$own"
mkdir -p "$own"
(
  cd "$own"
  printf 'CREATE all.a\nADDLIB %s\nADDLIB %s\nADDLIB %s\nSAVE\nEND\n' "$hdf5/libhdf5.a" "$system/libsz.a" "$system/libaec.a" | ar -M
  objcopy $(printf -- '--redefine-sym %s=__libc_%s ' malloc malloc calloc calloc realloc realloc) all.a libhdf5.a
  rm all.a
)
cat >"$own/hdf5.pc" <<P
Name: hdf5
Description: HDF5, linked in
Version: $(pkg-config --modversion hdf5)
Cflags: $(pkg-config --cflags hdf5)
Libs: -L$own -lhdf5
P

echo "== Building SegBench with the Swift runtime linked in (release)" >&2
rm -f "$scratch/release/segbench"
# Foundation's own use of mktemp makes the linker warn.
PKG_CONFIG_PATH=$own swift build -c release --product segbench --scratch-path "$scratch" --static-swift-stdlib \
  -Xlinker -rpath -Xlinker '$ORIGIN/../lib' -Xlinker -s | grep -v mktemp >&2

version=$("$scratch/release/segbench" --version | cut -d ' ' -f 2)
name=segbench-$version-linux-$(uname -m)
stage=$scratch/$name
rm -rf "$stage"
mkdir -p "$stage/bin" "$stage/lib" "$stage/licences"
git ls-files -z Recipes Docs Results Plugins README.md REPRODUCING.md CHANGELOG.md SECURITY.md CONTRIBUTING.md CITATION.cff LICENSE |
  tar --null --files-from - -c | tar -x -C "$stage"
cp "$scratch/release/segbench" "$stage/bin/"
commit=$(git rev-parse HEAD)
[ -z "$(git status --porcelain -- Sources Recipes Package.swift)" ] || commit+=" with changes"
echo "$commit" >"$stage/COMMIT"

# The package of the file that the loader takes for a soname.
owner() {
  local file
  file=$(realpath "$(ldconfig -p | sed -n "s|^[[:space:]]$1 .*x86-64.* => ||p; s|^[[:space:]]$1 .*AArch64.* => ||p" | head -n 1)")
  { dpkg-query -S "$file" 2>/dev/null || dpkg-query -S "${file#/usr}"; } | sed 's/:.*//' | head -n 1
}
needed() { objdump -p "$@" | sed -n 's/^ *NEEDED *//p' | sort -u; }

cp "$(realpath "$system/libzip.so.4")" "$stage/lib/libzip.so.4"
packages=()
for library in $(needed "$stage/bin/segbench" "$stage/lib/libzip.so.4"); do
  case $library in
    libzip.so.4 | libc.so.6 | libm.so.6 | ld-linux-*) continue ;;
  esac
  package=$(owner "$library")
  [ -n "$package" ] || { echo "make dist: no package has $library" >&2; exit 1; }
  packages+=("$package")
done
glibc=$(objdump -T "$stage/bin/segbench" "$stage/lib/libzip.so.4" | grep -o '(GLIBC_[0-9.]*' | sed 's/.*_//' | sort -V | tail -n 1)
{
  echo "# What segbench needs: glibc $glibc or newer and the C libraries of these packages, here as Debian 12 and 13 name them:"
  echo "# apt-get install -y --no-install-recommends \$(grep -v '^#' LIBRARIES)"
  printf '%s\n' "${packages[@]}" | sort -u
} >"$stage/LIBRARIES"

# What is linked in or beside the program has its owners' licences.
cp "$(dirname "$(readlink -f "$(command -v swift)")")/../share/swift/LICENSE.txt" "$stage/licences/Swift"
for package in libhdf5-dev libaec-dev libzip4; do cp "/usr/share/doc/$package/copyright" "$stage/licences/$package"; done

mkdir -p "$folder"
tar -c --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$(git log -1 --format=%ct)" -C "$scratch" "$name" |
  gzip -9n >"$folder/$name.tar.gz.new"
mv "$folder/$name.tar.gz.new" "$folder/$name.tar.gz"
rm -rf "$stage"
echo "$folder/$name.tar.gz"
