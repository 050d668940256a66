/** The charts of the pages as data; `charts.js` draws them in the browser. */
import type { Total, Totals } from '../strikes/totals.ts';

export interface Chart {
  /** `time`: x is seconds since the epoch. `bars`: x is 0, 1, 2 ... and `labels` names it. */
  readonly kind: 'time' | 'bars';
  readonly x: readonly number[];
  readonly labels?: readonly string[];
  /** What the labels are, such as `Year`. */
  readonly xName: string;
  readonly unit: 'count' | 'dollars' | 'percent';
  readonly series: readonly Series[];
}

interface Series {
  readonly name: string;
  /** Name of a colour of page.css. */
  readonly color: 'main' | 'accent' | 'muted';
  readonly shape: 'area' | 'line' | 'bars';
  readonly values: readonly (number | null)[];
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const YEAR_MONTHS = 12;

export function chartMonths({ month }: Totals): Chart {
  const values = month.map((line) => line.strikes);
  const means = values.map((_, i) => (i + 1 < YEAR_MONTHS ? null : mean(values.slice(i + 1 - YEAR_MONTHS, i + 1))));
  return {
    kind: 'time',
    x: month.map((line) => Date.parse(`${line.key}-01T00:00:00Z`) / 1_000),
    xName: 'Month',
    unit: 'count',
    series: [
      { name: 'Strikes in the month', color: 'main', shape: 'area', values },
      { name: 'Mean of 12 months', color: 'accent', shape: 'line', values: means },
    ],
  };
}

export function chartSeason({ month }: Totals): Chart {
  const values = MONTHS.map((_, i) => {
    const lines = month.filter((line) => Number(line.key.slice(5)) === i + 1);
    return Math.round(sum(lines) / Math.max(1, lines.length));
  });
  return bars(MONTHS, 'Month', { unit: 'count', name: 'Strikes in a mean year', color: 'main', values });
}

/** Speeds that were reported, in the order of speed. */
export function chartSpeeds({ speed }: Totals): Chart {
  const known = speed
    .filter((line) => line.key !== 'unknown' && Number(line.key) < 400)
    .toSorted((a, b) => Number(a.key) - Number(b.key));
  const labels = known.map((line) => line.key);
  const values = known.map((line) => line.strikes);
  return bars(labels, 'Knots', { unit: 'count', name: 'Strikes', color: 'main', values });
}

export function chartCosts(totals: Totals): Chart {
  const years = Object.groupBy(totals.month, (line) => line.key.slice(0, 4));
  const costs = Object.values(years).map((lines = []) => lines.reduce((all, line) => all + line.cost, 0));
  return bars(Object.keys(years), 'Year', { unit: 'dollars', name: 'Cost', color: 'accent', values: costs });
}

export function chartDamage(totals: Totals): Chart {
  const years = Object.groupBy(totals.month, (line) => line.key.slice(0, 4));
  const shares = Object.values(years).map((lines = []) => {
    const damaged = lines.reduce((all, line) => all + line.damaged, 0);
    return Math.round((damaged / Math.max(1, sum(lines))) * 1_000) / 10;
  });
  return bars(Object.keys(years), 'Year', {
    unit: 'percent',
    name: 'Strikes with damage',
    color: 'accent',
    values: shares,
  });
}

function bars(
  labels: readonly string[],
  xName: string,
  { unit, ...series }: Omit<Series, 'shape'> & { readonly unit: Chart['unit'] },
): Chart {
  return { kind: 'bars', x: labels.map((_, i) => i), labels, xName, unit, series: [{ ...series, shape: 'bars' }] };
}

function sum(lines: readonly Total[]): number {
  return lines.reduce((all, line) => all + line.strikes, 0);
}

function mean(values: readonly number[]): number {
  return Math.round((values.reduce((all, value) => all + value, 0) / values.length) * 10) / 10;
}
