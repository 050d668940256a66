/** The frame of a page: everything inside one file, nothing loaded from anywhere. */
import type { PageAssets } from './assets.ts';
import type { Chart } from './charts.ts';
import { embedJson, escapeHtml } from './html.ts';

export interface PageContent {
  readonly title: string;
  readonly subtitle: string;
  /** HTML. */
  readonly body: string;
  /** By the name that a `data-chart` element asks for. */
  readonly charts: Readonly<Record<string, Chart>>;
  readonly runId: string;
}

export function renderPage({ title, subtitle, body, charts, runId }: PageContent, assets: PageAssets): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<link rel="icon" href="data:,">
<style>${assets.chartStyle}</style>
<style>${assets.style}</style>
</head>
<body>
<header>
<h1>${escapeHtml(title)}</h1>
<p>${escapeHtml(subtitle)}</p>
</header>
<main>
${body}
</main>
<footer>
<p>Data: FAA Wildlife Strike Database and the list of airports of data.gov, both works of the U.S. Government, through
vega-datasets 3.2.1. Strikes at Barksdale Air Force Base stand at Shreveport Downtown, the nearest listed airport.</p>
<p>Made by run <code>${escapeHtml(runId)}</code> of OptimizedDataProcessing on a Yardmaster mesh. Charts: uPlot (MIT).</p>
</footer>
<script type="application/json" id="charts">${embedJson(charts)}</script>
<script>${assets.chartLibrary}</script>
<script>${assets.script}</script>
</body>
</html>
`;
}

export interface Tile {
  readonly label: string;
  readonly value: string;
  readonly note: string;
}

export function renderTiles(tiles: readonly Tile[]): string {
  const items = tiles.map(
    ({ label, value, note }) =>
      `<li><span>${escapeHtml(label)}</span><strong>${escapeHtml(value)}</strong><small>${escapeHtml(note)}</small></li>`,
  );
  return `<ul class="tiles">${items.join('')}</ul>`;
}

export interface CardOptions {
  readonly title: string;
  readonly note?: string;
  /** HTML. */
  readonly body: string;
  readonly wide?: boolean;
}

export function renderCard({ title, note, body, wide = false }: CardOptions): string {
  const line = note === undefined ? '' : `<p>${escapeHtml(note)}</p>`;
  return `<section class="card${wide ? ' wide' : ''}"><h2>${escapeHtml(title)}</h2>${line}${body}</section>`;
}

/** Where `charts.js` draws the chart of that name. */
export function chartPlace(name: string, label: string): string {
  return `<div class="chart" data-chart="${name}" role="img" aria-label="${escapeHtml(label)}"></div>`;
}

/** A ranking as bars, longest first. */
export function renderRanking(
  lines: readonly { readonly label: string; readonly value: number; readonly note: string }[],
): string {
  const most = Math.max(1, ...lines.map((line) => line.value));
  const items = lines.map(
    ({ label, value, note }) =>
      `<li style="--share:${((value / most) * 100).toFixed(1)}%"><span>${escapeHtml(label)}</span><b>${escapeHtml(note)}</b></li>`,
  );
  return `<ol class="ranking">${items.join('')}</ol>`;
}
