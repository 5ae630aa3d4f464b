#!/usr/bin/env bash
# Kills the making of Table 1 (quick profile) with SIGKILL at random moments, resumes it each time, and compares the table
# that comes out with that of a run which was left alone: all but the wall times must be the same, byte for byte, and so
# must the weights and the predictions behind it.
#
#     bash Tests/faults/crashes.sh [KILLS] [SEED]          50 kills and seed 1 unless told otherwise
set -euo pipefail
source "$(dirname "$0")/common.sh"
kills=${1:-50}
RANDOM=${2:-1}
homes=$(mktemp -d)
trap 'rm -rf "$homes"' EXIT

new_home() {
  mkdir -p "$homes/$1"
  cp -r "$repository/Recipes" "$homes/$1/Recipes"
}

# The whole life: generating, preparing, training, predicting, evaluating, reporting.
life() {
  cd "$homes/$1"
  export SEGBENCH_HOME=$homes/$1
  unset SEGBENCH_DATA
  "$segbench" run Recipes/meddinov3/table1.yaml --profile quick >>run.out 2>>run.err &&
    "$segbench" report table1 --profile quick --output Results/quick/meddinov3 >table.md 2>>run.err
}

# What must be the same: the table without its wall times, and the digests of weights and predictions of every run.
essence() {
  cd "$homes/$1"
  # Longer times make wider columns.
  sed -E 's/[0-9]+ (s|min [0-9]+ s|h [0-9]+ min) +\|/TIME |/; s/ +/ /g; s/-+/-/g' table.md
  find runs -name weights.safetensors -o -path '*/predictions/*' -type f | sort | xargs sha256sum
}

new_home whole
start=$(date +%s%N)
(life whole) || { cat "$homes/whole/run.err" >&2; exit 1; }
life_ms=$((($(date +%s%N) - start) / 1000000))
(essence whole) >"$homes/expected"
echo "an undisturbed table takes $((life_ms / 1000)) s; killing its making $kills times"

killed=0 lives=0 lost=0
declare -A phases=()
while [ $killed -lt $kills ]; do
  lives=$((lives + 1))
  name=life$lives
  new_home $name
  while :; do
    if [ $killed -ge $kills ]; then
      (life $name) || { lost=$((lost + 1)); tail -3 "$homes/$name/run.err" >&2; break; }
    else
      (life $name) & process=$!
      # Anywhere from at once to a third of a life later.
      delay=$(((RANDOM * 32768 + RANDOM) % (life_ms / 3 + 1)))
      sleep $((delay / 1000)).$(printf %03d $((delay % 1000)))
      child=$(pgrep -P $process || true)
      if [ -n "$child" ] && kill -9 $child 2>/dev/null; then
        killed=$((killed + 1))
        kill -9 $process 2>/dev/null || true
        wait $process 2>/dev/null || true
        phase=$(tail -n 1 "$homes/$name/run.err" 2>/dev/null | grep -oE '^[A-Za-z]+' | head -1 || true)
        phases[${phase:-start}]=$((${phases[${phase:-start}]:-0} + 1))
        continue
      fi
      wait $process || { lost=$((lost + 1)); tail -3 "$homes/$name/run.err" >&2; break; }
    fi
    break
  done
  if (essence $name) 2>/dev/null | cmp -s - "$homes/expected"; then :; else
    lost=$((lost + 1))
    echo "life $lives ended in another table:" >&2
    (essence $name) 2>/dev/null | diff "$homes/expected" - >&2 || true
  fi
  leftovers=$(cd "$homes/$name" && find runs prepared data -name '.partial-*' | wc -l)
  if [ "$leftovers" -ne 0 ]; then
    lost=$((lost + 1))
    echo "life $lives left $leftovers half-written files" >&2
  fi
  rm -rf "${homes:?}/$name"
done
echo "crashes: $killed kills over $lives lives, lost: $lost"
for phase in "${!phases[@]}"; do echo "  killed after \"$phase\": ${phases[$phase]}"; done
moments=$(for phase in "${!phases[@]}"; do echo "$phase ${phases[$phase]}"; done | sort | paste -sd , | sed 's/,/, /g')
row "kills of a table" $killed $lost "Table 1, quick profile, over $lives lives; killed after: $moments"
[ $lost -eq 0 ]
