/**
 * Why a step does not run: one reason, a sentence, and the command that looks further or mends it. Pure; the same for `GetRun` and
 * for `ExplainStep`, so that both say the same.
 */
import { toJson } from '@bufbuild/protobuf';
import { TimestampSchema, timestampFromMs } from '@bufbuild/protobuf/wkt';
import { shortId } from '../../core/ids.ts';
import { attemptsOf, liveAttempts, nextTryOf } from '../engine/attempts.ts';
import { type AttemptRecord, isAgentStep, type RunState, type Step } from '../engine/state.ts';
import { isStepOver } from '../engine/status.ts';
import { parentOf, stepAt } from '../engine/step-tree.ts';
import type { Candidate, Explanation } from '../scheduler/types.ts';
import type { RunRow } from '../store/port.ts';
import type { QueuePlace } from './workflow-queue.ts';

/** NONE: it does not wait. The others are those of the API, by the same names. */
export type WaitReason =
  | 'NONE'
  | 'NO_AGENT'
  | 'NO_SLOT'
  | 'BACKOFF'
  | 'AGENT_UNREACHABLE'
  | 'STOPPING'
  | 'BLOCK_CONCURRENCY'
  | 'PAUSED'
  | 'RUN_QUEUED'
  | 'CONCURRENCY_KEY'
  | 'SIGNAL'
  | 'CHILD'
  | 'TIMER'
  | 'DEPENDENCY';

export interface StepWait {
  readonly reason: WaitReason;
  /** One sentence, without a full stop. */
  readonly summary: string;
  /** A command, or an edit. */
  readonly next: string;
  /** Since when it waits, wall ms; 0: it does not, or nobody noted it. */
  readonly since: number;
  /** When the wait ends by itself at the latest, wall ms; 0: never. */
  readonly dueAt: number;
}

export interface WaitFacts {
  /** What the scheduler knows of a queued step. */
  readonly explain: () => Explanation;
  /** True for an instance that is known and gives no sign now. */
  readonly isOutOfReach: (instanceId: string) => boolean;
}

/** Dependencies that a sentence names. */
const NAMED_MAX = 3;

export function waitOf(state: RunState, step: Step, facts: WaitFacts): StepWait {
  const { status, path } = step;
  const run = shortId(state.runId);
  if (isStepOver(status)) return runs(`${path} is ${status}`, `yardmaster runs get ${run}`);
  if (status === 'PENDING') return waitOfPending(state, step);
  if (step.isQueued && liveAttempts(step).every(({ isUnreachable }) => isUnreachable))
    return waitInQueue(state, step, facts);
  if (!isAgentStep(step)) return waitOfHeld(state, step);
  return waitOfAttempts(state, step, facts);
}

function runs(summary: string, next: string): StepWait {
  return { reason: 'NONE', summary, next, since: 0, dueAt: 0 };
}

function waitOfPending(state: RunState, step: Step): StepWait {
  const run = shortId(state.runId);
  const open = step.node.dependencies
    .map((slot) => stepAt(step.frame, slot))
    .filter(({ status }) => !isStepOver(status));
  const [first] = open;
  const common = { since: 0, dueAt: 0 };
  if (first !== undefined) {
    const named = open.slice(0, NAMED_MAX).map(({ path }) => path);
    const rest = open.length > NAMED_MAX ? ` and ${open.length - NAMED_MAX} more` : '';
    const summary = `waits for the end of ${named.join(', ')}${rest}`;
    return { ...common, reason: 'DEPENDENCY', summary, next: `yardmaster runs explain ${run} ${first.path}` };
  }
  const parent = parentOf(step);
  if (parent !== undefined && parent.status !== 'RUNNING') {
    const summary = `waits until ${parent.path}, which it is in, begins`;
    return { ...common, reason: 'DEPENDENCY', summary, next: `yardmaster runs explain ${run} ${parent.path}` };
  }
  if (parent === undefined && step.node.isCleanup && (state.ending === undefined || state.openRoots > 0)) {
    const summary = 'is cleanup: it waits for the end of the body';
    return { ...common, reason: 'DEPENDENCY', summary, next: `yardmaster runs get ${run}` };
  }
  if (state.pausedAt > 0) return paused(state);
  if (parent?.node.kind === 'parallel') {
    const { concurrency } = parent.node;
    const summary = `its block ${parent.path} runs ${concurrency} of its steps at once, as many as it may`;
    return {
      ...common,
      reason: 'BLOCK_CONCURRENCY',
      summary,
      next: `wait, or a higher concurrency of ${parent.node.id}`,
    };
  }
  return runs('is about to begin', `yardmaster runs watch ${run}`);
}

