/** Parts of a Markdown page that are generated; the prose around them is written by hand. */

/** `page` with the lines between `<!-- generated: NAME -->` and `<!-- end: NAME -->` replaced. */
export function replaceRegion(page: string, name: string, body: string): string {
  const opening = `<!-- generated: ${name} -->\n`;
  const closing = `<!-- end: ${name} -->\n`;
  const start = page.indexOf(opening);
  const end = page.indexOf(closing);
  if (start < 0 || end < start) throw new Error(`the page has no lines "${opening.trim()}" and "${closing.trim()}"`);
  return `${page.slice(0, start + opening.length)}\n${body.trim()}\n\n${page.slice(end)}`;
}

export function renderTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `|${cells.map((cell) => (cell === '' ? ' ' : ` ${cell} `)).join('|')}|`;
  return [line(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n');
}
