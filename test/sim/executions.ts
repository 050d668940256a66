/** What handlers really do, on virtual time: who runs what, and whether two runs of one step overlap. */
import type { AttemptInfo } from '../../src/agent-sdk/context.ts';
import type { Verdict } from './failure.ts';
import type { Process, World } from './world.ts';

export interface Execution {
  readonly step: string;
  readonly attempt: string;
  readonly number: number;
  readonly process: Process;
  readonly idempotent: boolean;
  readonly startedAt: number;
  readonly freezesBefore: number;
  /** It was told to stop and goes on all the same. */
  isStubborn: boolean;
}

export class Executions {
  private readonly world: World;
  private readonly verdict: Verdict;
  private readonly running = new Map<string, Set<Execution>>();
  private readonly started = new Set<string>();
  private readonly handled = new Set<string>();
  count = 0;

  constructor(world: World, verdict: Verdict) {
    this.world = world;
    this.verdict = verdict;
  }

  begin(process: Process, info: AttemptInfo, idempotent: boolean): Execution {
    const step = `${info.runId}/${info.step}`;
    const attempt = `${step}#${info.number}`;
    const execution: Execution = {
      step,
      attempt,
      number: info.number,
      process,
      idempotent,
      startedAt: this.world.now,
      freezesBefore: process.freezes,
      isStubborn: false,
    };
    this.count += 1;
    const key = `${process.name} ${attempt}`;
    this.verdict.check(
      !this.started.has(key),
      'an attempt starts once',
      () => `${attempt} starts again in ${process.name}`,
    );
    this.started.add(key);
    const others = this.running.get(step) ?? new Set();
    this.running.set(step, others);
    if (!idempotent) for (const other of others) this.judge(other, execution);
    others.add(execution);
    return execution;
  }

  /** Whether the handler of an attempt (`run/step#1`) has ended in this process: its result may not be durable yet. */
  hasHandled(process: string, attempt: string): boolean {
    return this.handled.has(`${process} ${attempt}`);
  }

  /** Here every frame of a stream arrives, so the two sides never differ for good on what an instance holds. */
  toldToMove(process: Process, reason: string): void {
    const isNeeded = reason !== 'RESYNC';
    this.verdict.check(isNeeded, 'nobody is asked for another Hello without need', () => process.name);
  }

  /** Its input has a secret. */
  gotToken({ attempt }: Execution, isRight: boolean): void {
    this.verdict.check(isRight, 'an attempt gets the values of its secrets', () => attempt);
  }

  end(execution: Execution): void {
    this.handled.add(`${execution.process.name} ${execution.attempt}`);
    this.running.get(execution.step)?.delete(execution);
  }

  /** The process is gone, and with it everything that it did. */
  processEnded(process: Process): void {
    for (const executions of this.running.values()) {
      for (const execution of executions) if (execution.process === process) executions.delete(execution);
    }
  }

  /** The stated exceptions: a process that stood still and wakes late, and a handler that ignores its signal. */
  private judge(other: Execution, execution: Execution): void {
    const spansFreeze = other.process.isFrozen || other.process.freezes > other.freezesBefore;
    const isExcused = other.isStubborn || spansFreeze;
    this.verdict.check(
      isExcused,
      'executions of a step that is not idempotent do not overlap',
      () =>
        `${execution.attempt} starts in ${execution.process.name} while ${other.attempt} runs in ${other.process.name}`,
    );
  }
}
