/** One process of an agent as the control plane knows it: its session, what it offers and what it holds. */

import { ChurnMap } from '../../core/churn-map.ts';
import { NOTHING_MISSED } from './acceptance.ts';
import { type Labels, NO_LABELS } from './agent-labels.ts';
import type { Capability, InstanceState, SessionPeer, WireStop } from './frames.ts';
import { HeldSync, type SentStop } from './held-sync.ts';
import type { Cordon } from './operations.ts';

export type AgentStatus = 'READY' | 'CORDONED' | 'DRAINING' | 'SUSPECT' | 'UNREACHABLE' | 'LOST';

/** An attempt that takes a slot of its instance: LIVE, or ended by our word and not confirmed yet. */
export interface HeldAttempt {
  readonly attemptId: string;
  readonly runId: string;
  readonly path: string;
  readonly number: number;
  readonly capability: string;
  /** Its concurrency key, taken with its slot; absent: none. */
  readonly key?: string;
  /** Undefined for one found leased after a restart: the engine knows. */
  readonly idempotent: boolean | undefined;
  /** 0: the instance's or the fleet's. */
  readonly lossWindowMs: number;
  /** Registry time until which it must be accepted; 0: accepted. */
  acceptUntil: number;
  /** Wall ms of the last sign of the handler (progress, checkpoint, log). */
  heardAt: number;
  /** Set when we asked it to stop; said again after a reconnect. */
  stop: WireStop | undefined;
  /** The first time that it left on this stream, or on the last one. */
  stopSent?: SentStop | undefined;
  /** It has left us on this stream, or the instance lists it. */
  isSent: boolean;
  /** It was given away and is no longer LIVE for us: only its slot is still taken. */
  isFenced: boolean;
  /** What its assignment weighs on the wire, about, until it has left. Absent: little, or it has. */
  readonly bytes?: number;
  /** Latest checkpoint: when it was last written (registry time), and whether one waits. */
  checkpointAt: number;
}

export interface Instance {
  readonly namespace: string;
  readonly agentId: string;
  readonly instanceId: string;
  place: string;
  sdk: { readonly name: string; readonly version: string; readonly language: string };
  status: AgentStatus;
  state: InstanceState;
  /** What operators say of its agent: they win over those of `state`. */
  operatorLabels: Labels;
  /** The current stream; undefined while there is none. */
  peer: SessionPeer | undefined;
  readonly held: ChurnMap<HeldAttempt>;
  load: number;
  rttMs: number;
  /** Registry time of the last frame received. */
  lastFrameAt: number;
  /** Wall ms, for people. */
  connectedAt: number;
  lastSeenAt: number;
  saidGoodbye: boolean;
  /** A person types its frames: its stream is its only sign of life. */
  isManual: boolean;
  /** An operator keeps new work away, whatever the status is. */
  cordon: Cordon | undefined;
  /** Registry time at which it was last asked to move elsewhere. */
  askedToMoveAt: number;
  /** It reads its stream too slowly: what is queued for it comes first. */
  isBehind: boolean;
  /** So much work is on its way to it that more would only wait (Feeding). */
  isFilled: boolean;
  /** Bytes that were leased to it and may not have been taken by its connection: at least as many as there are. */
  ahead: number;
  /** Its stream ended together with too many others: what it holds waits for it, idempotent or not. */
  isHeldBack: boolean;
  /** Attempts that were moved since its window was over. */
  moved: number;
  /** How often in a row it accepted nothing, and the registry time of the last. */
  missed: { readonly count: number; readonly at: number };
  /** Whether it and we agree on what it holds. */
  readonly sync: HeldSync;
  /** A newer start of the agent came to its place, at this registry time. */
  succeeded: { readonly instanceId: string; readonly at: number } | undefined;
}

export const NO_STATE: InstanceState = { revision: 0, capabilities: [], slots: 0, draining: false, labels: {} };

export function capabilityOf(instance: Instance, name: string): Capability | undefined {
  return instance.state.capabilities.find((capability) => capability.name === name);
}

/** True when the instance may be given new work. */
export function acceptsWork(instance: Instance): boolean {
  return instance.peer !== undefined && instance.status === 'READY' && !instance.isBehind;
}

/** True when it may be given new work at this moment. */
export function hasRoom(instance: Instance): boolean {
  return acceptsWork(instance) && !instance.isFilled;
}

export function createInstance(identity: {
  readonly namespace: string;
  readonly agentId: string;
  readonly instanceId: string;
  readonly now: number;
  readonly wall: number;
}): Instance {
  return {
    namespace: identity.namespace,
    agentId: identity.agentId,
    instanceId: identity.instanceId,
    place: '',
    sdk: { name: '', version: '', language: '' },
    status: 'UNREACHABLE',
    state: NO_STATE,
    operatorLabels: NO_LABELS,
    peer: undefined,
    held: new ChurnMap(),
    load: 0,
    rttMs: -1,
    lastFrameAt: identity.now,
    connectedAt: 0,
    lastSeenAt: identity.wall,
    saidGoodbye: false,
    isManual: false,
    cordon: undefined,
    askedToMoveAt: Number.NEGATIVE_INFINITY,
    isBehind: false,
    isFilled: false,
    ahead: 0,
    isHeldBack: false,
    moved: 0,
    missed: NOTHING_MISSED,
    sync: new HeldSync(),
    succeeded: undefined,
  };
}
