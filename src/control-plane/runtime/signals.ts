/** Signals to runs. */
import type { Clock } from '../../core/clock.ts';
import { type Problem, YardmasterError } from '../../core/errors.ts';
import { createUlid } from '../../core/ids.ts';
import type { Random } from '../../core/random.ts';
import type { CompiledWorkflow } from '../../workflow/compiled.ts';
import type { ParameterChecks } from '../parameters/port.ts';
import type { AuditRow, RunRow } from '../store/port.ts';
import type { SignalRunRequest } from './control-plane.ts';
import type { Runs } from './runs.ts';

export interface SignalsOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly runs: Runs;
  readonly checks: ParameterChecks;
  readonly workflowOf: (namespace: string, name: string, version: number) => Promise<CompiledWorkflow>;
}

export class Signals {
  private readonly options: SignalsOptions;

  constructor(options: SignalsOptions) {
    this.options = options;
  }

  /** Answers when the signal is durable. A call without a request id gets one, so that what is decided again is decided once. */
  async send(
    row: RunRow,
    { name, payload, requestId, caller }: SignalRunRequest,
    audit: AuditRow | undefined,
  ): Promise<{ readonly isRepeat: boolean }> {
    const { clock, random, runs } = this.options;
    const fitting = await this.fit(row, name, payload);
    const id = requestId === '' ? createUlid(clock.now(), random) : requestId;
    const command = { type: 'SignalRun', name, payload: fitting, requestId: id, actor: caller?.actor } as const;
    const answer = await runs.ask(row.runId, command, audit);
    if (answer.type !== 'signal') throw new YardmasterError('INTERNAL', `a signal was answered with ${answer.type}`);
    if (answer.refusal === undefined) return { isRepeat: answer.isRepeat };
    const { code, message, next } = answer.refusal;
    throw new YardmasterError(code, message, { next });
  }

  /** The payload with the defaults of its form. Throws SIGNAL_INVALID with every problem. */
  private async fit(row: RunRow, name: string, payload: Uint8Array): Promise<Uint8Array> {
    const { runId, namespace, workflow, version } = row;
    // It is over: the engine says so, and so it does of a name that nobody waits for.
    if (this.options.runs.peek(runId) === undefined) return payload;
    const form = (await this.options.workflowOf(namespace, workflow, version)).forms.get(name);
    if (form === undefined) return payload;
    const { problems, problemCount, parameters } = await this.options.checks.check(form, payload);
    const told = problems.map(ofPayload);
    const [first] = told;
    if (first === undefined) return parameters;
    const fact = problemCount === 1 ? first.message : `what it says has ${problemCount} problems`;
    throw new YardmasterError('SIGNAL_INVALID', `Cannot send signal "${name}" to run "${runId}": ${fact}`, {
      problems: told,
      meta: { problemCount: String(problemCount) },
      next: `yardmaster runs get ${runId} shows what it takes`,
    });
  }
}

const CHECKED = 'parameters';

/** Checks speak of parameters; here it is a payload. */
function ofPayload({ message, place, ...problem }: Problem): Problem {
  const rename = (text: string): string => (text.startsWith(CHECKED) ? `payload${text.slice(CHECKED.length)}` : text);
  const pointer = place?.pointer === undefined ? {} : { place: { ...place, pointer: rename(place.pointer) } };
  return { ...problem, code: 'SIGNAL_INVALID', message: rename(message), ...pointer };
}
