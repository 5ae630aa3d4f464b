#!/usr/bin/env bash
# Opens a page that `segbench report html` wrote in headless Chromium: follows a number of ours to its run, sorts a table,
# loads nothing, and takes pictures of it on a desk, on a phone and on paper.
# usage: Setup/test-page.sh PAGE.html FOLDER
set -euo pipefail

page=$(realpath "$1")
mkdir -p "$2"
out=$(realpath "$2")
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || {
  echo "no Chromium here: apt-get install chromium" >&2
  exit 2
}
open() { "$browser" --headless --no-sandbox --disable-gpu --hide-scrollbars --virtual-time-budget=5000 "$@" 2>/dev/null; }

# What a reader does, done by a script at the end of a copy; what came of it becomes an attribute.
cp "$page" "$out/followed.html"
cat >>"$out/followed.html" <<'SCRIPT'
<script>
addEventListener('load', () => setTimeout(() => {
  const link = document.querySelector('td.number a[href^="#run-"]');
  link.click();
  setTimeout(() => {
    const section = document.querySelector(location.hash);
    const recipe = [...section.querySelectorAll('details')].pop();
    recipe.open = true;
    const table = document.querySelector('table.sortable');
    const column = [...table.tHead.rows[0].cells].findIndex(head => head.textContent === 'Our DSC');
    const values = () => [...table.tBodies[0].rows].map(row => parseFloat(row.cells[column].textContent)).filter(x => !isNaN(x));
    table.tHead.rows[0].cells[column].click();
    const up = values();
    table.tHead.rows[0].cells[column].click();
    const down = values();
    const isSorted = list => list.every((x, i) => i === 0 || list[i - 1] <= x);
    document.body.dataset.result = [
      'number=' + link.textContent, 'hash=' + location.hash, 'top=' + Math.round(section.getBoundingClientRect().top),
      'run=' + section.querySelector('dd').textContent.length, 'origins=' + recipe.querySelectorAll('tbody tr').length,
      'sorted=' + (isSorted(up) && isSorted([...down].reverse()) && up.length > 0),
      'fetched=' + performance.getEntriesByType('resource').filter(x => !x.name.startsWith('data:')).length,
      'wide=' + (document.documentElement.scrollWidth > innerWidth)].join(' ');
  }, 200);
}, 100));
</script>
SCRIPT
result=$(open --window-size=1280,900 --dump-dom "file://$out/followed.html" | grep -o 'data-result="[^"]*"') || {
  echo "the page's script did not run to its end" >&2
  exit 1
}
echo "$result"
place=$(grep -o 'hash=#run-[0-9a-f]*' <<<"$result" | cut -d= -f2)
[ -n "$place" ] && grep -q 'run=40 ' <<<"$result" && grep -q 'sorted=true' <<<"$result" && grep -q 'fetched=0' <<<"$result" \
  && grep -q 'wide=false' <<<"$result" && ! grep -q 'origins=0' <<<"$result" || exit 1

open --window-size=1280,1600 --screenshot="$out/desk.png" "file://$page"
# A part alone: headless Chromium's pictures of a page that was scrolled are white.
part() {
  cp "$page" "$out/part.html"
  echo "<script>addEventListener('load', () => { const part = document.querySelector('$1'); document.body.replaceChildren(part);
    part.querySelectorAll('details').forEach(x => { x.open = true; }); });</script>" >>"$out/part.html"
  open --window-size="$2" --screenshot="$out/$3.png" "file://$out/part.html"
}
part "${place#hash=}" 1280,2400 run
part "section[id^=table-]" 1280,4200 table
open --window-size=500,1000 --screenshot="$out/phone.png" "file://$page"
open --print-to-pdf="$out/page.pdf" --no-pdf-header-footer "file://$page"
ls -l "$out"
