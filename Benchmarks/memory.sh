#!/usr/bin/env bash
# The most memory that each command holds over a volume of 512 x 512 x 800 voxels, from planning to metrics: a phantom of that
# size, and a network that a few steps of training made. Fails above 4 GiB.
#
#   memory.sh [FOLDER]      default: a temporary folder, removed at the end; about 3 GB of disk
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
tools=$here/.build/release
if [ $# -gt 0 ]; then
  mkdir -p "$1"
  folder=$(cd "$1" && pwd)
else
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
fi
cd "$here"
raw=$folder/Dataset001_large
recipe=Recipes/meddinov3/table1/1-random-init-640.yaml
settings=(--profile quick --set plan.configuration=2d_160)

worst=0
measured() { # NAME COMMAND...: runs it and prints its peak memory and time
  local name=$1 line
  shift
  line=$("$tools/data-benchmark" peak "$@" 2>"$folder/errors" | tail -1) || { cat "$folder/errors" >&2; exit 1; }
  printf '%-12s %s\n' "$name" "$line"
  worst=$(awk -v a="$worst" -v b="${line%% *}" 'BEGIN { print (b > a) ? b : a }')
}

rm -rf "$raw"
"$tools/data-benchmark" phantom amos22 1 256 256 100 "$raw"
"$tools/data-benchmark" reshape "$raw" 512 512 800
name=$(cd "$raw/imagesTr" && ls | sed 's/_0000.nii.gz$//')
run=$("$tools/segbench" run "$recipe" "${settings[@]}" 2>/dev/null | tail -1)

echo "512 x 512 x 800 voxels: peak memory and seconds of each command, $(nproc) cores, commit $(git describe --always --dirty)"
measured plan "$tools/segbench" plan "$raw" --output "$folder/plan"
measured preprocess "$tools/segbench" preprocess "$raw" --plans "$folder/plan/nnUNetPlans.json" --configuration 2d \
  --output "$folder/prepared"
rm -rf "$folder/prepared"
cp "$raw/imagesTr/${name}_0000.nii.gz" "$folder/$name.nii.gz"
measured predict "$tools/segbench" predict --run "$run" --output "$folder/predictions" "$folder/$name.nii.gz"
for kind in monai deepmind; do
  measured "$kind" "$tools/segbench" evaluate --reference "$raw/labelsTr" --prediction "$folder/predictions" \
    --labels "$raw/dataset.json" --nsd "$kind"
done
awk -v worst="$worst" 'BEGIN {
  printf "At most %.2f GiB; %s\n", worst / 1024, worst < 4096 ? "4 GiB are allowed." : "MORE than the 4 GiB that are allowed."
  exit worst < 4096 ? 0 : 1
}'
