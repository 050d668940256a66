/** Writes the report. OUTPUTS names its folder. */
import { join } from 'node:path';
import { Agent } from 'yardmaster/agent-sdk';
import { generate } from './capabilities.ts';
import { loadPageAssets } from './pages/assets.ts';
import { renderReport } from './pages/report.ts';
import { writePage } from './pages/write-page.ts';
import { LABELS, readSetting } from './settings.ts';

const outputs = readSetting('OUTPUTS');
const assets = loadPageAssets();
const agent = new Agent({ id: 'report-generator', labels: LABELS });

agent.handle(generate, (summary, ctx) => {
  return writePage(join(outputs, 'report.html'), renderReport(summary, ctx.attempt.runId, assets));
});

await agent.start({ signals: true });
