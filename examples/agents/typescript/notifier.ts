/** Tells people. WEBHOOK_URL is where messages are posted. */
import { Agent, StepError } from 'yardmaster/agent-sdk';
import { notify } from './capabilities.ts';
import { LABELS, readSetting } from './settings.ts';

const url = readSetting('WEBHOOK_URL');
const agent = new Agent({ id: 'notifier', labels: LABELS });

agent.handle(notify, async (summary, ctx) => {
  const message = `${summary.strikes} bird strikes at ${summary.airports.length} airports, ${summary.damaged} with damage`;
  const response = await fetch(url, {
    method: 'POST',
    // The receiver drops a second message with the same key, should the step run again.
    headers: { 'content-type': 'application/json', 'idempotency-key': ctx.attempt.idempotencyKey },
    body: JSON.stringify({ runId: ctx.attempt.runId, message, strikes: summary.strikes }),
    signal: ctx.signal,
  });
  if (!response.ok) throw new StepError('WEBHOOK_REFUSED', `the webhook answered ${response.status}`);
  return { status: response.status, message };
});

await agent.start({ signals: true });
