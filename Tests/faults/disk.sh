#!/usr/bin/env bash
# A disk that fills up, folders that refuse, inputs that vanish, files that are cut short, two processes on one run,
# signals: each gets one clear sentence, and the same command goes on to the same run once the trouble is gone.
#
# Exit codes: 2 for what is refused before anything is lost by it (a wrong input, a folder that cannot be written to, too
# little room for what is to come), 1 for a disk that fills up on the way.
#
# Full disks and read-only folders are made by mounting, where this machine allows it; what is skipped is said.
#
#     bash Tests/faults/disk.sh
set -euo pipefail
source "$(dirname "$0")/common.sh"
home=$(mktemp -d)
mounted=()
clean() {
  for folder in "${mounted[@]}"; do umount "$folder" 2>/dev/null || true; done
  rm -rf "$home"
}
trap clean EXIT
cp -r "$repository/Recipes" "$home/Recipes"
cd "$home"
export SEGBENCH_HOME=$home
unset SEGBENCH_DATA
err=$home/err
recipe=Recipes/meddinov3/table1/1-random-init-640.yaml
checks=0 lost=0 skipped=0

check() { # NAME CONDITION...
  checks=$((checks + 1))
  local name=$1
  shift
  if "$@"; then echo "ok    $name"; else
    echo "LOST  $name" >&2
    tail -5 "$err" >&2 || true
    lost=$((lost + 1))
  fi
}
run() { "$segbench" run $recipe --profile quick "$@" >"$home/out" 2>"$err"; }
# Starts a run in the background, as $process. What an earlier command said is removed first: a background process opens its
# own files, perhaps after this one has read the old ones.
start() { # OPTION...
  rm -f "$err"
  "$segbench" run $recipe --profile quick "$@" >"$home/out" 2>"$err" & process=$!
}
# Waits until a process says WORDS in FILE, or has ended.
await() { # PROCESS WORDS FILE
  until grep -qs "$2" "$3"; do
    kill -0 "$1" 2>/dev/null || return 0
    sleep 0.02
  done
}
refused() { # CODE WORDS: the last command ended with the code and one sentence that has the words
  [ "$code" = "$1" ] && grep -q "^segbench: .*$2" "$err" && ! grep -q Fatal "$err"
}
skip() { # WHAT WHY
  skipped=$((skipped + 1))
  echo "skip  $1: $2"
}
# A small disk at the folder, or nothing but a failure: mount_disk FOLDER OPTIONS
mount_disk() {
  mkdir -p "$1"
  mount -t tmpfs -o "$2" tmpfs "$1" 2>/dev/null || return 1
  mounted+=("$1")
}
digests() { sha256sum runs/*/weights.safetensors runs/*/predictions/*.nii.gz; }

# Files may not grow beyond a few hundred kilobytes: what a full disk looks like to whoever writes.
code=0
(ulimit -f 200 && run) || code=$?
check "files that may not grow: a clear error" refused 1 "cannot be written"
check "nothing is half-written" [ -z "$(find . -name run.h5)" ]
run
check "with room again the run finishes" [ -s "$(find runs -name run.h5)" ]
folder=$(dirname "$(find runs -name run.h5)")
digests >expected

# A disk with room for all but what another process takes from it on the way.
if mount_disk "$home/small" size=64m; then
  cp -r Recipes small/Recipes
  cd small
  export SEGBENCH_HOME=$home/small
  start --set training.epochs=40
  await $process "^training" "$err"
  dd if=/dev/zero of=filler bs=64k status=none 2>/dev/null || true
  code=0
  wait $process || code=$?
  check "a disk that fills up: a clear error" refused 1 "cannot be written"
  check "nothing is half-written" [ -z "$(find runs prepared -name run.h5 -o -name '.partial-*')" ]
  rm -rf filler runs prepared
  run
  check "with room again the run ends in the same bits" eval 'digests | cmp -s - "$home/expected"'

  # Room for a part, but not for all.
  rm -rf runs prepared
  dd if=/dev/zero of=filler bs=64k status=none 2>/dev/null || true
  truncate -s -1M filler
  code=0
  run || code=$?
  check "too little room: refused before it starts" refused 2 "make room"
  for part in "prepared for 2d_80" "checkpoints and weights" "predictions"; do
    check "the sum has its part, $part" grep -q "$part (" "$err"
  done
  check "and nothing is prepared" [ -z "$(find . -path '*prepared*' -name '*.h5')" ]
  cd "$home"
  export SEGBENCH_HOME=$home
  umount small
else
  skip "a disk that fills up, too little room" "no disk can be mounted here"
fi

# Folders that cannot be written to.
for place in runs prepared Results; do
  mkdir -p $place
  mv $place kept
  if mount_disk "$home/$place" ro; then
    code=0
    if [ $place = Results ]; then
      "$segbench" report table1 --profile quick --output Results/quick/meddinov3 >"$home/out" 2>"$err" || code=$?
    else
      run || code=$?
    fi
    check "a read-only $place: a clear error" refused 2 "$place.* cannot be written"
    umount "$home/$place"
  else
    skip "a read-only $place" "nothing can be mounted here"
  fi
  rm -rf $place
  mv kept $place
done

# A cut run.h5 is made again from the checkpoint.
truncate -s 1000 "$folder/run.h5"
run
check "a cut run.h5 is noticed" grep -q "damaged or cut short" "$err"
check "and made again, with the same bits" eval 'digests | cmp -s - expected'

# A cut checkpoint: the one before it is used.
rm "$folder/run.h5" "$folder/run.damaged.h5"
truncate -s 3000 "$folder/checkpoints/latest.h5"
run
check "a cut checkpoint is noticed" grep -q "set aside" "$err"
check "the one before it is used" grep -q "checkpoint before it" "$err"
check "and leads to the same bits" eval 'digests | cmp -s - expected'

# Both cut: the training starts again.
rm "$folder/run.h5"
truncate -s 3000 "$folder/checkpoints/latest.h5"
truncate -s 3000 "$folder/checkpoints/previous.h5"
run
check "two cut checkpoints are noticed" grep -q "starts again" "$err"
check "and lead to the same bits" eval 'digests | cmp -s - expected'

# A cut prepared case is prepared again.
rm "$folder/run.h5" "$folder"/checkpoints/*
truncate -s 1000 "$(find prepared -name '*.h5' | sort | head -1)"
run
check "a cut prepared case is prepared again, to the same bits" eval 'digests | cmp -s - expected'

# Weights that are not the run's.
printf x | dd of="$folder/weights.safetensors" bs=1 seek=2000 conv=notrunc status=none
code=0
"$segbench" predict --run "$folder" --output p "$(ls data/phantoms/*/imagesTr/*_0000.nii.gz | head -1)" >"$home/out" 2>"$err" || code=$?
check "changed weights are refused" refused 2 "SHA-256"

# An input that vanished.
rm -rf runs prepared
image=$(ls data/phantoms/*/imagesTr/*_0000.nii.gz | head -1)
mv "$image" kept.nii.gz
code=0
run || code=$?
check "a vanished image is named" refused 2 "$(basename "$image" _0000.nii.gz)"

# One that is cut short.
head -c 1000 kept.nii.gz >"$image"
code=0
run || code=$?
check "a cut image is named" eval 'refused 2 "cannot be used" && grep -q "$(basename "$image") is cut short" "$err"'
rm "$image"
mv kept.nii.gz "$image"

# Two processes on one run: the second waits, and finds it done. The first is stopped until the second waits.
run
rm -rf runs
"$segbench" run $recipe --profile quick >out1 2>err1 & first=$!
await $first "(run " err1
kill -STOP $first
start
await $process "waiting for process" "$err"
kill -CONT $first
wait $first
wait $process
check "two processes: the second waits for the first" grep -q "waiting for process $first" "$err"
check "and finds the run done" grep -q "done before" "$err"
check "with the same bits" eval 'digests | cmp -s - expected'

# Whoever held the lock died: the next takes it over at once.
rm -rf runs prepared
start
await $process "^training" "$err"
kill -9 $process
wait $process 2>/dev/null || true
run
check "a dead process's lock is taken over" eval '! grep -q "waiting for" "$err"'
check "and its run goes on to the same bits" eval 'digests | cmp -s - expected'

# Ctrl-C, SIGTERM and a closed terminal.
for signal in INT:130 TERM:143; do
  rm -rf runs
  start --set training.epochs=40
  await $process "^training" "$err"
  kill -"${signal%:*}" $process
  code=0
  wait $process || code=$?
  check "SIG${signal%:*} ends with ${signal#*:}" [ "$code" = "${signal#*:}" ]
  check "and leaves a checkpoint" [ -s "$(find runs -name latest.h5)" ]
done
rm -rf runs
start
await $process "^training" "$err"
kill -HUP $process
wait $process
check "a closed terminal stops nothing" eval 'digests | cmp -s - expected'
check "log.txt tells of it" grep -q "done" runs/*/log.txt

echo "disk and signals: $checks checks, $skipped skipped, lost: $lost"
row "disk and signals" $checks $lost "full disks, read-only folders, vanished and cut files, locks, signals; skipped: $skipped"
[ $lost -eq 0 ]
