/**
 * An agent with a ledger: every execution of a handler is written to a file of its own before the work begins. The work is
 * a hash chain, so that attempts are in flight when something is killed. Arguments: url, agent id, ledger file.
 */
import { createHash } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { Agent } from '../../../src/agent-sdk/index.ts';

const ROUNDS_MAX = 40;
const HASHES_PER_ROUND = 400;

const [url = '', id = '', ledger = ''] = process.argv.slice(2);
const agent = new Agent({ id, slots: 16, url });

agent.handle<{ readonly seed: string }>('work', async ({ seed }, ctx) => {
  const { runId, step, number } = ctx.attempt;
  appendFileSync(ledger, `${JSON.stringify({ runId, step, number, agent: id })}\n`);
  let text = seed;
  const rounds = 1 + (seed.length % ROUNDS_MAX);
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < HASHES_PER_ROUND; i++) text = createHash('sha256').update(text).digest('hex');
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { seed: text };
});
await agent.start();
process.send?.({ pid: process.pid });
process.on('disconnect', () => process.exit(0));
