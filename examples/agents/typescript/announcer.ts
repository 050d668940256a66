/** Tells people: posts a message, which its receiver drops when it comes a second time. */
import { Agent, type AgentOptions, StepError } from 'yardmaster/agent-sdk';
import { announce } from './orders/capabilities.ts';

export function createAnnouncer(webhookUrl: string, options: Omit<AgentOptions, 'id'> = {}): Agent {
  return new Agent({ id: 'announcer', ...options }).handle(announce, async ({ message }, ctx) => {
    const response = await fetch(webhookUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': ctx.attempt.idempotencyKey },
      body: JSON.stringify({ runId: ctx.attempt.runId, message }),
      signal: ctx.signal,
    });
    if (!response.ok) throw new StepError('WEBHOOK_REFUSED', `the webhook answered ${response.status}`);
    return { status: response.status };
  });
}
