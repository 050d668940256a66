/** The report: what happened, where, when, and what it cost. */
import type { Summary, Total } from '../strikes/totals.ts';
import type { PageAssets } from './assets.ts';
import { chartCosts, chartDamage, chartMonths, chartSeason, chartSpeeds } from './charts.ts';
import { capitalize, formatCount, formatDollars, formatShare } from './html.ts';
import { chartPlace, renderCard, renderPage, renderRanking, renderTiles } from './layout.ts';
import { renderMap } from './map.ts';

const RANKED = 10;

export function renderReport(summary: Summary, runId: string, assets: PageAssets): string {
  const { totals, strikes } = summary;
  const years = `${summary.firstDate.slice(0, 4)} to ${summary.lastDate.slice(0, 4)}`;
  return renderPage(
    {
      title: 'Bird strikes in the United States',
      subtitle: `${formatCount(strikes)} reports of animals hit by aircraft at ${summary.airports.length} airports, ${years}, joined with ${formatCount(summary.places.length)} airports.`,
      runId,
      charts: {
        months: chartMonths(totals),
        season: chartSeason(totals),
        speeds: chartSpeeds(totals),
        damage: chartDamage(totals),
        costs: chartCosts(totals),
      },
      body: [renderTiles(tilesOf(summary)), ...cardsOf(summary)].join('\n'),
    },
    assets,
  );
}

function tilesOf({ strikes, damaged, cost, totals }: Summary): Parameters<typeof renderTiles>[0] {
  const unknown = totals.species.find((line) => line.key === 'unknown')?.strikes ?? 0;
  const busiest = mostStrikes(totals.airport, 1)[0];
  return [
    { label: 'Strikes', value: formatCount(strikes), note: 'each counted once' },
    { label: 'With damage', value: formatShare(damaged, strikes), note: `${formatCount(damaged)} aircraft` },
    { label: 'Reported cost', value: formatDollars(cost), note: 'repair and other' },
    { label: 'Most strikes', value: busiest?.key ?? '', note: `${formatCount(busiest?.strikes ?? 0)} reports` },
    { label: 'Species unknown', value: formatShare(unknown, strikes), note: `${totals.species.length - 1} identified` },
  ];
}

function cardsOf(summary: Summary): readonly string[] {
  const { totals, strikes } = summary;
  const share = (line: Total): string => `${formatCount(line.strikes)} · ${formatShare(line.strikes, strikes)}`;
  const known = totals.species.filter((line) => line.key !== 'unknown');
  const rank = (lines: readonly Total[]): string =>
    renderRanking(
      mostStrikes(lines, RANKED).map((line) => ({
        label: capitalize(line.key),
        value: line.strikes,
        note: share(line),
      })),
    );
  return [
    renderCard({
      title: 'When',
      note: 'Strikes per month, and their mean over a year',
      wide: true,
      body: chartPlace('months', 'Strikes per month'),
    }),
    renderCard({ title: 'Where', note: 'Grey: all airports of the list', wide: true, body: renderMap(summary) }),
    renderCard({
      title: 'Season',
      note: 'A mean year: young birds and migration',
      body: chartPlace('season', 'Strikes by month of the year'),
    }),
    renderCard({
      title: 'Speed',
      note: 'Indicated airspeed in knots, where it was reported',
      body: chartPlace('speeds', 'Strikes by speed'),
    }),
    renderCard({
      title: 'Damage',
      note: 'Share of strikes with damage, by year',
      body: chartPlace('damage', 'Share of strikes with damage by year'),
    }),
    renderCard({
      title: 'Cost',
      note: 'Reported dollars, by year',
      body: chartPlace('costs', 'Reported cost by year'),
    }),
    renderCard({ title: 'Phase of flight', note: 'Near the ground, where the birds are', body: rank(totals.phase) }),
    renderCard({ title: 'Time of day', body: rank(totals.time), note: 'Of all strikes' }),
    renderCard({ title: 'Identified species', note: 'Where somebody could tell', body: rank(known) }),
    renderCard({
      title: 'Operators',
      note: 'Not set against the number of their flights',
      body: rank(totals.operator),
    }),
  ];
}

function mostStrikes(lines: readonly Total[], count: number): readonly Total[] {
  return lines.toSorted((a, b) => b.strikes - a.strikes).slice(0, count);
}
