/** What a timer has to know beside the run's state when it is decided: signs of life of its attempt, and stops that nobody may have heard. */
import type { Clock } from '../../core/clock.ts';
import { formatAttemptId } from '../../core/ids.ts';
import { attemptsOf, findAttempt } from '../engine/attempts.ts';
import type { TimerFired } from '../engine/commands.ts';
import { findAgentStep, liveSteps } from '../engine/frames.ts';
import { type AgentStep, isAgentStep, type RunState } from '../engine/state.ts';
import type { HeldAttempt, Instance } from '../registry/instance.ts';
import type { Unheard } from '../registry/unheard.ts';
import type { RunHolder } from './run-holder.ts';

export interface TimerFactsOptions {
  readonly clock: Clock;
  readonly instances: ReadonlyMap<string, Instance>;
  readonly unheard: Unheard;
  readonly registryTime: () => number;
}

export class TimerFacts {
  private readonly options: TimerFactsOptions;

  constructor(options: TimerFactsOptions) {
    this.options = options;
  }

  complete(state: RunState, { usage }: RunHolder, command: TimerFired): TimerFired {
    const { path, attempt } = command;
    if (path === '') return { ...command, mayRunUntil: this.ofRun(state) };
    const step = findAgentStep(state, path);
    if (step === undefined) return command;
    const used = usage?.get(`${path}#${attempt}`);
    return {
      ...command,
      heardAt: this.heldOf(state, step, attempt)?.heardAt ?? 0,
      mayRunUntil: this.wallOf(this.ofStep(state, step)),
      ...(used === undefined || Object.keys(used).length === 0 ? {} : { usage: used }),
    };
  }

  private heldOf({ runId }: RunState, step: AgentStep, number: number): HeldAttempt | undefined {
    const instance = this.options.instances.get(findAttempt(step, number)?.instanceId ?? '');
    return instance?.held.get(formatAttemptId({ runId, path: step.path, number }));
  }

  private ofStep({ runId }: RunState, step: AgentStep): number {
    const { unheard, registryTime } = this.options;
    const { path, node } = step;
    let until = Number.NEGATIVE_INFINITY;
    for (const { isUnconfirmed, idempotent, number, instanceId } of attemptsOf(step)) {
      if (!isUnconfirmed || idempotent) continue;
      const attemptId = formatAttemptId({ runId, path, number });
      const ended = { attemptId, instanceId, lossWindowMs: node.lossWindowMs ?? 0 };
      until = Math.max(until, unheard.until(ended, registryTime()));
    }
    return until;
  }

  /** Only its next try asks. */
  private ofRun(state: RunState): number {
    if (state.tryAt === 0) return 0;
    const { unheard, registryTime } = this.options;
    let until = unheard.untilOfRun(state.runId, registryTime());
    for (const step of liveSteps(state)) if (isAgentStep(step)) until = Math.max(until, this.ofStep(state, step));
    return this.wallOf(until);
  }

  private wallOf(registryTime: number): number {
    const leftMs = registryTime - this.options.registryTime();
    return leftMs > 0 ? Math.ceil(this.options.clock.now() + leftMs) : 0;
  }
}
