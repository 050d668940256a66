/** The dashboard: the numbers of the last run, for a screen on the wall. */
import type { Summary, Total, Totals } from '../strikes/totals.ts';
import type { PageAssets } from './assets.ts';
import { chartMonths } from './charts.ts';
import { escapeHtml, formatCount, formatDollars, formatShare } from './html.ts';
import { chartPlace, renderCard, renderPage, renderTiles } from './layout.ts';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const AIRPORTS = 25;
/** From here on a cell of the heat map is so dark that its text turns light. */
const HOT = 60;

export function renderDashboard(summary: Summary, runId: string, assets: PageAssets): string {
  const { totals, lastDate } = summary;
  const body = [
    renderTiles(tilesOf(summary)),
    renderCard({ title: 'Strikes per month', wide: true, body: chartPlace('months', 'Strikes per month') }),
    renderCard({ title: 'Year by month', wide: true, body: `<div class="scroll">${renderHeat(totals.month)}</div>` }),
    renderCard({ title: 'Airports', wide: true, body: `<div class="scroll">${renderAirports(summary)}</div>` }),
  ];
  return renderPage(
    {
      title: 'Bird strike dashboard',
      subtitle: `Up to ${lastDate}, replaced by every run.`,
      runId,
      charts: { months: chartMonths(totals) },
      body: body.join('\n'),
    },
    assets,
  );
}

function tilesOf({ totals, strikes, damaged, cost }: Summary): Parameters<typeof renderTiles>[0] {
  const years = yearsOf(totals);
  const [last = '', before = ''] = years.toReversed();
  const night = totals.time.filter((line) => line.key !== 'Day').reduce((all, line) => all + line.strikes, 0);
  return [
    { label: 'Strikes', value: formatCount(strikes), note: `${years.length} years` },
    {
      label: `In ${last}`,
      value: formatCount(strikesOf(totals, last)),
      note: `${formatCount(strikesOf(totals, before))} in ${before}`,
    },
    { label: 'With damage', value: formatCount(damaged), note: formatShare(damaged, strikes) },
    {
      label: 'Reported cost',
      value: formatDollars(cost),
      note: `${formatDollars(cost / Math.max(1, damaged))} per damage`,
    },
    { label: 'In the dark', value: formatShare(night, strikes), note: 'night, dusk and dawn' },
  ];
}

function renderHeat(months: readonly Total[]): string {
  const byKey = new Map(months.map((line) => [line.key, line.strikes]));
  const most = Math.max(1, ...byKey.values());
  const years = [...new Set(months.map((line) => line.key.slice(0, 4)))];
  const rows = years.map((year) => {
    const cells = MONTHS.map((_, i) => heatCell(byKey.get(`${year}-${`${i + 1}`.padStart(2, '0')}`), most));
    return `<tr><th scope="row">${year}</th>${cells.join('')}</tr>`;
  });
  const heads = MONTHS.map((name) => `<th scope="col">${name}</th>`).join('');
  return `<table class="heat"><thead><tr><th></th>${heads}</tr></thead><tbody>${rows.join('')}</tbody></table>`;
}

function heatCell(strikes: number | undefined, most: number): string {
  if (strikes === undefined) return '<td style="--heat:0%"></td>';
  const heat = Math.round((strikes / most) * 88) + 4;
  return `<td${heat > HOT ? ' class="hot"' : ''} style="--heat:${heat}%">${strikes}</td>`;
}

function renderAirports({ totals, airports }: Summary): string {
  const byCode = new Map(airports.map((airport) => [airport.iata, airport]));
  const years = yearsOf(totals);
  const byYear = new Map(totals.airportYear.map((line) => [line.key, line.strikes]));
  const rows = totals.airport
    .toSorted((a, b) => b.strikes - a.strikes)
    .slice(0, AIRPORTS)
    .map((line) => {
      const airport = byCode.get(line.key);
      const place = airport === undefined ? '' : `${airport.city}, ${airport.state}`;
      const trend = years.map((year) => byYear.get(`${line.key} ${year}`) ?? 0);
      const cells = [
        line.key,
        place,
        formatCount(line.strikes),
        formatShare(line.damaged, line.strikes),
        formatDollars(line.cost),
      ];
      return `<tr>${cells.map((cell) => `<td>${escapeHtml(cell)}</td>`).join('')}<td>${renderSpark(trend)}</td></tr>`;
    });
  const heads = ['Code', 'Place', 'Strikes', 'With damage', 'Cost', `${years.at(0)} to ${years.at(-1)}`];
  const head = heads.map((name) => `<th scope="col">${name}</th>`).join('');
  return `<table class="lines"><thead><tr>${head}</tr></thead><tbody>${rows.join('')}</tbody></table>`;
}

function renderSpark(values: readonly number[]): string {
  const most = Math.max(1, ...values);
  const step = 126 / Math.max(1, values.length - 1);
  const points = values.map((value, i) => `${(2 + i * step).toFixed(1)},${(22 - (value / most) * 20).toFixed(1)}`);
  return `<svg class="spark" viewBox="0 0 130 24" aria-hidden="true"><polyline points="${points.join(' ')}"/></svg>`;
}

function yearsOf({ month }: Totals): readonly string[] {
  return [...new Set(month.map((line) => line.key.slice(0, 4)))].toSorted();
}

function strikesOf({ month }: Totals, year: string): number {
  return month.filter((line) => line.key.startsWith(year)).reduce((all, line) => all + line.strikes, 0);
}
