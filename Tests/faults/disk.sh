#!/usr/bin/env bash
# A disk that fills up, a folder that refuses, inputs that vanish, files that are cut short, two processes on one run: each
# gets one clear sentence, and the same command goes on to the same run once the trouble is gone.
#
#     bash Tests/faults/disk.sh
set -euo pipefail
repository=$(cd "$(dirname "$0")/../.." && pwd)
segbench=$repository/.build/release/segbench
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
cp -r "$repository/Recipes" "$home/Recipes"
cd "$home"
export SEGBENCH_HOME=$home
unset SEGBENCH_DATA
row=Recipes/meddinov3/table1/1-random-init-640.yaml
checks=0 lost=0

check() { # NAME CONDITION...
  checks=$((checks + 1))
  local name=$1
  shift
  if "$@"; then echo "ok    $name"; else
    echo "LOST  $name" >&2
    tail -5 err >&2 || true
    lost=$((lost + 1))
  fi
}
run() { "$segbench" run $row --profile quick "$@" >out 2>err; }
refused() { # CODE WORDS: the last command ended with the code and one sentence that has the words
  [ "$code" = "$1" ] && grep -q "^segbench: .*$2" err && ! grep -q Fatal err
}
digests() { sha256sum runs/*/weights.safetensors runs/*/predictions/*.nii.gz; }

# Files may not grow beyond a few hundred kilobytes: what a full disk looks like to whoever writes.
code=0
(ulimit -f 200 && run) || code=$?
check "a disk that fills up: a clear error" refused 2 "cannot be"
check "nothing is half-written" [ -z "$(find . -name run.h5)" ]
run
check "with room again the run finishes" [ -s "$(find runs -name run.h5)" ]
folder=$(dirname "$(find runs -name run.h5)")
digests >expected

# A cut run.h5 is made again from the checkpoint.
truncate -s 1000 "$folder/run.h5"
run
check "a cut run.h5 is noticed" grep -q "damaged or cut short" err
check "and made again, with the same bits" eval 'digests | cmp -s - expected'

# A cut checkpoint: the one before it is used.
rm "$folder/run.h5" "$folder/run.damaged.h5"
truncate -s 3000 "$folder/checkpoints/latest.h5"
run
check "a cut checkpoint is noticed" grep -q "set aside" err
check "the one before it is used" grep -q "checkpoint before it" err
check "and leads to the same bits" eval 'digests | cmp -s - expected'

# Weights that are not the run's.
printf x | dd of="$folder/weights.safetensors" bs=1 seek=2000 conv=notrunc status=none
code=0
"$segbench" predict --run "$folder" --output p "$(ls data/phantoms/*/imagesTr/*_0000.nii.gz | head -1)" >out 2>err || code=$?
check "changed weights are refused" refused 2 "SHA-256"

# An input that vanished.
rm -rf runs prepared
image=$(ls data/phantoms/*/imagesTr/*_0000.nii.gz | head -1)
mv "$image" kept.nii.gz
code=0
run || code=$?
check "a vanished image is named" refused 2 "$(basename "$image" _0000.nii.gz)"
mv kept.nii.gz "$image"

# Two processes on one run: the second waits, and finds it done.
"$segbench" run $row --profile quick >out1 2>err1 & first=$!
until [ -s err1 ]; do sleep 0.1; done
"$segbench" run $row --profile quick >out 2>err
wait $first
check "two processes: the second waits for the first" grep -q "waiting for process $first" err
check "and finds the run done" grep -q "done before" err
check "with the same bits" eval 'digests | cmp -s - expected'

# Whoever held the lock died: the next takes it over at once.
rm -rf runs prepared
"$segbench" run $row --profile quick >out 2>err & first=$!
sleep 1
kill -9 $first
wait $first 2>/dev/null || true
run
check "a dead process's lock is taken over" eval '! grep -q "waiting for" err'
check "and its run goes on to the same bits" eval 'digests | cmp -s - expected'

# Ctrl-C, SIGTERM and a closed terminal.
for signal in INT:130 TERM:143; do
  rm -rf runs
  "$segbench" run $row --profile quick --set training.epochs=40 >out 2>err & process=$!
  for _ in $(seq 100); do grep -q "^training" err && break; sleep 0.1; done
  kill -"${signal%:*}" $process
  code=0
  wait $process || code=$?
  check "SIG${signal%:*} ends with ${signal#*:}" [ "$code" = "${signal#*:}" ]
  check "and leaves a checkpoint" [ -s "$(find runs -name latest.h5)" ]
done
rm -rf runs err
"$segbench" run $row --profile quick >out 2>err & process=$!
until grep -qs "^training" err; do sleep 0.1; done
kill -HUP $process
wait $process
check "a closed terminal stops nothing" eval 'digests | cmp -s - expected'
check "log.txt tells of it" grep -q "done" runs/*/log.txt

echo "faults: $checks checks, lost: $lost"
[ $lost -eq 0 ]
