#!/usr/bin/env bash
# Fetches a real CT and its label map: two test files of TotalSegmentator's source package on PyPI, pinned by hash.
#
#   fetch.sh [DIRECTORY]      default: data/real-ct in the repository
#
# pip downloads the package (38 MB), which means that it also asks the package for its metadata; nothing is installed.
# Files that are there already, and are the right ones, are not fetched again.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
destination=${1:-$here/../../data/real-ct}
version=2.18.0

if [ -d "$destination" ] && (cd "$destination" && sha256sum --check --status "$here/files.sha256" 2>/dev/null); then
  exit 0
fi

pip=()
for candidate in "python3 -m pip" pip3 pip; do
  if $candidate --version >/dev/null 2>&1; then
    read -r -a pip <<<"$candidate"
    break
  fi
done
if [ ${#pip[@]} -eq 0 ]; then
  echo "== Installing python3-pip, which fetches the CT"
  as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || {
      echo "pip is missing and neither root nor sudo is at hand: install python3-pip, then go on." >&2
      exit 2
    }
    as_root=(sudo)
  fi
  "${as_root[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq python3-pip >/dev/null
  pip=(python3 -m pip)
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
echo "== Fetching TotalSegmentator $version's source package (38 MB) for its example CT"
"${pip[@]}" download --quiet --disable-pip-version-check --no-deps --no-binary :all: --require-hashes \
  --requirement "$here/requirements.txt" --dest "$scratch"

mkdir "$scratch/files"
root=totalsegmentator-$version
tar --extract --gzip --no-same-owner --file "$scratch/$root.tar.gz" --directory "$scratch" \
  "$root/LICENSE" "$root/tests/reference_files/example_ct_sm.nii.gz" "$root/tests/reference_files/example_seg.nii.gz"
mv "$scratch/$root/LICENSE" "$scratch/$root/tests/reference_files/"*.nii.gz "$scratch/files/"
(cd "$scratch/files" && sha256sum --check --quiet "$here/files.sha256")

# Onto the destination's file system first, then by name, so that each file appears whole.
mkdir -p "$destination"
incoming=$(mktemp -d "$destination/.incoming.XXXXXX")
trap 'rm -rf "$scratch" "$incoming"' EXIT
mv "$scratch/files/"* "$incoming/"
mv -f "$incoming/"* "$destination/"
echo "   $(cd "$destination" && pwd): example_ct_sm.nii.gz, example_seg.nii.gz"
