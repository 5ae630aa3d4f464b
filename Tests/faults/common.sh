# What the fault campaigns share; they source it.
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
segbench=$repository/.build/release/segbench
# Where each campaign leaves its row for report.sh.
rows=${SEGBENCH_FAULT_ROWS:-$repository/.build/faults}
started=$(date +%s)

# row NAME TRIED LOST REMARK: what a campaign tried, what was lost, and how long it took.
row() {
  mkdir -p "$rows"
  echo "$1|$2|$3|$(($(date +%s) - started))|$4" >"$rows/$(echo "$1" | tr ' ' -)"
}
