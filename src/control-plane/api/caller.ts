/** Who makes a call: what the transport knows, and what the caller says. Nothing of it is proven, there is no login yet. */
import { createContextKey, type HandlerContext } from '@connectrpc/connect';
import { limits } from '../../core/limits.ts';
import type { Caller } from '../runtime/control-plane.ts';
import { cutText } from './convert/text.ts';

/** Set by the transport. */
export interface CallOrigin {
  /** IP address without the port; '' : not known. */
  readonly address: string;
  /** '' : it was not sent. `name` in small letters. */
  header(name: string): string;
}

export const originKey = createContextKey<CallOrigin | undefined>(undefined, { description: 'where a call came from' });

/** The metadata with which a caller says who it is. */
const ACTOR_HEADER = 'x-yardmaster-actor';
/** What callers without a name are called. */
export const ANONYMOUS = 'anonymous';

export function readCaller(context: HandlerContext): Caller {
  const origin = context.values.get(originKey) ?? originInProcess(context);
  const actor = tidy(origin.header(ACTOR_HEADER), limits.auditNameCharsMax);
  return {
    actor: actor === '' || actor === ANONYMOUS ? undefined : actor,
    userAgent: tidy(origin.header('user-agent'), limits.userAgentCharsMax),
    address: origin.address,
  };
}

function originInProcess({ requestHeader }: HandlerContext): CallOrigin {
  return { address: '', header: (name) => requestHeader.get(name) ?? '' };
}

/** Headers are ASCII by their standards, and what is not may draw on the terminal of whoever reads the log. */
function tidy(text: string, charsMax: number): string {
  return cutText(text.trim().replace(/[^ -~]/g, '?'), charsMax);
}
