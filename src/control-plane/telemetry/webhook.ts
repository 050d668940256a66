/**
 * Alerts as POST requests. With a secret each is signed: `x-yardmaster-signature` is `v1=` and the HMAC-SHA-256, in hex, of
 * `<x-yardmaster-timestamp>.<body>`. A receiver compares it in constant time and refuses old timestamps.
 */
import { createHmac } from 'node:crypto';
import type { AlertMessage, Delivery } from './alert-sink.ts';

export interface WebhookOptions {
  readonly url: string;
  /** '': unsigned. */
  readonly secret: string;
  /** Unix seconds. */
  readonly now: () => number;
}

const TIMEOUT_MS = 10_000;
/** Worth another try; other answers of 400 to 499 say that it will never be taken. */
const PASSING_REFUSALS = new Set([408, 425, 429]);

/** Never rejects. */
export function createWebhook({ url, secret, now }: WebhookOptions): (message: AlertMessage) => Promise<Delivery> {
  return async (message) => {
    const body = JSON.stringify(message);
    const timestamp = String(now());
    const headers: Record<string, string> = {
      'content-type': 'application/json',
      'x-yardmaster-alert': message.id,
      'x-yardmaster-timestamp': timestamp,
    };
    if (secret !== '') headers['x-yardmaster-signature'] = sign(secret, timestamp, body);
    try {
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      const answer = await fetch(url, { method: 'POST', body, headers, redirect: 'error', signal });
      await answer.body?.cancel();
      return deliveryOf(answer.status);
    } catch {
      // Nobody there, too slow, a redirect: the next try may be luckier.
      return 'later';
    }
  };
}

function sign(secret: string, timestamp: string, body: string): string {
  return `v1=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`;
}

function deliveryOf(status: number): Delivery {
  if (status >= 200 && status < 300) return 'taken';
  return status >= 400 && status < 500 && !PASSING_REFUSALS.has(status) ? 'refused' : 'later';
}
