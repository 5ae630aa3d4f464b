#!/usr/bin/env bash
# Table 1 at the quick profile on a Slurm of this machine's own: arrays with their dependencies, a job told that its time is
# over, one requeued by force, a dependency that fails. The table's cells and the weights' bits are those of a local run.
# Skipped where Slurm is absent. Leaves nothing behind. Usage: Tests/slurm/table1.sh [SEGBENCH]
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
segbench=$(realpath "${1:-$here/../../.build/release/segbench}")
. "$here/cluster.sh"

lacks=$(cluster_lacks)
if [ -n "$lacks" ]; then
  echo "Slurm test skipped: this machine lacks ${lacks//$'\n'/, } (Debian: apt-get install slurmctld slurmd slurm-client munge)"
  exit 0
fi

work=$(mktemp -d)
trap 'cluster_stop; rm -rf "$work"' EXIT
fail() {
  echo "Slurm test: $*" >&2
  squeue --array >&2 || true
  tail -n 5 "$work"/*/jobs/*/logs/*.txt >&2 2>/dev/null || true
  exit 1
}
unset SEGBENCH_DATA
cores=$(nproc)
cluster_start "$work/cluster" "$cores"

# A name with a space, a quote and a percent sign.
alone="$work/alone" many="$work/a cluster's 100%"
for home in "$alone" "$many"; do
  mkdir "$home"
  cp -r "$here/../../Recipes" "$home/Recipes"
done
choice=(meddinov3/table1 --profile quick)

echo "== the table on one machine, by the same graph"
cd "$alone"
SEGBENCH_HOME=$alone "$segbench" submit "${choice[@]}" --engine local --cpus-per-run "$cores" >local.txt
[ -e jobs/*/results/meddinov3/table1.json ] || fail "the local engine wrote no report"

echo "== the same as job arrays"
cd "$many"
export SEGBENCH_HOME=$many
slurm=(--engine slurm --cpus-per-run "$cores" --memory 2000M --time 20)
"$segbench" submit "${choice[@]}" "${slurm[@]}" --partition main --account "a 'b' \"c\" \\d #e" --dry-run >scripts.txt
bash -n scripts.txt || fail "the scripts are no bash"
code=0
"$segbench" submit "${choice[@]}" "${slurm[@]}" --partition nowhere 2>refused.txt || code=$?
[ "$code" -eq 2 ] && grep -q "partition" refused.txt && [ -z "$(ls jobs)" ] || fail "partition: $code $(cat refused.txt)"
folder=$("$segbench" submit "${choice[@]}" "${slurm[@]}" --partition main)
for script in "$folder"/*.sh; do bash -n "$script"; done
for script in "$folder"/*[!t].sh; do case $script in */submit.sh) ;; *) sbatch --test-only "$script" ;; esac done 2>tried.txt
number=$(sed -n 's/^ *"run" : "\([0-9]*\)".*/\1/p' "$folder/jobs.json")
[ -n "$number" ] || fail "no number of the rows' array in jobs.json"

# Two tasks of the rows' array: the first is told that its time is over once it trains, the second is killed and requeued.
requeued=0
deadline=$((SECONDS + 150))
while [ -n "$(squeue --noheader)" ]; do
  [ "$SECONDS" -lt "$deadline" ] || fail "the jobs did not end"
  running=$(squeue --noheader --array --states=RUNNING --jobs="$number" --format=%K 2>/dev/null) || running=
  task=$(echo "$running" | tr -d ' ' | head -n 1)
  if [ -n "$task" ] && [ "$task" != "${told:-}" ] && grep -qs "^training" "$folder/logs/run-$task.txt"; then
    if [ "$requeued" -eq 0 ]; then
      job=$(squeue --noheader --array --states=RUNNING --jobs="$number" --format=%A)
      # Beside this loop: scancel tries again for a while where the job is on its way back into the queue already.
      timeout 5 scancel --signal=USR1 --batch $job &
      requeued=1 told=$task
      "$segbench" status "${choice[@]}" >status.txt 2>/dev/null
    elif [ "$requeued" -eq 1 ]; then
      scontrol requeue "${number}_$task" && requeued=2
    fi
  fi
  # A requeued job waits two minutes by itself.
  for job in $(squeue --noheader --array --states=PENDING --format='%i %r' | sed -n 's/ BeginTime$//p'); do
    scontrol update jobid="$job" StartTime=now
  done
  sleep 0.1
done
[ "$requeued" -eq 2 ] || fail "no job was caught at work ($requeued)"
grep -q "^queued " status.txt || fail "$(cat status.txt)"
grep -q "goes on from its checkpoint" "$folder/logs/run-$told.txt" || fail "no checkpoint before the time was over"
for outcome in "$folder"/outcomes/*; do [ "$(cat "$outcome")" = 0 ] || fail "$outcome: $(cat "$outcome")"; done
"$segbench" status "${choice[@]}" >status.txt 2>/dev/null
grep -q "^5 runs: 5 done" status.txt || fail "$(cat status.txt)"
# From a folder without recipes, as the jobs ran: the commands in a table say how it is named from where one is.
cd "$folder"
for results in "$alone"/jobs/*/results/meddinov3 "$folder/results/meddinov3"; do
  "$segbench" report "${choice[@]}" --check "$results" >"$work/differences" 2>/dev/null || fail "$(cat "$work/differences")"
done
for run in "$alone"/runs/*; do
  cmp "$run/weights.safetensors" "$many/runs/$(basename "$run")/weights.safetensors" || fail "weights differ"
done

echo "== a dependency that fails"
cd "$work"
broken="$work/broken"
mkdir "$broken"
cp -r "$here/../../Recipes" "$broken/Recipes"
export SEGBENCH_HOME=$broken
mkdir -p "$broken/prepared" && ln -s nowhere "$broken/data"
folder=$("$segbench" submit "${choice[@]}" "${slurm[@]}")
deadline=$((SECONDS + 60))
while [ -n "$(squeue --noheader)" ] && [ "$SECONDS" -lt "$deadline" ]; do sleep 0.2; done
"$segbench" status "${choice[@]}" >status.txt 2>/dev/null
grep -q "^failed .*it needs data of" status.txt || fail "$(cat status.txt)"
[ ! -e "$folder/logs/run-0.txt" ] || fail "a row began without its data"
echo "Slurm: arrays, dependencies, a requeue by signal and one by force; the table's cells and weights are a local run's"
