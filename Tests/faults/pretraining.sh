#!/usr/bin/env bash
# Kills a pretraining with signal 9 at ten random moments and compares what it leaves in the end, byte for byte, with one
# that was never stopped: weights, heads, Gram teacher, snapshots and the last checkpoint.
#
# usage: Tests/faults/pretraining.sh [SEED]    (needs .build/release/segbench)
set -euo pipefail
cd "$(dirname "$0")/../.."
segbench=$PWD/.build/release/segbench
RANDOM=${1:-1}
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
for name in whole killed; do
  mkdir "$home/$name"
  cp -r Recipes "$home/$name/Recipes"
done
settings=(--profile quick --set self_distillation.iterations=60 --set self_distillation.batch_size=4
  --set self_distillation.images_at_once=2 --set 'self_distillation.snapshots=[15,45]')
stage1=Recipes/meddinov3/pretraining/stage-1.yaml
stage2=Recipes/meddinov3/pretraining/stage-2.yaml

echo "== One that is never stopped"
cd "$home/whole"
"$segbench" pretrain $stage1 --profile quick >/dev/null 2>&1
start=$(date +%s%N)
whole=$("$segbench" pretrain $stage2 "${settings[@]}" 2>/dev/null)
milliseconds=$((($(date +%s%N) - start) / 1000000))

echo "== One that is killed ten times (the whole takes $milliseconds ms)"
cd "$home/killed"
"$segbench" pretrain $stage1 --profile quick >/dev/null 2>&1
kills=0
while [ $kills -lt 10 ]; do
  "$segbench" pretrain $stage2 "${settings[@]}" >/dev/null 2>&1 &
  process=$!
  pause=$((RANDOM % (milliseconds / 2 + 1) + 50))
  sleep "$(printf '%d.%03d' $((pause / 1000)) $((pause % 1000)))"
  if kill -9 $process 2>/dev/null; then
    kills=$((kills + 1))
    echo "killed after $pause ms"
  else
    echo "finished before the next kill"
    break
  fi
  wait $process 2>/dev/null || true
done
killed=$("$segbench" pretrain $stage2 "${settings[@]}" 2>/dev/null)

files() { (cd "$1" && find . -type f \( -name '*.safetensors' -o -name latest.h5 \) | sort | xargs sha256sum); }
[ "$(basename "$whole")" = "$(basename "$killed")" ] || { echo "the two have different identities" >&2; exit 1; }
if ! diff <(files "$whole") <(files "$killed"); then
  echo "a killed pretraining ended with other bytes" >&2
  exit 1
fi
if find "$killed" -name '.partial-*' | grep -q .; then echo "note: partial files of killed writers are left, hidden"; fi
echo "$kills kills: the same bytes in $(files "$whole" | wc -l) files"
