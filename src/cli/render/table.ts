/** Tables: a heading, two spaces between columns, nothing after the last. */
import { paintStatus, type Style } from './style.ts';

export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => string;
  /** Shown only in the wide form. */
  readonly wide?: boolean;
  /** The cell is a status, and is painted as one. */
  readonly status?: boolean;
}

export interface TableOptions {
  readonly wide: boolean;
  readonly style: Style;
}

/** One line per row, with a heading. No row: nothing at all. */
export function renderTable<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  { wide, style }: TableOptions,
): string {
  if (rows.length === 0) return '';
  const shown = columns.filter((column) => wide || column.wide !== true);
  const cells = rows.map((row) => shown.map((column) => column.cell(row) || '-'));
  const widths = shown.map((column, i) => Math.max(column.title.length, ...cells.map((line) => line[i]?.length ?? 0)));
  const line = (texts: readonly string[], isHeading: boolean): string =>
    texts
      .map((text, i) => {
        const padding = i === texts.length - 1 ? '' : ' '.repeat((widths[i] ?? 0) - text.length);
        const painted = !isHeading && shown[i]?.status === true ? paintStatus(style, text) : text;
        return `${isHeading ? style.paint(text, 'dim') : painted}${padding}`;
      })
      .join('  ');
  return [
    line(
      shown.map((column) => column.title),
      true,
    ),
    ...cells.map((texts) => line(texts, false)),
  ].join('\n');
}

/** Lines whose parts stand under each other, without a heading; the last part is not padded. */
export function alignParts(lines: readonly (readonly string[])[], gap = '  '): readonly string[] {
  const widths: number[] = [];
  for (const parts of lines) {
    parts.slice(0, -1).forEach((part, i) => {
      widths[i] = Math.max(widths[i] ?? 0, part.length);
    });
  }
  return lines.map((parts) =>
    parts
      .map((part, i) => (i === parts.length - 1 ? part : part.padEnd(widths[i] ?? 0)))
      .join(gap)
      .trimEnd(),
  );
}
