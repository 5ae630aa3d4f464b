#!/usr/bin/env bash
# Puts the campaigns' rows together: prints them and writes Benchmarks/results/faults.md. Fails when anything was lost or
# a campaign was not run; its row stays as it was, with the commit it was run at.
#
#     bash Tests/faults/report.sh [OUTPUT]
set -euo pipefail
source "$(dirname "$0")/common.sh"
output=${1:-$repository/Benchmarks/results/faults.md}
campaigns=(disk-and-signals kills-of-a-table kills-of-a-pretraining writes-of-a-run writes-of-a-pretraining writes-of-a-packing
  writes-of-an-unpacking writes-of-a-verification fuzz-nifti fuzz-yaml fuzz-json fuzz-safetensors
  fuzz-pytorch fuzz-hdf5 fuzz-archive fuzz-archive-content fuzz-sealed)
commit=$(git -C "$repository" rev-parse --short HEAD)
lost=0 missing=()
{
  echo "# Faults"
  echo
  echo "Written by \`make test-faults\` (\`Tests/faults/report.sh\`) on $(date -u +%Y-%m-%d). A campaign that was not run since keeps its row."
  echo
  echo "$(grep -m1 'model name' /proc/cpuinfo | sed 's/.*: //'), $(nproc) cores; seconds by the clock, beside whatever else ran."
  echo
  echo "| Campaign | Tried | Lost | Seconds | Commit | What came of it |"
  echo "| --- | ---: | ---: | ---: | --- | --- |"
} >"$output.new"
for campaign in "${campaigns[@]}"; do
  if [ -s "$rows/$campaign" ]; then
    IFS='|' read -r name tried gone seconds remark <"$rows/$campaign"
    echo "| $name | $tried | $gone | $seconds | $commit | $remark |" >>"$output.new"
    lost=$((lost + gone))
  else
    missing+=("$campaign")
    # A name's hyphens may be its own.
    grep -s "^| ${campaign//-/[ -]} |" "$output" >>"$output.new" || true
  fi
done
cat >>"$output.new" <<'END'

A table's or a pretraining's life is lost when it ends in other bytes than one that nobody disturbed, when the command fails, or
when half-written files stay. A check is lost when what was asked for doesn't come: the sentence, the exit code, the bits. An input
is lost when its reader crashes, takes more than 10 seconds of computing, holds more memory than its bound
(`Tests/fuzz/Readers.swift`), or ends in an error that is no sentence about the input.

`fuzz hdf5`: files as they come; those without a seal that fits are refused before libhdf5 sees them. `fuzz archive`: the same for
archives, of which none but the unchanged may be accepted. `fuzz archive-content`: a run that was really done, with one field of its record
changed under a right seal (2 inputs for 100 of the others'); an input is lost, too, when the wrong field is called sound. `fuzz sealed`: what ill will can make, damaged HDF5 under a seal that
fits. The product reads such files in a child process, for which the campaign's worker stands: it may die of them, and nothing is
lost by that.
END
mv "$output.new" "$output"
sed -n '/^|/p' "$output"
echo "lost: $lost"
if [ ${#missing[@]} -gt 0 ]; then echo "not run: ${missing[*]}" >&2; exit 1; fi
[ $lost -eq 0 ]
