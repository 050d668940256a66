/** Signals to runs. */
import type { Clock } from '../../core/clock.ts';
import { YardmasterError } from '../../core/errors.ts';
import { createUlid } from '../../core/ids.ts';
import type { Random } from '../../core/random.ts';
import type { AuditRow, RunRow } from '../store/port.ts';
import type { SignalRunRequest } from './control-plane.ts';
import type { Runs } from './runs.ts';

export class Signals {
  private readonly options: { readonly clock: Clock; readonly random: Random; readonly runs: Runs };

  constructor(options: Signals['options']) {
    this.options = options;
  }

  /** Answers when the signal is durable. A call without a request id gets one, so that what is decided again is decided once. */
  async send(
    row: RunRow,
    { name, payload, requestId, caller }: SignalRunRequest,
    audit: AuditRow | undefined,
  ): Promise<{ readonly isRepeat: boolean }> {
    const { clock, random, runs } = this.options;
    const id = requestId === '' ? createUlid(clock.now(), random) : requestId;
    const command = { type: 'SignalRun', name, payload, requestId: id, actor: caller?.actor } as const;
    const answer = await runs.ask(row.runId, command, audit);
    if (answer.type !== 'signal') throw new YardmasterError('INTERNAL', `a signal was answered with ${answer.type}`);
    if (answer.refusal === undefined) return { isRepeat: answer.isRepeat };
    const { code, message, next } = answer.refusal;
    throw new YardmasterError(code, message, { next });
  }
}
