/** How long a session waits before it dials again. Pure. */
import type { Random } from '../core/random.ts';
import type { LinkStatus } from './link.ts';

/** Full jitter between nothing and a ceiling that doubles from 0.2 s to 10 s (design: protocol.md section 3). */
const FIRST_CEILING_MS = 200;
const LAST_CEILING_MS = 10_000;
/** A control plane may ask for a longer pause, but not for an endless one. */
const ASKED_MS_MAX = 60_000;

/** Reasons that time does not mend: a person has to change something. */
const REASONS_FOR_A_PERSON = new Set(['BAD_TOKEN', 'AGENT_ID_NOT_ALLOWED', 'PROTOCOL_UNSUPPORTED']);
const CODES_FOR_A_PERSON = new Set(['UNAUTHENTICATED', 'PERMISSION_DENIED', 'UNIMPLEMENTED', 'INVALID_ARGUMENT']);

/** True when the refusal needs a person; then the session tries every 10 s. */
export function needsPerson(status: LinkStatus): boolean {
  if (status.reason !== undefined && REASONS_FOR_A_PERSON.has(status.reason)) return true;
  return CODES_FOR_A_PERSON.has(status.code);
}

/** Milliseconds until the next dial. `tries` counts the dials since the last good connection, from 0. */
export function reconnectDelayMs(tries: number, status: LinkStatus, random: Random): number {
  if (needsPerson(status)) return LAST_CEILING_MS;
  const ceiling = Math.min(LAST_CEILING_MS, FIRST_CEILING_MS * 2 ** Math.min(tries, 10));
  const asked = Math.min(status.retryAfterMs ?? 0, ASKED_MS_MAX);
  return asked + random.next() * ceiling;
}
