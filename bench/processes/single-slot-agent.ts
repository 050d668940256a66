/**
 * One slot: measures the time from the return of one handler to the start of the next, on request. Arguments: url, and `any-run`
 * to count gaps between two runs, too.
 */
import { Agent } from 'yardmaster/agent-sdk';

const [url = '', scope = ''] = process.argv.slice(2);
const agent = new Agent({ id: 'single', slots: 1, url, inline: true });
let returnedAt = 0;
let lastRun = '';
let gaps: number[] = [];

agent.handle('single', (_input, ctx) => {
  const now = performance.now();
  // Only within a run: between two runs of the small case the client, not the scheduler, makes it wait.
  if (returnedAt > 0 && (lastRun === ctx.attempt.runId || scope === 'any-run')) gaps.push(now - returnedAt);
  lastRun = ctx.attempt.runId;
  returnedAt = performance.now();
  return null;
});
process.on('message', (message) => {
  if (message !== 'gaps') return;
  process.send?.({ gaps });
  gaps = [];
});
await agent.start();
process.send?.({ pid: process.pid });
process.on('disconnect', () => process.exit(0));
