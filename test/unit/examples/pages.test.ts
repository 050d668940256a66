import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { renderDashboard } from '../../../examples/agents/typescript/pages/dashboard.ts';
import { renderReport } from '../../../examples/agents/typescript/pages/report.ts';
import { cleanAirports, cleanStrikes } from '../../../examples/agents/typescript/strikes/clean.ts';
import { createJoin } from '../../../examples/agents/typescript/strikes/join.ts';
import { summarize } from '../../../examples/agents/typescript/strikes/summary.ts';
import { TotalsFile } from '../../../examples/agents/typescript/strikes/totals-file.ts';
import { countPage } from '../../../src/demo/evidence.ts';
import { airportTable, strikeTable } from './strikes.ts';

const RUN = '01k<script>alert(1)</script>';
const assets = { style: 'a{}', chartLibrary: '/* library */', chartStyle: 'b{}', script: '/* script */' };

const folder = mkdtempSync(join(tmpdir(), 'yardmaster-test-'));
const { strikes } = cleanStrikes([strikeTable()]);
const some = strikes.slice(0, 1_000);
const airports = cleanAirports(airportTable());
const summary = (() => {
  using file = new TotalsFile(join(folder, 'x.db'));
  file.add(some.map(createJoin(airports)));
  const nasty = { ...file.checkpoint().totals };
  nasty.operator = nasty.operator.map((line, i) => (i === 0 ? { ...line, key: '</script><b>&' } : line));
  return summarize({ strikes: some, airports, totals: nasty });
})();

describe.each([
  ['report', renderReport],
  ['dashboard', renderDashboard],
])('the %s', (name, render) => {
  const html = render(summary, RUN, assets);

  test('shows every strike once', () => {
    const path = join(folder, `${name}.html`);
    writeFileSync(path, html);
    expect(countPage(path)).toBe(1_000);
  });

  test('escapes what comes from data', () => {
    expect(html).not.toContain('<script>alert');
    expect(html).not.toContain('</script><b>');
  });

  test('loads nothing: no address in it but those of its text', () => {
    expect(html).not.toMatch(/(?:src|href)="(?!data:)/);
    expect(html).not.toMatch(/@import|url\(/);
  });
});

test('the pages carry what the build puts beside them', () => {
  const built = new URL('../../../dist/examples/agents/typescript/pages/uplot.js', import.meta.url);
  expect(readFileSync(built, 'utf8')).toContain('uPlot');
  rmSync(folder, { recursive: true });
});
