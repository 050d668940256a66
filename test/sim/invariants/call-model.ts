/** What the journals of callers and of their calls may say of each other. */
import type { RunCreated, RunEvent } from '../../../src/control-plane/engine/events.ts';
import { isCallWorkflow } from '../../../src/workflow/call-workflow.ts';
import type { Asked } from '../asks.ts';
import type { Verdict } from '../failure.ts';
import type { RunModel } from './run-model.ts';

/** A call that no step waits for any more is told so within this time of the control plane being well. */
const CANCEL_MS = 5_000;

interface Call {
  readonly parentRunId: string;
  readonly path: string;
  /** The try of the run of the caller that it was made in. */
  readonly try: number;
  isOver: boolean;
  isCancelled: boolean;
  /** Since when nobody waits for it, virtual ms. */
  unwantedSince: number | undefined;
}

export class CallModel {
  private readonly calls = new Map<string, Call>();
  private readonly byRequest = new Map<string, string>();
  /** Calls by step and try. */
  private readonly counts = new Map<string, number>();
  private readonly runs: ReadonlyMap<string, RunModel>;
  private readonly asked: Asked;
  private readonly verdict: Verdict;
  private readonly now: () => number;

  constructor(runs: ReadonlyMap<string, RunModel>, asked: Asked, verdict: Verdict, now: () => number) {
    this.runs = runs;
    this.asked = asked;
    this.verdict = verdict;
    this.now = now;
  }

  get count(): number {
    return this.calls.size;
  }

  isCall(runId: string): boolean {
    return this.calls.has(runId);
  }

  take(runId: string, event: RunEvent): void {
    if (event.type === 'RunCreated') return this.begin(event);
    const call = this.calls.get(runId);
    if (call === undefined) return;
    if (event.type === 'CancelRequested') call.isCancelled = true;
    if (event.type === 'RunEnded') call.isOver = true;
  }

  /** After a batch: whose step is over now. */
  look(): void {
    for (const call of this.calls.values()) {
      if (call.isOver || call.unwantedSince !== undefined || this.isWanted(call)) continue;
      call.unwantedSince = this.now();
    }
  }

  /** `wellSince`: of the control plane and its disk. */
  check(wellSince: number): void {
    for (const [runId, { isOver, isCancelled, unwantedSince, parentRunId, path }] of this.calls) {
      if (isOver || isCancelled || unwantedSince === undefined) continue;
      this.verdict.check(
        this.now() - Math.max(wellSince, unwantedSince) < CANCEL_MS,
        'a call is cancelled when the step of its caller is over',
        () => `${runId} goes on, and ${parentRunId}/${path} is over since ${unwantedSince}`,
      );
    }
  }

  private begin({ runId, workflow, parent, requestId }: RunCreated): void {
    if (!isCallWorkflow(workflow)) return;
    const [, made = '', path = ''] = requestId?.split(':', 3) ?? [];
    const known = this.byRequest.get(requestId ?? '');
    this.verdict.check(known === undefined, 'a key of a step is one call', () => `${requestId}: ${known} and ${runId}`);
    this.byRequest.set(requestId ?? '', runId);
    const isNamed = parent !== undefined && path === parent.path && requestId?.startsWith(`call/${parent.runId}:`);
    this.verdict.check(isNamed === true, 'a call says whose it is', () => `${runId}: ${requestId}`);
    const ofStep = `${parent?.runId}/${path} ${made}`;
    const count = (this.counts.get(ofStep) ?? 0) + 1;
    this.counts.set(ofStep, count);
    const keys = this.asked.count(parent?.runId ?? '', path);
    this.verdict.check(
      count <= keys,
      'a key of a step is one call',
      () => `${ofStep} has ${count} calls and asked under ${keys} keys`,
    );
    const step = this.runs.get(parent?.runId ?? '')?.steps.get(path);
    this.verdict.check(
      (step?.attempts.length ?? 0) > 0,
      'a call is made by an attempt',
      () => `${runId} of ${parent?.runId}/${path}`,
    );
    const call = { parentRunId: parent?.runId ?? '', path, try: Number(made) };
    this.calls.set(runId, { ...call, isOver: false, isCancelled: false, unwantedSince: undefined });
  }

  private isWanted({ parentRunId, path, try: made }: Call): boolean {
    const run = this.runs.get(parentRunId);
    const step = run?.steps.get(path);
    return run?.outcome === undefined && run?.try === made && step !== undefined && !step.isOver;
  }
}
