/// The page around a report: everything it needs is in it, and nothing is fetched.
enum HTMLPage {
  static func text(title: String, body: String) -> String {
    """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
    <title>\(HTML.text(title))</title>
    <style>
    \(style)
    </style>
    </head>
    <body>
    \(body)<script>
    \(script)
    </script>
    </body>
    </html>

    """
  }

  private static let style = """
    body { font: 16px/1.5 system-ui, sans-serif; color: #222; max-width: 72rem; margin: 0 auto; padding: 1rem; }
    h1, h2, h3, h4 { line-height: 1.25; }
    h2 { border-top: 2px solid #ddd; padding-top: 1rem; margin-top: 2.5rem; }
    a { color: #0b57a4; }
    .scroll { overflow-x: auto; margin: 1rem 0; }
    table { border-collapse: collapse; font-size: 0.875rem; }
    th, td { border-bottom: 1px solid #ddd; padding: 0.3rem 0.6rem; text-align: left; vertical-align: top; }
    th { border-bottom: 2px solid #888; cursor: pointer; white-space: nowrap; }
    th[aria-sort=ascending]::after { content: " \\2191"; }
    th[aria-sort=descending]::after { content: " \\2193"; }
    .number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
    details { margin: 0.5rem 0; }
    summary { cursor: pointer; padding: 0.4rem 0; }
    svg, img { width: 100%; max-width: 60rem; height: auto; }
    svg .rule { stroke: #e1e1e1; } svg .ink { stroke: #282828; } svg .equal { stroke: #888; stroke-dasharray: 6 4; }
    figure { margin: 1rem 0; }
    .run { border-left: 4px solid #ddd; padding-left: 1rem; margin: 2rem 0; }
    :target { border-left-color: #0b57a4; scroll-margin-top: 1rem; }
    dl { display: grid; grid-template-columns: minmax(8rem, auto) 1fr; gap: 0.2rem 1rem; font-size: 0.875rem; }
    dt { color: #555; } dd { margin: 0; overflow-wrap: anywhere; }
    code { overflow-wrap: anywhere; } .note { font-size: 0.875rem; }
    @media (max-width: 40rem) { dl { grid-template-columns: 1fr; } dd { margin-bottom: 0.4rem; } }
    @media print { body { max-width: none; font-size: 10pt; } nav { display: none; } .scroll { overflow: visible; }
      table { font-size: 7pt; } tr, svg, img { break-inside: avoid; } a { color: inherit; text-decoration: none; } }
    """

  private static let script = """
    for (const table of document.querySelectorAll('table.sortable')) {
      const heads = [...table.tHead.rows[0].cells];
      heads.forEach((head, column) => {
        head.tabIndex = 0;
        const sort = () => {
          const down = head.getAttribute('aria-sort') === 'ascending';
          heads.forEach(other => other.removeAttribute('aria-sort'));
          head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
          const key = row => (row.cells[column] ? row.cells[column].textContent : '').trim();
          const number = text => { const found = text.replace('< ', '').match(/^[+-]?\\d+(\\.\\d+)?/); return found ? Number(found[0]) : NaN; };
          const rows = [...table.tBodies[0].rows];
          const numeric = rows.every(row => key(row) === '' || !isNaN(number(key(row))) || key(row) === 'missing');
          rows.sort((a, b) => {
            const [x, y] = [key(a), key(b)];
            if (!numeric) return x.localeCompare(y) * (down ? -1 : 1);
            const [p, q] = [number(x), number(y)];
            // What has no number stays at the end.
            if (isNaN(p) || isNaN(q)) return isNaN(p) - isNaN(q);
            return (p - q) * (down ? -1 : 1);
          });
          table.tBodies[0].append(...rows);
        };
        head.addEventListener('click', sort);
        head.addEventListener('keydown', event => { if (event.key === 'Enter') sort(); });
      });
    }
    // A link leads into closed parts, too; on paper all are open.
    const open = () => {
      const target = location.hash && document.getElementById(location.hash.slice(1));
      for (let part = target; part; part = part.parentElement) if (part.tagName === 'DETAILS') part.open = true;
      if (target) target.scrollIntoView();
    };
    addEventListener('hashchange', open);
    open();
    addEventListener('beforeprint', () => document.querySelectorAll('details').forEach(part => { part.open = true; }));
    """
}
