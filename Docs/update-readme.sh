#!/usr/bin/env bash
# Puts the first table of Results/phantom/meddinov3/table1.md, what the predictors without a network score, and the
# sentences and footnotes under them into README.md, between its two markers.
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
      if (line ~ /^How to read it:/) break
      if (line ~ /^\|/) begun = 1
      if (!begun) continue
      # Empty lines only between the parts.
      if (line == "") { gap = 1; continue }
      if (gap) print ""
      gap = 0
      print line
    }
    print ""
  }
' README.md >"$new"
chmod 644 "$new"
mv "$new" README.md
