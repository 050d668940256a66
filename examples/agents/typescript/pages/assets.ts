/** What every page carries inside, so that it opens without a network. */
import { readFileSync } from 'node:fs';

export interface PageAssets {
  readonly style: string;
  /** uPlot, which draws the charts, and its style. The build of the package puts them there. */
  readonly chartLibrary: string;
  readonly chartStyle: string;
  /** Finds the charts of a page and draws them. */
  readonly script: string;
}

export function loadPageAssets(): PageAssets {
  const built = new URL('./dist/examples/agents/typescript/pages/', import.meta.resolve('yardmaster/package.json'));
  const read = (name: string, base: string | URL): string => readFileSync(new URL(name, base), 'utf8');
  return {
    style: read('./page.css', import.meta.url),
    script: read('./charts.js', import.meta.url),
    chartLibrary: read('./uplot.js', built),
    chartStyle: read('./uplot.css', built),
  };
}