/** Every step of a run that waits for its turn. */
export function waitOfQueued({ workflow, queuedAt }: RunRow, place: QueuePlace | undefined): StepWait {
  const common = { reason: 'RUN_QUEUED', since: queuedAt, dueAt: 0 } as const;
  if (place === undefined) return { ...common, summary: 'its run is about to start', next: 'wait a moment' };
  const { position, waiting, active, limit } = place;
  const most = limit === undefined ? '' : `, at most ${limit} at once`;
  const summary = `its run is number ${position} of ${waiting} that wait: ${active} of "${workflow}" are active${most}`;
  return { ...common, summary, next: 'wait, or raise the concurrency of its workflow' };
}

function paused({ runId, pausedAt }: RunState): StepWait {
  const next = `yardmaster runs resume ${shortId(runId)}`;
  return { reason: 'PAUSED', summary: 'PAUSED: its run is paused', next, since: pausedAt, dueAt: 0 };
}

function waitInQueue(state: RunState, step: Step, facts: WaitFacts): StepWait {
  const { queuedAt: since } = step;
  if (state.pausedAt > 0) return { ...paused(state), since };
  return { ...judge(facts.explain()), since, dueAt: 0 };
}

/** Reasons of instances that could take the step if they had room, or took new work. */
const ABLE: ReadonlySet<Candidate['reason']> = new Set(['free', 'busy', 'concurrency', 'avoided', 'state', 'excluded']);

/** It could take the step, now or when it has room. */
export function isAble({ reason }: Candidate): boolean {
  return ABLE.has(reason);
}

/** What the scheduler says of a queued step. */
function judge({ candidates, class: stepClass, key }: Explanation): Pick<StepWait, 'reason' | 'summary' | 'next'> {
  // Between two decisions the scheduler may not know of it yet.
  if (stepClass === undefined) return { reason: 'NO_SLOT', summary: 'is about to be given out', next: 'wait a moment' };
  if (key !== undefined) {
    const summary = `CONCURRENCY_KEY "${key.name}": ${key.running} of ${key.limit} run`;
    return { reason: 'CONCURRENCY_KEY', summary, next: 'wait until an attempt that has its key ends' };
  }
  const { capability, agentId } = stepClass;
  const able = candidates.filter(isAble);
  if (able.length === 0) {
    const wanted = agentId === '' ? `offers ${capability}` : `is ${agentId} and offers ${capability}`;
    const needs = needsOf(stepClass);
    const near = candidates.filter(({ reason }) => reason === 'version' || reason === 'label');
    const summary = near.length === 0 ? wanted : `${wanted}${needs}: ${tellSome(near)}`;
    return {
      reason: 'NO_AGENT',
      summary: `NO_AGENT: no live agent ${summary}`,
      next: `start an agent that ${wanted}${needs}`,
    };
  }
  const [free] = able.filter(({ reason }) => reason === 'free');
  if (free !== undefined)
    return { reason: 'NO_SLOT', summary: `is about to be given to ${nameOf(free)}`, next: 'wait a moment' };
  const busy = able.filter(({ reason }) => reason === 'busy' || reason === 'concurrency' || reason === 'avoided');
  const [first] = busy;
  if (first === undefined)
    return {
      reason: 'NO_SLOT',
      summary: `takes no work now: ${tellSome(able)}`,
      next: `wait, or start another agent that offers ${capability}`,
    };
  const summary = `busy: ${busy.length} can take it, none has a free slot`;
  return { reason: 'NO_SLOT', summary, next: `wait, or more slots on ${first.agentId}` };
}

/** ` ^2.0, region=eu`: what is asked besides the action. */
function needsOf({ versionRange, labels }: NonNullable<Explanation['class']>): string {
  const wanted = Object.entries(labels).map(([key, value]) => `, ${key}=${value}`);
  return [versionRange === '' ? '' : ` ${versionRange}`, ...wanted].join('');
}

function tellSome(candidates: readonly Candidate[]): string {
  return candidates
    .slice(0, NAMED_MAX)
    .map((candidate) => `${nameOf(candidate)} ${candidate.detail}`)
    .join(', ');
}

function nameOf({ agentId, instanceId }: Pick<AttemptRecord, 'agentId' | 'instanceId'>): string {
  return `${agentId}/${instanceId.slice(-4)}`;
}

