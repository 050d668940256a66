/**
 * Whether an open run goes on as it should. Pure: what is known of the run and of the fleet goes in, incidents come out.
 *
 * An incident is one fact that lasts: the same in every look for as long as it holds, known by its `key`.
 */
import { formatDuration } from '../../core/duration.ts';
import { shortId } from '../../core/ids.ts';
import { liveAttempts } from '../engine/attempts.ts';
import { liveSteps } from '../engine/frames.ts';
import { type AgentStep, type AttemptRecord, isAgentStep, type RunState, type Step } from '../engine/state.ts';
import { isRunOver, isStepOver } from '../engine/status.ts';
import type { PastWorkflow } from './past-runs.ts';

/** Milliseconds. */
export interface StuckThresholds {
  /** Nothing is under way for so long. */
  readonly idleMs: number;
  /** A step waits for an agent that is not there for so long; 0: that is no incident. */
  readonly noAgentMs: number;
  /** An attempt takes so many times what is usual; 0: that is no incident. */
  readonly overdueFactor: number;
  /** And at least so long. */
  readonly overdueMs: number;
}

export type StuckReason = 'IDLE' | 'OVERDUE' | 'NO_AGENT';

export interface Incident {
  readonly key: string;
  readonly reason: StuckReason;
  /** '': the run itself. */
  readonly path: string;
  /** Of the attempt; 0: none. */
  readonly number: number;
  /** '': nobody has it. */
  readonly agentId: string;
  /** Wall ms. */
  readonly since: number;
  /** One sentence, without a full stop. */
  readonly message: string;
  /** A command. */
  readonly next: string;
}

export interface StuckFacts {
  /** Wall ms. */
  readonly now: number;
  /** Since the last decision about the run, or the start of this process, ms: by a clock that nobody sets. */
  readonly stillMs: number;
  readonly past: PastWorkflow | undefined;
  /** The scheduler has the step. */
  readonly isQueued: (path: string) => boolean;
  /** Some known instance could take the queued step, now or when it has room. */
  readonly canBeTaken: (step: AgentStep) => boolean;
  /** The instance is known, and the attempt takes a slot of it. */
  readonly isHeld: (path: string, attempt: AttemptRecord) => boolean;
}

/** Completed attempts that say what is usual. */
const SAMPLES_MIN = 3;
/** Of one run that are told. */
const INCIDENTS_MAX = 20;
const ORDER: Readonly<Record<StuckReason, number>> = { IDLE: 0, OVERDUE: 1, NO_AGENT: 2 };

/** The worst first; empty: it goes on. */
export function findIncidents(state: RunState, facts: StuckFacts, thresholds: StuckThresholds): readonly Incident[] {
  if (isRunOver(state.status) || state.status === 'QUEUED' || state.pausedAt > 0) return [];
  const steps = liveSteps(state);
  const incidents: Incident[] = [];
  for (const step of steps) {
    if (!isAgentStep(step) || isStepOver(step.status)) continue;
    incidents.push(...findOverdue(state, step, facts, thresholds), ...findUnwanted(state, step, facts, thresholds));
  }
  if (isIdle(state, steps, facts, thresholds)) incidents.push(idleOf(state, facts));
  return incidents.sort((a, b) => ORDER[a.reason] - ORDER[b.reason] || a.since - b.since).slice(0, INCIDENTS_MAX);
}

function isIdle({ tryAt }: RunState, steps: readonly Step[], facts: StuckFacts, { idleMs }: StuckThresholds): boolean {
  if (facts.stillMs < idleMs || (tryAt > 0 && tryAt + idleMs > facts.now)) return false;
  return !steps.some((step) => isUnderWay(step, facts, idleMs));
}

function idleOf({ runId }: RunState, { now, stillMs }: StuckFacts): Incident {
  const message = `nothing has moved for ${formatDuration(stillMs)}, and nothing is under way that could`;
  const next = `yardmaster runs cancel ${shortId(runId)}, then runs retry; it is a fault of the control plane`;
  return { key: 'IDLE', reason: 'IDLE', path: '', number: 0, agentId: '', since: now - stillMs, message, next };
}

/** Something will happen to the step by itself, or it waits for somebody outside. A timer may be `graceMs` late. */
function isUnderWay(step: Step, facts: StuckFacts, graceMs: number): boolean {
  const { status, isQueued, detail, path } = step;
  if (status === 'PENDING' || isStepOver(status)) return false;
  const isToCome = (at: number): boolean => at > 0 && at + graceMs > facts.now;
  const { waitUntil = 0, retryAt = 0, stoppingUntil = 0 } = detail ?? {};
  if (status === 'WAITING' && waitUntil === 0 && retryAt === 0) return true;
  if (isToCome(waitUntil) || isToCome(retryAt) || isToCome(stoppingUntil)) return true;
  if (isQueued) return facts.isQueued(path);
  return liveAttempts(step).some((attempt) => facts.isHeld(path, attempt) || isToCome(attempt.deadlineAt));
}

/** An attempt that takes much longer than the last that completed. */
function findOverdue(
  { runId }: RunState,
  step: AgentStep,
  { now, past }: StuckFacts,
  { overdueFactor, overdueMs }: StuckThresholds,
): readonly Incident[] {
  const sample = past?.steps.get(step.node.id)?.attempts;
  const usualMs = sample?.median();
  if (sample === undefined || usualMs === undefined || sample.count < SAMPLES_MIN || overdueFactor === 0) return [];
  const limitMs = Math.max(usualMs * overdueFactor, sample.longest(), overdueMs);
  return liveAttempts(step)
    .filter(({ startedAt, isUnreachable }) => !isUnreachable && now - startedAt > limitMs)
    .map(({ number, startedAt, agentId, instanceId }) => {
      const took = formatDuration(now - startedAt);
      return {
        key: `OVERDUE ${step.path}#${number}`,
        reason: 'OVERDUE',
        path: step.path,
        number,
        agentId,
        since: startedAt + limitMs,
        message: `"${step.path}" has run for ${took} on ${agentId}/${instanceId.slice(-4)}; it usually takes ${formatDuration(usualMs)}`,
        next: `yardmaster agents get ${agentId}, or runs cancel ${shortId(runId)}`,
      };
    });
}

/** A step that waits for an agent that is not there, and no timeout will end that. */
function findUnwanted(
  { runId }: RunState,
  step: AgentStep,
  { now, canBeTaken }: StuckFacts,
  { noAgentMs }: StuckThresholds,
): readonly Incident[] {
  const { node, path, isQueued, queuedAt } = step;
  if (noAgentMs === 0 || !isQueued || now - queuedAt < noAgentMs) return [];
  if (node.queueTimeoutMs !== undefined || node.totalTimeoutMs !== undefined || canBeTaken(step)) return [];
  const action = node.version === undefined ? node.action : `${node.action} ${node.version}`;
  const wanted = node.agentId === undefined ? `offers ${action}` : `is ${node.agentId} and offers ${action}`;
  return [
    {
      key: `NO_AGENT ${path} ${queuedAt}`,
      reason: 'NO_AGENT',
      path,
      number: 0,
      agentId: '',
      since: queuedAt,
      message: `"${path}" has waited ${formatDuration(now - queuedAt)} for an agent that ${wanted}; no live one could take it`,
      next: `yardmaster runs explain ${shortId(runId)} ${path}`,
    },
  ];
}
