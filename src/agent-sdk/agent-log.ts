/** The phases of a session as lines for people. */

import { needsPerson } from './reconnect.ts';
import type { SessionPhase } from './session-phase.ts';

/** Of an address that cannot be dialled. */
const ADDRESS_CHARS_SHOWN = 80;

/** Anything with these three, such as `console` or a pino logger wrapped. */
export interface AgentLogger {
  info(message: string, fields: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields: Readonly<Record<string, unknown>>): void;
  error(message: string, fields: Readonly<Record<string, unknown>>): void;
}

export function logPhase(logger: AgentLogger, phase: SessionPhase): void {
  switch (phase.state) {
    case 'CONNECTING':
      return;
    case 'CONNECTED':
      return logger.info('connected', { node: phase.node });
    case 'WAITING': {
      const { code, message, reason } = phase.status;
      const fields = { code, reason, retryInMs: Math.round(phase.delayMs) };
      if (needsPerson(phase.status)) logger.error(`refused: ${message}`, fields);
      else logger.warn(`disconnected: ${message}`, fields);
      return;
    }
    case 'MOVING':
      if (phase.ignored.length > 0)
        logger.warn('the control plane named addresses that are not host:port; they are ignored', {
          addresses: phase.ignored.map((address) => address.slice(0, ADDRESS_CHARS_SHOWN)),
        });
      return logger.info('connecting anew, as the control plane asked', {
        reason: phase.reason,
        ...(phase.address === undefined ? {} : { address: phase.address }),
      });
    case 'REFUSED':
      for (const { name, version, reason } of phase.capabilities)
        logger.error(`capability refused: ${reason}`, { capability: name, version });
      return;
    case 'DRAINING':
      return logger.info('leaving: no new work', { held: phase.held });
    case 'ENDED':
      return logger.info('ended', { reason: phase.reason });
  }
}