/** A block, or a step that no agent has. */
function waitOfHeld(state: RunState, step: Step): StepWait {
  const { node, detail, readyAt: since, status } = step;
  const run = shortId(state.runId);
  const stoppingUntil = detail?.stoppingUntil ?? 0;
  if (stoppingUntil > 0) {
    const summary = 'was told to stop, and waits for what is in it';
    return { reason: 'STOPPING', summary, next: `yardmaster runs watch ${run}`, since: 0, dueAt: stoppingUntil };
  }
  if (status !== 'WAITING') return runs(standingOf(step), `yardmaster runs watch ${run}`);
  if (node.kind === 'workflow') return waitOfChild(node.workflow, detail?.child?.runId, run, since);
  if (node.kind === 'signal') {
    const next = `yardmaster runs signal ${run} ${node.signal}${node.form === undefined ? '' : ' --payload JSON'}`;
    return { reason: 'SIGNAL', summary: summarizeWait(step), next, since, dueAt: detail?.waitUntil ?? 0 };
  }
  const retryAt = detail?.retryAt ?? 0;
  if (retryAt > 0) {
    const summary = `waits until ${timeText(retryAt)} for its next iteration`;
    return { reason: 'BACKOFF', summary, next: `yardmaster runs watch ${run}`, since: 0, dueAt: retryAt };
  }
  const dueAt = detail?.waitUntil ?? 0;
  return { reason: 'TIMER', summary: summarizeWait(step), next: `yardmaster runs watch ${run}`, since, dueAt };
}

/** One sentence: where a block stands. */
function standingOf({ path, status, detail }: Step): string {
  if (detail?.map === undefined) return `${path} is ${status}`;
  const { count, started, ended, failed } = detail.map;
  const running = status === 'RUNNING' ? `, ${started - ended} run` : '';
  return `${ended} of ${count} items ended${failed === 0 ? '' : `, ${failed} failed`}${running}`;
}

function waitOfChild(workflow: string, child: string | undefined, run: string, since: number): StepWait {
  const common = { reason: 'CHILD', since, dueAt: 0 } as const;
  if (child === undefined)
    return { ...common, summary: `waits for a run of "${workflow}" to start`, next: `yardmaster runs watch ${run}` };
  return {
    ...common,
    summary: `waits for run ${child} of "${workflow}"`,
    next: `yardmaster runs get ${shortId(child)}`,
  };
}

/** One sentence: what a step waits for that no agent has. */
function summarizeWait({ node, detail }: Step): string {
  const dueAt = detail?.waitUntil ?? 0;
  const until = dueAt === 0 ? '' : timeText(dueAt);
  if (node.kind !== 'signal') return until === '' ? 'waits' : `waits until ${until}`;
  const title = detail?.title === undefined || detail.title === '' ? '' : `: ${detail.title}`;
  const who = node.answerers.length === 0 ? '' : ` from ${node.answerers.join(' or ')}`;
  return `waits for signal "${node.signal}"${who}${until === '' ? '' : ` until ${until}`}${title}`;
}

function timeText(ms: number): string {
  return toJson(TimestampSchema, timestampFromMs(ms));
}

function nextTryText(step: Step): string {
  const next = nextTryOf(step);
  return next === undefined ? 'its next try' : `try ${next.number} of ${next.of}`;
}

/** An agent step that is not queued: somebody has it, or had it. */
function waitOfAttempts(state: RunState, step: Step, { isOutOfReach }: WaitFacts): StepWait {
  const { detail } = step;
  const run = shortId(state.runId);
  const watch = `yardmaster runs watch ${run}`;
  const live = liveAttempts(step).at(-1);
  const stopping = attemptsOf(step).findLast(({ isUnconfirmed }) => isUnconfirmed);
  const retryAt = detail?.retryAt ?? 0;
  if (live === undefined && stopping !== undefined && retryAt > (detail?.backoffUntil ?? 0)) {
    const summary = `attempt ${stopping.number} on ${nameOf(stopping)} was told to stop and has not said that it did`;
    return {
      reason: 'STOPPING',
      summary,
      next: `yardmaster agents get ${stopping.agentId}`,
      since: stopping.endedAt,
      dueAt: retryAt,
    };
  }
  if (live === undefined && retryAt > 0) {
    const last = attemptsOf(step).at(-1);
    const why = last?.failure === undefined ? '' : ` after ${last.failure.code}`;
    const summary = `waits until ${timeText(retryAt)} for ${nextTryText(step)}${why}`;
    return { reason: 'BACKOFF', summary, next: watch, since: last?.endedAt ?? 0, dueAt: retryAt };
  }
  if (live === undefined) return runs(`${step.path} is ${step.status}`, watch);
  const stoppingUntil = detail?.stoppingUntil ?? 0;
  if (stoppingUntil > 0) {
    const summary = `was told to stop; ${nameOf(live)} may answer until ${timeText(stoppingUntil)}`;
    return {
      reason: 'STOPPING',
      summary,
      next: `yardmaster agents get ${live.agentId}`,
      since: 0,
      dueAt: stoppingUntil,
    };
  }
  if (live.isUnreachable || isOutOfReach(live.instanceId)) {
    const summary = `its agent ${nameOf(live)} is out of reach; it may come back with the step until it counts as lost`;
    return { reason: 'AGENT_UNREACHABLE', summary, next: `yardmaster agents get ${live.agentId}`, since: 0, dueAt: 0 };
  }
  return runs(`runs on ${nameOf(live)} since ${timeText(live.startedAt)}`, watch);
}
