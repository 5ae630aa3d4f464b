#!/usr/bin/env bash
# Puts the first table of Results/phantom/meddinov3/table1.md into README.md, between its two markers.
set -euo pipefail
cd "$(dirname "$0")/.."

report=Results/phantom/meddinov3/table1.md
[ -f "$report" ] || {
  echo "$report is missing: make table1 writes it" >&2
  exit 2
}
grep -q '^<!-- table1: ' README.md && grep -q '^<!-- /table1 -->$' README.md || {
  echo "README.md lacks the markers <!-- table1: ... --> and <!-- /table1 -->" >&2
  exit 2
}
new=$(mktemp README.md.XXXXXX)
trap 'rm -f "$new"' EXIT
awk -v report="$report" '
  /^<!-- \/table1 -->$/ { inside = 0 }
  !inside { print }
  /^<!-- table1: / {
    inside = 1
    print ""
    while ((getline line < report) > 0) {
      if (line ~ /^\|/) { print line; begun = 1 } else if (begun) break
    }
    # The footnotes that the table refers to.
    while ((getline line < report) > 0) if (line ~ /^\[\^[0-9]+\]: /) { notes = notes "\n" line }
    if (notes != "") print notes
    print ""
  }
' README.md >"$new"
chmod 644 "$new"
mv "$new" README.md
