/** Replaces the dashboard page, in one move: a reader sees the old one or the new one. OUTPUTS names its folder. */
import { join } from 'node:path';
import { Agent } from 'yardmaster/agent-sdk';
import { update } from './capabilities.ts';
import { loadPageAssets } from './pages/assets.ts';
import { renderDashboard } from './pages/dashboard.ts';
import { writePage } from './pages/write-page.ts';
import { LABELS, readSetting } from './settings.ts';

const outputs = readSetting('OUTPUTS');
const assets = loadPageAssets();
const agent = new Agent({ id: 'dashboard-updater', labels: LABELS });

agent.handle(update, (summary, ctx) => {
  return writePage(join(outputs, 'dashboard.html'), renderDashboard(summary, ctx.attempt.runId, assets));
});

await agent.start({ signals: true });
