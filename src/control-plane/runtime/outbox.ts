/** What goes out to the agents after a commit, collected so that each stream gets one Dispatch per commit. */
import type { Clock } from '../../core/clock.ts';
import { times } from '../../core/limits.ts';
import type { ResultVerdict } from '../engine/status.ts';
import type { CapabilityAnswer, ChunkAck, InstanceState, WireAssignment, WireStop } from '../registry/frames.ts';
import type { Instance } from '../registry/instance.ts';

const NO_CHUNKS: readonly ChunkAck[] = [];

interface Outgoing {
  readonly instance: Instance;
  assignments: WireAssignment[];
  stops: WireStop[];
  results: { readonly attemptId: string; readonly verdict: ResultVerdict }[];
  beat: number;
  stateRevision: number;
  /** The latest of each attempt. */
  readonly chunks: Map<string, ChunkAck>;
  capabilities: readonly CapabilityAnswer[] | undefined;
}

export class Outbox {
  private readonly clock: Clock;
  private readonly registryTime: () => number;
  private readonly onFlushed: () => void;
  private outgoing = new Map<Instance, Outgoing>();
  private isScheduled = false;
  private isDelayed = false;

  /** `onFlushed`: all that was collected is with the streams. */
  constructor(clock: Clock, registryTime: () => number, onFlushed: () => void = () => {}) {
    this.clock = clock;
    this.registryTime = registryTime;
    this.onFlushed = onFlushed;
  }

  assign(instance: Instance, assignment: WireAssignment): void {
    instance.sync.sent();
    this.of(instance).assignments.push(assignment);
  }

  stop(instance: Instance, stop: WireStop): void {
    // In one Dispatch stops come first: an agent would not know yet what is to stop.
    if (this.of(instance).assignments.some(({ attemptId }) => attemptId === stop.attemptId)) this.flush();
    this.of(instance).stops.push(stop);
    const held = instance.held.get(stop.attemptId);
    if (held !== undefined && instance.peer !== undefined)
      held.stopSent ??= instance.sync.stopSent(this.registryTime());
  }

  ackResult(instance: Instance, attemptId: string, verdict: ResultVerdict): void {
    instance.sync.sent();
    this.of(instance).results.push({ attemptId, verdict });
  }

  /** An answer that asks for chunks, or refuses them, is not lost to one that comes after it. */
  ackChunks(instance: Instance, ack: ChunkAck): void {
    const { chunks } = this.of(instance);
    const earlier = chunks.get(ack.attemptId)?.verdict ?? 'STORED';
    chunks.set(ack.attemptId, ack.verdict === 'STORED' ? { ...ack, verdict: earlier } : ack);
  }

  ackBeat(instance: Instance, beat: number): void {
    this.of(instance).beat = beat;
    this.flushLater();
  }

  ackState(instance: Instance, revision: number): void {
    const outgoing = this.of(instance);
    outgoing.stateRevision = revision;
    // An older State changed nothing, and has no answers of its own.
    outgoing.capabilities = revision === instance.state.revision ? answersOf(instance.state) : undefined;
    this.flushSoon();
  }

  /** Acks of beats are in no hurry, and a batch of them costs a fraction of as many turns. */
  private flushLater(): void {
    if (this.isDelayed) return;
    this.isDelayed = true;
    this.clock.timer(times.beatAckDelayMs, () => {
      this.isDelayed = false;
      this.flush();
    });
  }

  /** For what does not wait for a commit: sent at the end of the turn. */
  flushSoon(): void {
    if (this.isScheduled) return;
    this.isScheduled = true;
    this.clock.turn(() => {
      this.isScheduled = false;
      this.flush();
    });
  }

  flush(): void {
    if (this.outgoing.size > 0) this.sendAll();
    this.onFlushed();
  }

  private sendAll(): void {
    const sending = this.outgoing;
    this.outgoing = new Map();
    for (const { instance, chunks, capabilities, ...lists } of sending.values()) {
      if (instance.peer === undefined) continue;
      const answers = capabilities === undefined ? {} : { capabilities };
      const acks = chunks.size === 0 ? NO_CHUNKS : [...chunks.values()];
      instance.peer.send({ type: 'dispatch', ...lists, chunks: acks, ...answers });
    }
  }

  private of(instance: Instance): Outgoing {
    let outgoing = this.outgoing.get(instance);
    if (outgoing === undefined) {
      outgoing = {
        instance,
        assignments: [],
        stops: [],
        results: [],
        beat: 0,
        stateRevision: 0,
        chunks: new Map(),
        capabilities: undefined,
      };
      this.outgoing.set(instance, outgoing);
    }
    return outgoing;
  }
}

/** Undefined: every capability is accepted, which needs no list. */
function answersOf({ capabilities, refused }: InstanceState): readonly CapabilityAnswer[] | undefined {
  if (refused === undefined) return undefined;
  return [...capabilities.map(({ name, version }) => ({ name, version })), ...refused];
}
