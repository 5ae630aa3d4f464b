#!/usr/bin/env bash
# Kills a pretraining with signal 9 at random moments and compares what it leaves in the end, byte for byte, with one
# that was never stopped: weights, heads, Gram teacher, snapshots and the last checkpoint. One that ends before all kills
# are spent is compared, and another begun.
#
# usage: Tests/faults/pretraining.sh [KILLS] [SEED]    10 kills and seed 1 unless told otherwise
set -euo pipefail
source "$(dirname "$0")/common.sh"
wanted=${1:-10}
RANDOM=${2:-1}
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
settings=(--profile quick --set self_distillation.iterations=60 --set self_distillation.batch_size=4
  --set self_distillation.micro_batch_size=2 --set 'self_distillation.snapshots=[15,45]')
stage1=Recipes/meddinov3/pretraining/stage-1.yaml
stage2=Recipes/meddinov3/pretraining/stage-2.yaml

# A workspace of its own with the first stage done.
begin() {
  cp -r "$home/base" "$home/$1"
  cd "$home/$1"
}
files() { (cd "$1" && find . -type f \( -name '*.safetensors' -o -name latest.h5 \) | sort | xargs sha256sum); }

mkdir "$home/base"
cp -r "$repository/Recipes" "$home/base/Recipes"
cd "$home/base"
"$segbench" pretrain $stage1 --profile quick >/dev/null 2>&1

echo "== One that is never stopped"
begin whole
start=$(date +%s%N)
whole=$("$segbench" pretrain $stage2 "${settings[@]}" 2>/dev/null)
milliseconds=$((($(date +%s%N) - start) / 1000000))

echo "== Some that are killed, $wanted times in all (the whole takes $milliseconds ms)"
kills=0 lives=0 lost=0
while [ $kills -lt "$wanted" ]; do
  lives=$((lives + 1))
  begin "life$lives"
  while [ $kills -lt "$wanted" ]; do
    "$segbench" pretrain $stage2 "${settings[@]}" >/dev/null 2>&1 &
    process=$!
    pause=$((RANDOM % (milliseconds / 2 + 1) + 50))
    sleep "$(printf '%d.%03d' $((pause / 1000)) $((pause % 1000)))"
    if ! kill -9 $process 2>/dev/null; then
      wait $process 2>/dev/null || true
      break
    fi
    wait $process 2>/dev/null || true
    kills=$((kills + 1))
    echo "killed after $pause ms"
  done
  killed=$("$segbench" pretrain $stage2 "${settings[@]}" 2>err) || { tail -3 err >&2; lost=$((lost + 1)); continue; }
  [ "$(basename "$whole")" = "$(basename "$killed")" ] || { echo "another identity" >&2; lost=$((lost + 1)); }
  diff <(files "$whole") <(files "$killed") || { echo "life $lives ended with other bytes" >&2; lost=$((lost + 1)); }
  if find "$killed" -name '.partial-*' | grep -q .; then
    echo "life $lives left half-written files" >&2
    lost=$((lost + 1))
  fi
done
echo "pretraining: $kills kills over $lives lives, lost: $lost; the same bytes in $(files "$whole" | wc -l) files"
row "kills of a pretraining" $kills $lost "stage 2, quick profile, over $lives lives; $(files "$whole" | wc -l) files compared"
[ $lost -eq 0 ]
